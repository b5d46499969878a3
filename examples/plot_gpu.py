"""
What do I set to train on a GPU?
================================

Nothing: ``device="auto"`` uses a GPU if there is one. Batch size and bfloat16 also matter. The
first line of output shows the device that this page was built on.
"""

from time import perf_counter

import torch
from matplotlib import pyplot as plt

from sklabelemb import LEAMClassifier
from sklabelemb.datasets import load_support_requests

device = torch.cuda.get_device_name() if torch.cuda.is_available() else "a processor"
print("built on", device)
requests = load_support_requests(as_frame=True)
X, y = requests.data, requests.target

# %%
# On a GPU a step takes about as long for 16 texts as for 64, so large batches pay off. They mean
# fewer steps, so ``learning_rate`` or ``max_epochs`` may have to be larger.

small = {"embedding_dim": 128, "max_epochs": 6, "wide": False, "random_state": 0}
settings = {
    "batches of 16": {"batch_size": 16},
    "batches of 64": {"batch_size": 64},
    "batches of 64, bfloat16": {"batch_size": 64, "mixed_precision": True},
}
seconds = {}
for name, parameters in settings.items():
    start = perf_counter()
    model = LEAMClassifier(**small, **parameters).fit(X[:450], y[:450])
    seconds[name] = perf_counter() - start

figure, ax = plt.subplots(figsize=(6, 2), layout="constrained")
bars = ax.barh(list(seconds), list(seconds.values()), color="tab:blue")
ax.bar_label(bars, fmt="%.1f s", padding=3)
ax.invert_yaxis()
ax.set(xlabel=f"seconds to fit, on {device}", xlim=(0, 1.2 * max(seconds.values())))

# %%
# If memory is exhausted, the error says what to change: a smaller ``batch_size``, a shorter
# ``max_length``, ``accumulation_steps`` of ``LACOClassifier``. A model that was trained on a GPU
# loads anywhere:
#
# .. code-block:: python
#
#     model = LEAMClassifier(device="cuda:1", mixed_precision=True).fit(X, y)
#     save(model, "model")
#     load("model", device="cpu")
