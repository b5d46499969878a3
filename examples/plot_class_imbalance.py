"""
What can I do about imbalanced classes and rare labels?
=======================================================

Common remedies are weights in the loss, a lower threshold, and thresholds tuned for a metric that
gives rare labels the same weight as frequent ones. What are their gains and costs?
"""

from matplotlib import pyplot as plt
from sklearn.metrics import f1_score

from sklabelemb import LEAMClassifier
from sklabelemb.datasets import load_support_requests

requests = load_support_requests(as_frame=True)
X, y = requests.data, requests.target
X_test, y_test = X[400:], y[400:]
print(y[:400].sum().sort_values().to_string())

# %%
# Each is a parameter. The network is small, so that the page is built soon.

ways = {
    "threshold 0.5": {"threshold": 0.5},
    "balanced weights, 0.5": {"threshold": 0.5, "class_weight": "balanced"},
    "threshold 0.3": {"threshold": 0.3},
    "tuned for micro-F1": {"threshold": "micro"},
    "tuned for macro-F1": {"threshold": "macro"},
}
small = {"embedding_dim": 48, "max_epochs": 6, "validation_fraction": 0.2, "random_state": 0}
scores = {}
for name, parameters in ways.items():
    model = LEAMClassifier(**small, **parameters).fit(X[:400], y[:400])
    predicted = model.predict(X_test)
    scores[name] = [f1_score(y_test, predicted, average=kind) for kind in ("micro", "macro")]
    print(f"{name:22} micro-F1 {scores[name][0]:.2f}   macro-F1 {scores[name][1]:.2f}")

figure, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
for place, (micro, macro) in enumerate(scores.values()):
    ax.plot([micro, macro], [place, place], color="0.8", zorder=1)
micro, macro = zip(*scores.values(), strict=True)
ax.scatter(micro, range(len(scores)), color="tab:blue", label="micro-F1")
ax.scatter(macro, range(len(scores)), color="tab:orange", label="macro-F1")
ax.set_yticks(range(len(scores)), list(scores))
ax.invert_yaxis()
ax.set(xlabel="F1, test")
ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
