"""
Which labels are alike, and do texts lie around them?
=====================================================

LEAM embeds labels, words and texts in one space. A two-dimensional map shows which labels are
close, and whether texts cluster around their labels.
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
# A pretrained encoder knows what the labels' names mean before it has seen a single text. With
# ``sklabelemb[hf]`` installed::
#
#     LabelMapDisplay.from_texts(
#         requests.label_texts, X, y, encoder="sentence-transformers/all-MiniLM-L6-v2"
#     )
