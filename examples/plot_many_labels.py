"""
How do I classify with thousands of labels?
===========================================

With a tree: labels are clustered, and for each text only the most probable paths are searched. The
corpus here is made up: up to 1,000 labels, each with a few words of its own, most of them rare. How
does the time of a tree grow with their number, and that of one model per label?
"""

from time import perf_counter

import numpy as np
import scipy.sparse as sp
from matplotlib import pyplot as plt

from sklabelemb import BinaryRelevance, LabelTreeClassifier
from sklabelemb.metrics import precision_at_k

rng = np.random.default_rng(0)


def corpus(n_labels, n_texts=2000):
    """Texts with one to three labels, some of whose words they contain."""
    chance = 1 / np.arange(1, n_labels + 1) ** 0.7
    chance /= chance.sum()
    texts, rows, columns = [], [], []
    for row in range(n_texts):
        own = rng.choice(n_labels, size=rng.integers(1, 4), replace=False, p=chance)
        words = [f"w{label}x{rng.integers(3)}" for label in own for _ in range(3)]
        words += [f"common{rng.integers(200)}" for _ in range(8)]
        texts.append(" ".join(rng.permutation(words)))
        rows += [row] * len(own)
        columns += own.tolist()
    y = sp.csr_matrix((np.ones(len(rows), dtype=int), (rows, columns)), (n_texts, n_labels))
    return texts, y


# %%
# Indicators are sparse, in ``fit`` and ``predict``. The probabilities are those of the labels that
# the search has found.

sizes = [100, 300, 1000]
seconds = {"tree": [], "a model for each label": []}
for n_labels in sizes:
    X, y = corpus(n_labels)
    for name, model in (
        ("tree", LabelTreeClassifier(sparse_output=True, random_state=0)),
        ("a model for each label", BinaryRelevance()),
    ):
        if name != "tree" and n_labels > 300:
            continue
        start = perf_counter()
        model.fit(X[:1700], y[:1700])
        seconds[name].append(perf_counter() - start)
        if name == "tree":
            found = precision_at_k(y[1700:], model.predict_proba(X[1700:]), k=1)
            print(
                f"{n_labels:5} labels: the tree's first label is right for {found:.0%} of the texts"
            )

figure, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
for (name, values), colour in zip(seconds.items(), ["tab:blue", "0.6"], strict=True):
    ax.loglog(sizes[: len(values)], values, marker="o", color=colour, label=name)
ax.set(xlabel="labels", ylabel="seconds to fit")
ax.legend(frameon=False)
