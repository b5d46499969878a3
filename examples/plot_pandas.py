"""
How do I use a pandas DataFrame?
================================

Texts are a column, labels are columns of 0 and 1 with names. Predictions are a DataFrame with the
same columns and the index of the texts, so they can be joined to other data.
"""

import pandas as pd
from matplotlib import pyplot as plt

from sklabelemb import LEAMClassifier
from sklabelemb.datasets import load_support_requests
from sklabelemb.metrics import multilabel_report

requests = load_support_requests(as_frame=True)
table = pd.concat([requests.data.rename("text"), requests.target], axis=1)
table.index = [f"M{number:04}" for number in range(len(table))]
labels = list(requests.target.columns)
train, test = table.iloc[:450], table.iloc[450:]
table.iloc[:3, :6]

# %%
# Columns are matched by name, in any order.

model = LEAMClassifier(embedding_dim=64, max_epochs=8, random_state=0)
model.fit(train["text"], train[labels])
predicted = model.predict(test["text"])
predicted.iloc[:3, :6]

# %%
# If the labels of a text are in one cell, pandas splits them into columns.

cells = pd.Series(["refund, delivery", "account", None], index=["a", "b", "c"])
cells.str.get_dummies(sep=", ")

# %%
# Probabilities are an array; add the names for a DataFrame. The report and the explanations have
# frames, too.

proba = pd.DataFrame(model.predict_proba(test["text"]), test.index, model.label_names_)
report = multilabel_report(test[labels], predicted, y_score=proba)
frame = report.to_frame().sort_values("support", ascending=False)
frame[["precision", "recall", "f1", "support"]].round(2)

# %%
# The words that spoke for a label, over many texts.

told = model.explain(test["text"][:60]).to_frame()
told[told["label"] == "delivery"].groupby("token")["contribution"].sum().nlargest(5).round(1)

# %%
# Counts of predicted and true labels.

both = pd.DataFrame({"true": test[labels].sum(), "predicted": predicted.sum()})
ax = both.sort_values("true").plot.barh(color=["0.7", "tab:blue"], figsize=(6, 4))
ax.set(xlabel="test texts")
ax.figure.set_layout_engine("constrained")
plt.show()
