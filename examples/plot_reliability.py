"""
Can I trust the probabilities?
==============================

Of the labels with a predicted probability of 30 %, 30 % should apply. If they do, the curve lies on
the diagonal, and probabilities can be used to weigh costs.
"""

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from sklabelemb import LabelwiseCalibrator
from sklabelemb.datasets import load_support_requests
from sklabelemb.plotting import ReliabilityDisplay

requests = load_support_requests(as_frame=True)
X, y = requests.data, requests.target
train, test = slice(0, 450), slice(450, None)

model = make_pipeline(TfidfVectorizer(sublinear_tf=True), OneVsRestClassifier(LogisticRegression()))
model.fit(X[train], y[train])
calibrated = LabelwiseCalibrator(model, random_state=0).fit(X[train], y[train])

# %%
# Above the diagonal a model is underconfident: of the labels with a probability of 40 %, nearly all
# apply. :class:`~sklabelemb.LabelwiseCalibrator` corrects that by cross-validation on the training
# texts.

display = ReliabilityDisplay.from_estimator(model, X[test], y[test], name="as fitted")
display = ReliabilityDisplay.from_estimator(
    calibrated, X[test], y[test], name="calibrated by label", ax=display.ax_
)

# %%
# Label by label, bins have few texts each, so the curves are noisy.

display = ReliabilityDisplay.from_estimator(
    calibrated, X[test], y[test], labels=["delivery", "refund", "complaint"], n_bins=5
)
