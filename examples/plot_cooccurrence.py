"""
Are labels combined as people combine them?
===========================================

Many of the texts about a wrong item also ask for a return. A classifier that predicts each label
separately may miss that. The third picture shows its errors: blue pairs are predicted together too
rarely, red ones too often.
"""

from sklabelemb import LEAMClassifier
from sklabelemb.datasets import load_support_requests
from sklabelemb.metrics import cooccurrence_divergence
from sklabelemb.plotting import LabelCooccurrenceDisplay

requests = load_support_requests(as_frame=True)
X, y = requests.data, requests.target
train, test = slice(0, 450), slice(450, None)

model = LEAMClassifier(embedding_dim=64, max_epochs=10, random_state=0)
model.fit(X[train], y[train])
display = LabelCooccurrenceDisplay.from_estimator(model, X[test], y[test], labels=8)

# %%
# The same as one number (0 is perfect), weighted by how frequent labels are:

print(f"{cooccurrence_divergence(y[test], model.predict(X[test])):.3f}")
