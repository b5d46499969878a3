"""
How do I add a label to a trained model?
========================================

Labels are known by their texts, so a new one needs no training texts at all. How good are its first
scores, compared with those of a model that was trained with it?
"""

from copy import deepcopy

import numpy as np
from matplotlib import pyplot as plt
from sklearn.metrics import average_precision_score

from sklabelemb import LEAMClassifier
from sklabelemb.datasets import load_support_requests

requests = load_support_requests(as_frame=True)
X, y = requests.data, requests.target
train, test = np.arange(len(X)) < 450, np.arange(len(X)) >= 450
small = {"embedding_dim": 64, "max_epochs": 8, "random_state": 0}

# %%
# The model is trained without the label "voucher", and on texts that do not carry it. Then the
# label is added, by its name or by a description. All other scores stay the same.

without = train & (y["voucher"] == 0)
model = LEAMClassifier(**small).fit(X[without], y[without].drop(columns="voucher"))
by_name = deepcopy(model).add_labels(["voucher"])
by_description = deepcopy(model).add_labels(["voucher"], ["vouchers, gift cards, discount codes"])
trained = LEAMClassifier(**small).fit(X[train], y[train])

# %%
# Average precision of the label on the test texts; for chance it is the share of texts with the
# label.

found = {"chance": y["voucher"][test].mean()}
n_texts = int(y["voucher"][train].sum())
models = {"its name": by_name, "a description": by_description, f"{n_texts} texts": trained}
for known_by, one in models.items():
    place = list(one.label_names_).index("voucher")
    proba = one.predict_proba(X[test])[:, place]
    found[known_by] = average_precision_score(y["voucher"][test], proba)
    print(f"{known_by:14} {found[known_by]:.2f}")

figure, ax = plt.subplots(figsize=(5.5, 2.4), layout="constrained")
bars = ax.barh(list(found), list(found.values()), color=["0.7", *["tab:blue"] * 3])
ax.bar_label(bars, fmt="%.2f", padding=3)
ax.invert_yaxis()
ax.set(xlabel='average precision of "voucher", test', xlim=(0, 1))
