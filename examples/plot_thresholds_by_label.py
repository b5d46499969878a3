"""
Does each label need a threshold of its own?
============================================

Rare labels get low probabilities, so they may never reach a threshold that suits frequent labels.
Here every label has its own, tuned for macro-F1, in which all labels have the same weight.
"""

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from sklabelemb import ThresholdTuner
from sklabelemb.datasets import load_support_requests
from sklabelemb.plotting import ThresholdDisplay

requests = load_support_requests(as_frame=True)
X, y = requests.data, requests.target
train, test = slice(0, 450), slice(450, None)

model = make_pipeline(TfidfVectorizer(sublinear_tf=True), OneVsRestClassifier(LogisticRegression()))
tuner = ThresholdTuner(model, objective="macro_f1", per_label=True, random_state=0)
tuner.fit(X[train], y[train])

# %%
# F1 of six labels over the threshold. Each dot is the threshold that was chosen on the training
# texts. The peaks are at different thresholds.

labels = ["delivery", "refund", "payment", "account", "warranty", "voucher"]
display = ThresholdDisplay.from_estimator(tuner, X[test], y[test], labels=labels)
display.ax_.set_xlim(0, 0.7)

# %%
# With all labels pooled, the ticks at the bottom are the labels' own thresholds.

display = ThresholdDisplay.from_estimator(tuner, X[test], y[test])

# %%
# Macro-F1 of the test texts, with 0.5, with one threshold for all, and with twelve:

common = ThresholdTuner(model, objective="macro_f1", per_label=False, random_state=0)
common.fit(X[train], y[train])
for name, one in {"0.5": tuner.estimator_, "common": common, "per label": tuner}.items():
    f1 = f1_score(y[test], one.predict(X[test]), average="macro", zero_division=0)
    print(f"{name:10} {f1:.3f}")
