"""
How do I learn from texts that arrive in chunks?
================================================

With ``partial_fit``, which trains one epoch on each chunk. The vocabulary grows; the n-grams of the
linear path are those of the first chunk.
"""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from sklearn.metrics import f1_score

from sklabelemb import LEAMClassifier
from sklabelemb.datasets import load_support_requests

requests = load_support_requests()
names = list(requests.target_names)
X_test, y_test = requests.data[450:], requests.target[450:]

# %%
# A file with one text per line and a column for each label, as large as you like.

table = pd.DataFrame(requests.target[:450], columns=names)
table.insert(0, "text", requests.data[:450])
file = Path(tempfile.mkdtemp()) / "requests.csv"
table.to_csv(file, index=False)

# %%
# It is read 75 rows at a time, three times in all.

model = LEAMClassifier(embedding_dim=64, threshold=0.4, random_state=0)
seen, scores, words = [], [], []
for chunk in (c for _ in range(3) for c in pd.read_csv(file, chunksize=75)):
    model.partial_fit(chunk["text"], chunk[names])
    seen.append((seen[-1] if seen else 0) + len(chunk))
    scores.append(f1_score(y_test, np.asarray(model.predict(X_test)), average="micro"))
    words.append(len(model.vocabulary_))
print(f"{words[0]} words after the first chunk, {words[-1]} in the end")

figure, ax = plt.subplots(figsize=(5.5, 3.4), layout="constrained")
ax.plot(seen, scores, marker="o")
for passes in (450, 900):
    ax.axvline(passes, color="0.8", linewidth=0.8)
ax.set(xlabel="texts read (450 are one pass)", ylabel="micro-F1, test", ylim=(0, 0.8))
