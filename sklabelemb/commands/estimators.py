"""The classifiers of `train` by name, and their parameters from the command line."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from sklabelemb.commands.messages import UserError

__all__ = ["CLASSIFIERS", "make_estimator", "settings_of"]

# Name, class, and whether thresholds are tuned around it; the others tune their own, or have none.
CLASSIFIERS = {
    "leam": ("LEAMClassifier", False),
    "mtle": ("MTLEClassifier", False),
    "laco": ("LACOClassifier", False),
    "semantic-unit": ("SemanticUnitSeq2SeqClassifier", False),
    "document": ("DocumentClassifier", False),
    "linear": ("BinaryRelevance", True),
    "chain": ("ClassifierChain", True),
    "powerset": ("LabelPowerset", False),
    "tree": ("LabelTreeClassifier", False),
}


def settings_of(assignments: Sequence[str]) -> dict[str, Any]:
    """Parameters by name, from ``name=value``.

    A value that is not a Python literal, such as a number or a list, is taken as text.
    """
    settings = {}
    for assignment in assignments:
        name, sign, text = assignment.partition("=")
        if not sign or not name.strip():
            raise UserError(f"--set takes name=value, but got {assignment!r}.")
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            value = text
        settings[name.strip()] = value
    return settings


def make_estimator(
    name: str,
    settings: dict[str, Any],
    *,
    multilabel: bool,
    label_names: Sequence[str],
    label_texts: dict[str, str] | None,
    seed: int,
    verbose: bool,
) -> Any:
    """A classifier with its parameters set.

    Parameters
    ----------
    name : one of `CLASSIFIERS`
    settings : dict of str to object
        The user's settings. Parameters of a classifier inside a ThresholdTuner go by their own
        names.
    multilabel : bool
        Whether it will be fitted to an indicator.
    label_names : sequence of str
    label_texts : dict of str to str, or None
    seed : int
    verbose : bool

    Raises
    ------
    UserError
        When the classifier has no such parameter.
    """
    import sklabelemb

    kind, tuned = CLASSIFIERS[name]
    estimator = inner = getattr(sklabelemb, kind)()
    if tuned and multilabel:
        estimator = sklabelemb.ThresholdTuner(inner)
    usual = {
        "random_state": seed,
        "verbose": int(verbose),
        **({"label_names": list(label_names)} if multilabel else {}),
        **({} if label_texts is None else {"label_texts": label_texts}),
    }
    for each in {id(e): e for e in (inner, estimator)}.values():
        own = each.get_params(deep=False)
        each.set_params(**{key: value for key, value in usual.items() if key in own})
    if label_texts is not None and "label_texts" not in inner.get_params(deep=False):
        raise UserError(f"a {kind} does not use texts of labels: leave out --label-texts.")
    for key, value in settings.items():
        _set(inner, estimator, key, value)
    return estimator


def _set(inner: Any, estimator: Any, key: str, value: Any) -> None:
    for each in (inner, estimator):
        names = list(each.get_params(deep=False))
        if key.partition("__")[0] in names:
            try:
                each.set_params(**{key: value})
            except (ValueError, AttributeError) as error:
                raise UserError(f"--set {key}: {error}") from error
            return
    both = {*inner.get_params(deep=False), *estimator.get_params(deep=False)}
    close = get_close_matches(key, sorted(both), n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise UserError(
        f"a {type(inner).__name__} has no parameter {key!r}.{hint} It has: "
        f"{', '.join(sorted(both))}."
    )
