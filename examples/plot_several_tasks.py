"""
Can one model learn several tasks at once?
==========================================

Two sets of labels over texts of one kind: what a message is about, and which product it names. MTLE
trains one network on both, so that texts of one task help the other. Is it better than a separate
model for the task with few texts?
"""

import numpy as np
from matplotlib import pyplot as plt
from sklearn.metrics import f1_score

from sklabelemb import MTLEClassifier
from sklabelemb.datasets import load_support_requests

requests = load_support_requests(as_frame=True)
X, y = requests.data, requests.target

# %%
# Six of the labels form one task, the other six another. The first has 400 texts, the second few.

first, second = list(y.columns[::2]), list(y.columns[1::2])
X_test = X[450:]
y_test = y.loc[X_test.index, second]
small = {"embedding_dim": 64, "pooling": "mean", "max_epochs": 14, "random_state": 0}


def micro_f1(model):
    predicted = model.predict(X_test, task="second")
    return f1_score(y_test, predicted, average="micro", zero_division=0)


sizes = [60, 120, 240]
alone, together = [], []
for n in sizes:
    own = {"second": (X[:n], y.loc[X[:n].index, second])}
    both = {"first": (X[:400], y.loc[X[:400].index, first]), **own}
    alone.append(micro_f1(MTLEClassifier(**small).fit_tasks(own)))
    together.append(micro_f1(MTLEClassifier(**small).fit_tasks(both)))
    print(f"{n:4} texts: alone {alone[-1]:.2f}, beside the first task {together[-1]:.2f}")

# %%
# The answers of a task come with its name: ``model.predict(texts, task="second")``. Here the tasks
# have little in common, and neither way is consistently better; one model saves training, storing
# and serving a second one.

figure, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
places = np.arange(len(sizes))
ax.bar(places - 0.2, alone, 0.38, color="0.7", label="a model of its own")
ax.bar(places + 0.2, together, 0.38, color="tab:blue", label="one model for both tasks")
ax.set_xticks(places, sizes)
ax.set(xlabel="texts of the second task", ylabel="micro-F1, test", ylim=(0, 1))
ax.legend(frameon=False, loc="upper left")
