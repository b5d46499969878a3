"""
Which labels are found, and at what price?
==========================================

One number for twelve labels hides which of them are reliable. Each curve shows how many of a
label's texts are found (recall) and how many of those found are correct (precision); the dot marks
the model's threshold.
"""

from sklabelemb import LEAMClassifier
from sklabelemb.datasets import load_support_requests
from sklabelemb.plotting import PrecisionRecallByLabelDisplay

requests = load_support_requests(as_frame=True)
X, y = requests.data, requests.target
train, test = slice(0, 450), slice(450, None)

model = LEAMClassifier(embedding_dim=64, max_epochs=10, random_state=0)
model.fit(X[train], y[train])

labels = ["delivery", "refund", "returns", "complaint", "account", "voucher"]
display = PrecisionRecallByLabelDisplay.from_estimator(model, X[test], y[test], labels=labels)

# %%
# Labels with a characteristic word ("refund", "voucher") are easy. A complaint is a matter of tone,
# without a word that all complaints share.

for name, precision in zip(display.names, display.average_precision, strict=True):
    print(f"{name:10} {precision:.2f}")
