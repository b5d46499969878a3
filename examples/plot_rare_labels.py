"""
Which classifier does better on rare labels?
============================================

Frequent labels dominate micro-F1. Here the labels are split into three groups by the number of
their training texts.
"""

from sklearn.linear_model import LogisticRegression

from sklabelemb import BinaryRelevance, LEAMClassifier, ThresholdTuner
from sklabelemb.datasets import load_support_requests
from sklabelemb.plotting import F1ByFrequencyDisplay

requests = load_support_requests(as_frame=True)
X, y = requests.data, requests.target
train, test = slice(0, 450), slice(450, None)

linear = BinaryRelevance(classifier=LogisticRegression(C=10))
models = {
    "linear": linear,
    "linear, tuned thresholds": ThresholdTuner(linear, random_state=0),
    "LEAM": LEAMClassifier(embedding_dim=64, max_epochs=10, random_state=0),
}
for model in models.values():
    model.fit(X[train], y[train])

display = F1ByFrequencyDisplay.from_estimator(
    models, X[test], y[test], y_train=y[train], n_groups=3
)
