"""A progress bar over the fits of scikit-learn's searches."""

from __future__ import annotations

from threading import Lock
from typing import Any

from sklabelemb.progress import progress_bar
from sklabelemb.sklearn_internals import callback_transport

__all__ = ["SearchProgress"]

# Bars stay in the process that shows them, by the search that they belong to; a callback goes to
# worker processes, and says there what is done.
_BARS: dict[Any, _SearchBar] = {}


class SearchProgress:
    """Progress bar over a grid or random search, with the remaining time; a callback.

    For the ``set_callbacks`` of ``GridSearchCV``, ``RandomizedSearchCV`` and the halving searches.
    scikit-learn's own ``ProgressBar`` does the same with the package ``rich``.

    Notes
    -----
    One unit is a fit with its scoring; the final refit counts as one. With ``n_jobs``, workers
    report their progress. A halving search announces the fits of each round when it begins.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklabelemb import BinaryRelevance
    >>> from sklabelemb.datasets import load_support_requests
    >>> from sklabelemb.model_selection import SearchProgress
    >>> X, y = load_support_requests(return_X_y=True)
    >>> search = GridSearchCV(BinaryRelevance(), {"classifier__C": [0.1, 10]}, cv=2)
    >>> search = search.set_callbacks(SearchProgress()).fit(X[:100], y[:100])
    >>> search.best_params_
    {'classifier__C': 10}
    """

    def __init__(self) -> None:
        self._handles: dict[Any, Any] = {}

    def setup(self, estimator: Any, context: Any) -> None:
        """Begin a search."""
        refits = getattr(estimator, "refit", False) is not False
        bar = _BARS[context.root_uuid] = _SearchBar(type(estimator).__name__, int(refits))
        self._handles[context.root_uuid] = callback_transport().open_listener(bar.told)

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Add the fits of a round of candidates."""
        if context.parent is not None and context.max_subtasks:
            callback_transport().send(self._handles[context.root_uuid], context.max_subtasks)

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Count a finished fit."""
        if context.parent is not None and context.max_subtasks == 0:
            callback_transport().send(self._handles[context.root_uuid], 0)

    def teardown(self, estimator: Any, context: Any) -> None:
        """End the search, also if it failed."""
        callback_transport().close_listener(self._handles.pop(context.root_uuid))
        _BARS.pop(context.root_uuid).close()


class _SearchBar:
    """The bar of one search."""

    def __init__(self, name: str, n_refits: int) -> None:
        self.name, self.n_fits, self.lock = name, n_refits, Lock()
        self.bar: Any = None

    def told(self, n_more: int) -> None:
        """Number of additional fits; 0: one is done."""
        with self.lock:
            self.n_fits += n_more
            if self.bar is None:
                self.bar = progress_bar(f"{self.name}: fits", self.n_fits, "fit")
            elif n_more:
                self.bar.total = self.n_fits
            self.bar.update(int(not n_more))

    def close(self) -> None:
        """Close the bar."""
        if self.bar is not None:
            self.bar.close()
