"""
In which order are labels found?
================================

The sequence-to-sequence model emits the labels of a text one after the other, each conditioned on
those before it. The explanation shows the attention over the words in each step.
"""

from sklabelemb import SemanticUnitSeq2SeqClassifier
from sklabelemb.datasets import load_support_requests
from sklabelemb.plotting import AttentionDisplay

requests = load_support_requests(as_frame=True)
X, y = requests.data, requests.target

model = SemanticUnitSeq2SeqClassifier(
    embedding_dim=32, hidden_size=32, n_layers=1, max_epochs=10, random_state=0
)
model.fit(X[:350], y[:350])

text = "The kettle arrived broken. I want my money back, and the courier was rude."
[best] = model.predict_sequence([text])
for sequence in (best, *best.alternatives[:3]):
    print(f"{sequence.probability:.2f}", " → ".join(sequence.labels))

# %%
# Rows are the steps of the most probable sequence.

[explanation] = model.explain([text])
display = AttentionDisplay.from_explanation(explanation, kind="step_word")
