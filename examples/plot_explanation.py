"""
Which words spoke for which label?
==================================

``explain`` says what each word added to the log-odds of each label. Red cells speak for the label
of the row, blue ones against it.
"""

from sklabelemb import LEAMClassifier
from sklabelemb.datasets import load_support_requests
from sklabelemb.plotting import AttentionDisplay

requests = load_support_requests(as_frame=True)
X, y = requests.data, requests.target

model = LEAMClassifier(embedding_dim=64, max_epochs=15, random_state=0)
model.fit(X[:450], y[:450])

text = "The kettle arrived with a broken lid. Please send my money back, the voucher too."
[explanation] = model.explain([text])
print(explanation.predicted_labels())
display = AttentionDisplay.from_explanation(explanation)

# %%
# Attention is different: it shows where the network looked, and is never negative. It does not show
# the effect on the label, and the linear path beside the network has none.

display = AttentionDisplay.from_explanation(explanation, kind="word_label")
