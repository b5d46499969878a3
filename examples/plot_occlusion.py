"""
How do explanations compare with SHAP, LIME and leaving words out?
==================================================================

``explain`` says what each word added to a label's logit, in one pass over the text. SHAP and LIME
query the classifier with many variants of the text; the simplest variants leave out one word. Do
both find the same words?
"""

import numpy as np
from matplotlib import pyplot as plt

from sklabelemb import LEAMClassifier
from sklabelemb.datasets import load_support_requests
from sklabelemb.text import Tokenizer

requests = load_support_requests(as_frame=True)
X, y = requests.data, requests.target
model = LEAMClassifier(embedding_dim=64, max_epochs=5, random_state=0).fit(X[:500], y[:500])

# %%
# How much does the logit of the most probable label fall without each word?


def without_each_word(text, label):
    spans = Tokenizer().spans(text)
    variants = [text, *(text[:start] + text[stop:] for start, stop in spans)]
    logits = model.decision_function(variants)[:, list(model.label_names_).index(label)]
    return logits[0] - logits[1:]


agreement = []
for text in X[500:520]:
    [explanation] = model.explain([text])
    column = int(np.argmax(explanation.proba))
    fall = without_each_word(text, explanation.label_names[column])
    if len(fall) > 2:
        agreement.append(np.corrcoef(fall, explanation.contributions[:, column])[0, 1])
print(f"correlation over words, median of {len(agreement)} texts: {np.median(agreement):.2f}")

# %%
# One text, both ways.

text = "The kettle arrived broken and I would like my money back."
[explanation] = model.explain([text])
column = int(np.argmax(explanation.proba))
label = explanation.label_names[column]
places = np.arange(len(explanation.tokens))
figure, ax = plt.subplots(figsize=(7.5, 3), layout="constrained")
told = explanation.contributions[:, column]
ax.bar(places - 0.2, told, 0.38, color="tab:blue", label="explain")
ax.bar(places + 0.2, without_each_word(text, label), 0.38, color="0.6", label="word left out")
ax.set_xticks(places, explanation.tokens, rotation=60, ha="right")
ax.axhline(0, color="0.3", lw=0.8)
ax.set(ylabel=f'logit of "{label}"')
ax.legend(frameon=False)

# %%
# Both libraries work with any classifier that returns probabilities for texts. They read a text
# hundreds of times, ``explain`` only once:
#
# .. code-block:: python
#
#     from lime.lime_text import LimeTextExplainer  # pip install lime
#
#     lime = LimeTextExplainer(class_names=list(model.label_names_))
#     lime.explain_instance(text, model.predict_proba, labels=[column], num_samples=500)
#
#     import shap  # pip install shap
#
#     explainer = shap.Explainer(model.predict_proba, shap.maskers.Text(r"\W+"))
#     explainer([text])
