"""Names of labels: from a target's columns, and columns in the order of names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np

from sklabelemb.targets.forms import frame_kind

__all__ = [
    "are_values",
    "as_names",
    "check_unique",
    "column_names",
    "names_of",
    "names_of_classes",
    "positions",
    "rearranged",
    "shown",
]


def column_names(y: Any, name: str = "y") -> list[Any] | None:
    """Names of the columns of a DataFrame or Arrow table; None for anything else.

    Raises
    ------
    ValueError
        When two columns have the same name.
    """
    kind = frame_kind(y)
    if kind is None:
        return None
    names = [plain(n) for n in (y.column_names if kind == "pyarrow" else y.columns)]
    check_unique(names, f"{name} has two columns", "Rename or drop one of them.")
    return names


def names_of(estimator: Any) -> list[Any] | None:
    """Names of the labels of a fitted classifier; None if it has none.

    Those of a pipeline, a search or a frozen estimator are those of the classifier inside. The
    `estimator` of others is what they clone, whatever it was fitted to.
    """
    targets = getattr(estimator, "targets_", None)
    if targets is not None and hasattr(targets, "named"):
        return list(targets.label_names) if targets.named else None
    from sklearn.frozen import FrozenEstimator

    if isinstance(estimator, FrozenEstimator):
        return names_of(estimator.estimator)
    if getattr(estimator, "steps", None):
        return names_of(estimator.steps[-1][1])
    fitted = getattr(estimator, "best_estimator_", getattr(estimator, "estimator_", None))
    return None if fitted is None else names_of(fitted)


def as_names(label_names: Any, what: str = "label_names") -> list[Any]:
    """Names of labels as a list.

    Raises
    ------
    TypeError, ValueError
        When they have no order, or one is duplicated.
    """
    if isinstance(label_names, (str, bytes, Mapping, Set)) or not hasattr(label_names, "__iter__"):
        raise TypeError(
            f"{what} must list the names of the labels in the order of y's columns, such as the "
            f"classes_ of a MultiLabelBinarizer, got {type(label_names).__name__}."
        )
    names = [
        plain(n)
        for n in (label_names.tolist() if hasattr(label_names, "tolist") else list(label_names))
    ]
    check_unique(names, f"{what} has two labels", "Every label needs a name of its own.")
    return names


def are_values(classes: Any) -> bool:
    """Whether `classes` are the values of an indicator, as scikit-learn passes ``np.unique(y)``."""
    return np.asarray(classes).dtype.kind in "biuf" and set(np.ravel(classes).tolist()) <= {0, 1}


def names_of_classes(classes: np.ndarray, label_names: Any) -> np.ndarray:
    """Names for the classes of a 1-D target, in their order.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
    label_names : array-like or None
        The classes themselves, in whatever order; or, where classes are numbers from 0 on, the name
        of each number; or else one name for each of the sorted classes.

    Returns
    -------
    ndarray of object, shape (n_classes,)

    Raises
    ------
    ValueError
        When there is not one name for each class.
    """
    values = classes.tolist()
    if label_names is None:
        return classes.astype(object)
    names = as_names(label_names)
    if set(values) <= set(names):
        return classes.astype(object)
    found = np.empty(len(values), dtype=object)
    if classes.dtype.kind in "iu" and values[0] >= 0 and values[-1] < len(names):
        found[:] = [names[code] for code in values]
    elif len(names) == len(values):
        found[:] = names
    else:
        raise ValueError(
            f"label_names has {len(names)} names ({shown(names, 3)}), but y has {len(values)} "
            f"classes ({shown(values, 3)}): there must be one name for each class."
        )
    return found


def check_unique(names: Sequence[Any], what: str, advice: str) -> None:
    """Refuse duplicated names."""
    if len(set(names)) < len(names):
        name, times = Counter(names).most_common(1)[0]
        raise ValueError(f"{what} called {name!r} ({times} in all). {advice}")


def positions(
    given: Sequence[Any], known: Sequence[Any], *, name: str = "y", owner: str = "this model"
) -> np.ndarray | None:
    """Positions in `given` of the names in `known`; None if they are in order already.

    Parameters
    ----------
    given : sequence
        Names of the columns that came.
    known : sequence
        The names in the order that is wanted.
    name, owner : str
        What to call them in an error.

    Raises
    ------
    ValueError
        When they are not the same names; the message lists which are missing and which are new.

    Examples
    --------
    >>> positions(["refund", "delivery"], ["delivery", "refund"])
    array([1, 0])
    """
    given, known = list(given), list(known)
    if given == known:
        return None
    place = {n: i for i, n in enumerate(given)}
    if set(place) != set(known):
        # polars and Arrow have string names only.
        as_text = {str(n): i for i, n in enumerate(given)}
        if len(as_text) == len(given) and set(as_text) == {str(n) for n in known}:
            place, known = as_text, [str(n) for n in known]
            if list(place) == known:
                return None
        else:
            raise ValueError(_difference(given, known, name, owner))
    return np.array([place[n] for n in known])


def rearranged(values: np.ndarray, order: np.ndarray, fill: Any = 0) -> np.ndarray:
    """Values of labels, along the last axis, in another order and with new labels among them.

    Parameters
    ----------
    values : ndarray of shape (..., n_labels)
    order : int ndarray of shape (n_labels_now,)
        Where each label stood before; -1 for new ones.
    fill : scalar or ndarray, default=0
        The values of the new ones.

    Examples
    --------
    >>> rearranged(np.array([0.2, 0.7]), np.array([0, -1, 1]), 0.5)
    array([0.2, 0.5, 0.7])
    """
    result: np.ndarray = values[..., np.maximum(order, 0)]
    result[..., order < 0] = fill
    return result


def _difference(given: list[Any], known: list[Any], name: str, owner: str) -> str:
    there, here = set(given), set(known)
    missing = [n for n in known if n not in there]
    new = [n for n in given if n not in here]
    parts = [f"The labels of {name} are not those of {owner}."]
    if missing:
        parts.append(f"Missing: {shown(missing)}.")
    if new:
        parts.append(f"New: {shown(new)}.")
    parts.append(
        f"Rename the columns of {name}, or give a column of 0 to a label that no text has. Columns "
        "of an array have no names, and count by position."
    )
    return " ".join(parts)


def shown(names: Sequence[Any], most: int = 8) -> str:
    """Some names for a message."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(n) for n in names[:most]) + more


def plain(name: Any) -> Any:
    """A name as Python has it, not NumPy."""
    return name.item() if isinstance(name, np.generic) else name
