"""
Which window size suits my texts?
=================================

LEAM reads phrases of 2r + 1 words. A grid search over r, with scikit-learn, shows which r suits a
corpus, and whether it matters at all.
"""

from sklearn.model_selection import GridSearchCV

from sklabelemb import LEAMClassifier
from sklabelemb.datasets import load_support_requests
from sklabelemb.model_selection import MultilabelStratifiedKFold
from sklabelemb.plotting import GridSearchDisplay

X, y = load_support_requests(return_X_y=True)

# The linear path beside the network has no window, and is left out here.
model = LEAMClassifier(embedding_dim=32, max_epochs=8, wide=False, random_state=0)
search = GridSearchCV(
    model,
    {"window_size": [0, 2, 5, 10]},
    scoring=["f1_micro", "f1_macro"],
    refit=False,
    cv=MultilabelStratifiedKFold(2, shuffle=True, random_state=0),
).fit(X[:450], y[:450])
display = GridSearchDisplay.from_estimator(search)
