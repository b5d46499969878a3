"""
Is it better, or only luckier?
==============================

On 169 test texts a difference of a few points may be chance. The paired bootstrap resamples the
test texts two thousand times, and shows how much the difference varies.
"""

from sklearn.linear_model import LogisticRegression

from sklabelemb import BinaryRelevance, ClassifierChain, LEAMClassifier, ThresholdTuner
from sklabelemb.comparison import compare_on_test
from sklabelemb.datasets import load_support_requests

requests = load_support_requests(as_frame=True)
X, y = requests.data, requests.target
train, test = slice(0, 450), slice(450, None)

linear = LogisticRegression(C=10)
models = {
    "linear": BinaryRelevance(classifier=linear),
    "chain of linear models": ClassifierChain(classifier=linear, random_state=0),
    "linear, tuned thresholds": ThresholdTuner(BinaryRelevance(classifier=linear), random_state=0),
    "LEAM": LEAMClassifier(embedding_dim=32, max_epochs=8, random_state=0),
}
predictions = {
    name: model.fit(X[train], y[train]).predict(X[test]) for name, model in models.items()
}
comparison = compare_on_test(predictions, y[test])
print(comparison)

# %%
# An interval that does not include 0 shows a difference.

display = comparison.plot()
