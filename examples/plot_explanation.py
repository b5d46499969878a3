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
# Attention is something else: where the network looked, never less than nothing. It does not say
# what came of it, and the linear path beside the network has none.

display = AttentionDisplay.from_explanation(explanation, kind="word_label")
