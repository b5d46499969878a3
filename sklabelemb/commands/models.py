"""Load the saved model of a command, without torch if possible, and predict."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from sklabelemb.commands.messages import UserError, note

__all__ = [
    "label_names",
    "label_rows",
    "last_step",
    "load_model",
    "load_served",
    "task_arguments",
]


def load_served(options: argparse.Namespace) -> Any:
    """The model for prediction, with NumPy and SciPy alone if that is supported."""
    from sklabelemb import serving

    if options.encoder is None:
        try:
            return serving.load(options.model)
        except (TypeError, ValueError):
            pass  # it needs torch, or an encoder; or it is damaged, which is said below
    return load_model(options)


def load_model(options: argparse.Namespace) -> Any:
    """The model itself."""
    note(options, "Loading the libraries ...")
    import sklabelemb

    return sklabelemb.load(options.model, device=options.device, encoder=options.encoder)


def last_step(model: Any) -> Any:
    """The classifier of a pipeline, or the model itself."""
    return model.steps[-1][1] if hasattr(model, "steps") else model


def label_names(model: Any, options: argparse.Namespace) -> list[Any]:
    """Names of the labels, of the selected task."""
    last = last_step(model)
    if tasks := getattr(last, "tasks_", None):
        return list(tasks[_task(tasks, options)].label_names)
    _refuse_task(options)
    return list(last.label_names_ if hasattr(last, "label_names_") else last.classes_)


def label_rows(
    model: Any,
    texts: Sequence[str],
    options: argparse.Namespace,
    *,
    top_k: int | None = None,
    with_scores: bool = False,
) -> list[tuple[Any, ...]]:
    """The result of `predict_labels`, for pipelines as well."""
    X: Any = list(texts)
    *before, model = [step for _, step in model.steps] if hasattr(model, "steps") else [model]
    for step in before:
        X = step.transform(X)
    if hasattr(model, "predict_labels"):
        task = task_arguments(model, options)
        rows: list[tuple[Any, ...]] = model.predict_labels(X, top_k, with_scores, **task)
        return rows
    if top_k is not None or with_scores:
        raise UserError(f"a {type(model).__name__} has no scores: leave out --top-k and --scores.")
    predicted = model.predict(X)
    if predicted.ndim == 1:
        return [(name,) for name in predicted.tolist()]
    return [tuple(map(int, row.nonzero()[-1])) for row in predicted]


def task_arguments(model: Any, options: argparse.Namespace) -> dict[str, Any]:
    """The task as an argument, for models with tasks."""
    tasks = getattr(model, "tasks_", None)
    if options.task is None or not tasks:
        _refuse_task(options)
        return {}
    return {"task": _task(tasks, options)}


def _task(tasks: Any, options: argparse.Namespace) -> Any:
    by_name = {str(name): name for name in tasks}
    if options.task is None and len(by_name) == 1:
        return next(iter(tasks))
    if options.task not in by_name:
        raise UserError(
            f"the model has the tasks {', '.join(by_name)}: name one of them with --task."
        )
    return by_name[options.task]


def _refuse_task(options: argparse.Namespace) -> None:
    if options.task is not None:
        raise UserError("the model has no tasks: leave out --task.")
