"""
Has it been trained for long enough?
====================================

Every classifier with a network keeps the loss and the score of each epoch in ``history_``. A tenth
of the training texts is held out, and the weights of the best epoch on them are kept.
"""

from sklearn.metrics import f1_score

from sklabelemb import LEAMClassifier
from sklabelemb.datasets import load_support_requests
from sklabelemb.plotting import LearningDisplay

requests = load_support_requests(as_frame=True)
X, y = requests.data, requests.target

model = LEAMClassifier(embedding_dim=64, random_state=0)
model.fit(X[:450], y[:450])
display = LearningDisplay.from_estimator(model)

# %%
# The training loss keeps falling, but the score on the held-out texts stops rising. More epochs
# would only take longer.

f1 = f1_score(y[450:], model.predict(X[450:]), average="micro")
print(f"epoch {model.best_epoch_} of {len(model.history_)}, micro-F1 {f1:.3f}")
