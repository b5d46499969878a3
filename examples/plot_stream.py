"""
How do I train on more texts than memory holds?
===============================================

``stream_table`` reads a file in chunks: the texts go into a temporary file, the labels into a
sparse matrix. ``fit`` takes both, and gives the same model as with a list.
"""

import tempfile
import tracemalloc
from pathlib import Path

import pandas as pd
from matplotlib import pyplot as plt

from sklabelemb import LEAMClassifier
from sklabelemb.datasets import load_support_requests, load_table, stream_table
from sklabelemb.metrics import multilabel_report

requests = load_support_requests()
names = list(requests.target_names)

# %%
# A file of 54,000 rows, with a column for each label.

table = pd.DataFrame(requests.target[:450], columns=names)
table.insert(0, "text", requests.data[:450])
file = Path(tempfile.mkdtemp()) / "requests.csv"
pd.concat([table] * 120).to_csv(file, index=False)
print(f"{file.stat().st_size / 1e6:.0f} MB")

# %%
# The memory needed to read it, as a whole and in chunks:

peaks = {}
for read in (load_table, stream_table):
    tracemalloc.start()
    corpus = read(file, labels=names)
    peaks[read.__name__] = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
print(corpus.data)

# %%
# Fit the classifier as usual. (Here only on the first texts, to save time.)

model = LEAMClassifier(label_names=names, embedding_dim=64, random_state=0)
model.fit(corpus.data[:450], corpus.target[:450])
report = multilabel_report(
    requests.target[450:], model.predict(requests.data[450:]), label_names=names
)
print(f"micro-F1 on other texts: {report.averages['micro']['f1']:.2f}")

figure, ax = plt.subplots(figsize=(5, 2), layout="constrained")
ax.barh(list(peaks), list(peaks.values()))
ax.set(xlabel="peak memory of reading, MB")
