"""
Why stratify a multi-label split?
=================================

A random split may leave a rare label with hardly any test texts. Iterative stratification assigns
the rarest labels first, so every label is as frequent in each part as in the whole.
"""

import numpy as np
from matplotlib import pyplot as plt
from sklearn.model_selection import KFold

from sklabelemb.datasets import load_support_requests
from sklabelemb.model_selection import MultilabelStratifiedKFold

requests = load_support_requests()
X, y = requests.data, requests.target

# %%
# Ten folds by each method: how many texts of a label each fold has, relative to a tenth of all.

splitters = {
    "KFold": KFold(10, shuffle=True, random_state=0),
    "MultilabelStratifiedKFold": MultilabelStratifiedKFold(10, shuffle=True, random_state=0),
}
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
for ax, (name, splitter) in zip(axes, splitters.items(), strict=True):
    counts = np.array([y[test].sum(axis=0) for _, test in splitter.split(X, y)])
    order = np.argsort(-y.sum(axis=0))
    ax.boxplot((10 * counts / y.sum(axis=0))[:, order], whis=(0, 100))
    ax.set_xticklabels(np.array(requests.target_names)[order], rotation=90)
    ax.set_title(name, fontsize="medium", loc="left")
    ax.axhline(1, color="0.6", linewidth=0.8, zorder=0)
    print(f"{name:27} fewest texts of a label in a fold: {counts.min()}")
axes[0].set_ylabel("texts in a fold / expected")
