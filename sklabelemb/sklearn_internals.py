"""Private names of scikit-learn that this package uses; no other file imports one.

A new release of scikit-learn may rename or change any of them, so this is the file to look at when
one fails to import. If every supported version has a public alternative, that is used instead.

Besides the names below, classes of this package rely on these of their scikit-learn bases, which
authors of estimators are told about but which begin with an underscore: ``_parameter_constraints``,
``_validate_params``, ``_init_callback_context`` and ``_html_repr`` of estimators,
``_iter_indices`` of splitters, ``_score`` and the attributes of scorers.
"""

from __future__ import annotations

from typing import Any

from sklearn.base import _fit_context as fit_context
from sklearn.metrics._scorer import _BaseScorer as BaseScorer
from sklearn.model_selection._split import _validate_shuffle_split as validate_shuffle_split
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._metadata_requests import _raise_for_params as raise_for_params
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    RealNotInt,
    StrOptions,
    validate_params,
)
from sklearn.utils.validation import _check_method_params as check_method_params
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

__all__ = [
    "BaseScorer",
    "HasMethods",
    "Interval",
    "RealNotInt",
    "StrOptions",
    "callback_transport",
    "check_method_params",
    "check_sample_weight",
    "fit_context",
    "raise_for_params",
    "safe_indexing",
    "validate_params",
    "validate_shuffle_split",
]


def callback_transport() -> Any:
    """Passes messages of callbacks from worker processes to the one that shows them."""
    from sklearn.callback import _transport

    return _transport
