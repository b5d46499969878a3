"""
How do I use callbacks of skorch?
=================================

``net_params`` takes them: to watch training, to stop it, to change the learning rate. Here a custom
callback records how far the label embeddings move, and a callback of skorch stops the training.
"""

import numpy as np
from matplotlib import pyplot as plt
from skorch.callbacks import Callback, EarlyStopping

from sklabelemb import LEAMClassifier
from sklabelemb.datasets import load_support_requests

requests = load_support_requests(as_frame=True)
X, y = requests.data, requests.target

# %%
# A callback is called after each epoch. ``net.module_`` is the torch module, ``net.history`` what
# was recorded.


class LabelMovement(Callback):
    """How far the label embeddings lie from where they started."""

    def on_train_begin(self, net, **kwargs):
        self.start, self.moved = self._labels(net), []

    def on_epoch_end(self, net, **kwargs):
        self.moved.append(float(np.linalg.norm(self._labels(net) - self.start)))

    @staticmethod
    def _labels(net):
        return net.module_.label_embedding.detach().cpu().numpy().copy()


movement = LabelMovement()
stop = EarlyStopping(monitor="valid_score", lower_is_better=False, patience=4)
model = LEAMClassifier(
    embedding_dim=64,
    max_epochs=40,
    patience=None,
    validation_fraction=0.2,
    net_params={"callbacks": [("movement", movement), ("stop", stop)]},
    random_state=0,
).fit(X[:450], y[:450])
print(f"stopped after {model.n_iter_} of 40 epochs")

# %%
# The history has the micro-F1 of the held-out texts beside the losses.

rows = model.history_
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained")
left.plot([row["epoch"] for row in rows], [row["valid_micro_f1"] for row in rows], marker="o", ms=3)
left.set(xlabel="epoch", ylabel="micro-F1, held out", ylim=(0, 1))
right.plot([row["epoch"] for row in rows], movement.moved, color="tab:orange", marker="o", ms=3)
right.set(xlabel="epoch", ylabel="distance of label embeddings")
