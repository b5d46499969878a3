"""
How do I resume a fit that was interrupted?
===========================================

With ``checkpoint=folder``: the next ``fit`` with the same texts and parameters resumes from the
last complete epoch, and gives the same model as a fit without interruption.
"""

import subprocess
import sys
import tempfile

import numpy as np
from matplotlib import pyplot as plt

from sklabelemb import LEAMClassifier
from sklabelemb.datasets import load_support_requests

X, y = load_support_requests(return_X_y=True)
folder = tempfile.mkdtemp()

# %%
# A process that dies in its fifth epoch, as by ``kill -9`` or a power failure:

script = f"""
import os
from sklabelemb import LEAMClassifier
from sklabelemb.datasets import load_support_requests

class PowerFailure:
    epochs = 0
    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_end(self, estimator, context, **data): ...
    def on_fit_task_begin(self, estimator, context, **data):
        self.epochs += context.task_name == "epoch"
        if self.epochs == 5:
            os._exit(9)

X, y = load_support_requests(return_X_y=True)
model = LEAMClassifier(max_epochs=8, random_state=0, checkpoint={folder!r})
model.set_callbacks(PowerFailure()).fit(X[:450], y[:450])
"""
died = subprocess.run([sys.executable, "-c", script], check=False)
print("exit status:", died.returncode)

# %%
# The same fit here, in another process, goes on with the fifth epoch. What it gives is, to the last
# bit, what a fit without an interruption gives.

model = LEAMClassifier(max_epochs=8, random_state=0, checkpoint=folder).fit(X[:450], y[:450])
whole = LEAMClassifier(max_epochs=8, random_state=0).fit(X[:450], y[:450])
print("same probabilities:", np.array_equal(model.predict_proba(X), whole.predict_proba(X)))

figure, ax = plt.subplots(figsize=(5.5, 3), layout="constrained")
for fitted, style, name in ((whole, "-", "in one go"), (model, "o", "interrupted")):
    losses = [epoch["train_loss"] for epoch in fitted.history_]
    ax.plot(np.arange(1, len(losses) + 1), losses, style, label=name)
ax.axvline(4.5, color="0.6", linestyle="--")
ax.set(xlabel="epoch", ylabel="training loss", ylim=(0, None))
ax.legend()
