"""
Which labels are alike, and do texts lie around them?
=====================================================

LEAM puts labels and words into one space, and a text where its words are. In two dimensions one
sees which labels are close, and whether texts gather around their own.
"""

from sklabelemb import LEAMClassifier
from sklabelemb.datasets import load_support_requests
from sklabelemb.plotting import LabelMapDisplay

requests = load_support_requests(as_frame=True)
X, y = requests.data, requests.target

model = LEAMClassifier(embedding_dim=64, random_state=0)
model.fit(X[:450], y[:450])
display = LabelMapDisplay.from_estimator(model, X[450:], y[450:])

# %%
# t-SNE keeps neighbours together, but distances between groups mean nothing:

display = LabelMapDisplay.from_estimator(model, X[450:], y[450:], method="tsne")

# %%
# A pretrained encoder knows what the labels' names mean before it has seen a text. With
# ``sklabelemb[hf]`` installed::
#
#     LabelMapDisplay.from_texts(
#         requests.label_texts, X, y, encoder="sentence-transformers/all-MiniLM-L6-v2"
#     )
