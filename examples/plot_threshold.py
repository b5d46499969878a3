"""
Where should the threshold be?
==============================

By default a classifier predicts a label if its probability is at least 0.5. Linear models trained
on few texts rarely reach 0.5: precision is high, but most labels are missed.
"""

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from sklabelemb import ThresholdTuner
from sklabelemb.datasets import load_support_requests
from sklabelemb.metrics import multilabel_report
from sklabelemb.plotting import ThresholdDisplay

requests = load_support_requests(as_frame=True)
X, y = requests.data, requests.target
train, test = slice(0, 450), slice(450, None)

model = make_pipeline(
    TfidfVectorizer(sublinear_tf=True), OneVsRestClassifier(LogisticRegression(C=10))
)
model.fit(X[train], y[train])
display = ThresholdDisplay.from_predictions(y[test], model.predict_proba(X[test]), thresholds=0.5)

# %%
# :class:`~sklabelemb.ThresholdTuner` tunes by cross-validation, on the training texts alone. Here
# it chose a threshold for each label (the ticks at the bottom), which does better on the test
# texts than any threshold that all labels share.

tuner = ThresholdTuner(model, random_state=0).fit(X[train], y[train])
display = ThresholdDisplay.from_estimator(tuner, X[test], y[test])

# %%
# In numbers:

for name, one in {"0.5": model, "tuned": tuner}.items():
    report = multilabel_report(y[test].to_numpy(), one.predict(X[test]))
    print(f"{name:6}", {k: round(v, 3) for k, v in report.averages["micro"].items()})
