"""multilabel_report: a classification report for multi-label predictions."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import UndefinedMetricWarning

from sklabelemb.decision import decide
from sklabelemb.metrics.averages import average_precision, roc_auc
from sklabelemb.metrics.calibration import expected_calibration_error
from sklabelemb.metrics.checks import check_indicator, check_indicators, check_scores
from sklabelemb.metrics.decisions import hamming, precision_recall_f1, subset_accuracy
from sklabelemb.metrics.label_sets import label_cardinality, n_label_sets, n_unseen_label_sets
from sklabelemb.metrics.ranking import ndcg_at_k, precision_at_k
from sklabelemb.optional import import_optional
from sklabelemb.targets import column_names

__all__ = ["MultilabelReport", "multilabel_report"]

AVERAGES = ("micro", "macro", "weighted", "samples")
# A picture or a text with more labels than this is hard to read.
MANY_LABELS = 40


def shown_number(value: float, digits: int = 3) -> str:
    """A count as it is, a measure with some decimals, what is undefined as a dash."""
    if isinstance(value, (int, np.integer)):
        return str(value)
    return "–" if np.isnan(value) else f"{value:.{digits}f}"


@dataclass(frozen=True, eq=False, repr=False)
class MultilabelReport:
    """Classification report for multi-label predictions; see :func:`multilabel_report`.

    Returned by :func:`multilabel_report`. Print it, use its attributes, or call :meth:`to_frame` or
    :meth:`plot`.

    Attributes
    ----------
    label_names : list of str
    labels : dict of str to ndarray of shape (n_labels,)
        "precision", "recall", "f1", "support" (how many samples carry the label) and "predicted"
        (how many get it); with scores also "roc_auc" and "average_precision", nan where undefined;
        with probabilities "calibration_error".
    averages : dict of str to dict of str to float
        "precision", "recall" and "f1" for "micro", "macro", "weighted" and "samples".
    summary : dict of str to float
        One number each: Hamming loss, subset accuracy, label cardinality and more.
    """

    label_names: list[str]
    labels: dict[str, np.ndarray]
    averages: dict[str, dict[str, float]]
    summary: dict[str, float] = field(default_factory=dict)

    def order(self, n_labels: int | None = None) -> np.ndarray:
        """Columns of the most frequent labels first, `n_labels` of them at most."""
        return np.argsort(-self.labels["support"], kind="stable")[:n_labels]

    def to_text(self, *, max_labels: int | None = MANY_LABELS, digits: int = 3) -> str:
        """Write the report as text, the frequent labels first.

        Parameters
        ----------
        max_labels : int or None, default=40
            Rows for this many labels at most; None: for all.
        digits : int, default=3
            Decimals.

        Returns
        -------
        str
        """
        if max_labels is not None and max_labels < 0:
            raise ValueError(f"max_labels must be None or at least 0, but got {max_labels!r}.")
        measures = list(self.labels)
        chosen = self.order(max_labels)
        names = [self.label_names[i] for i in chosen] + [f"{a} average" for a in AVERAGES]
        width = min(40, max(len(name) for name in names))
        heads = [measure.replace("_", " ") for measure in measures]
        widths = [max(len(head), digits + 4) for head in heads]

        def line(name: str, cells: Sequence[str]) -> str:
            name = name if len(name) <= width else name[: width - 1] + "…"
            padded = (cell.rjust(w) for cell, w in zip(cells, widths, strict=False))
            return "  ".join([name.ljust(width), *padded]).rstrip()

        def cell(value: float) -> str:
            return shown_number(value, digits)

        lines = [line("", heads), ""]
        lines += [
            line(self.label_names[i], [cell(self.labels[m][i]) for m in measures]) for i in chosen
        ]
        if len(chosen) < len(self.label_names):
            lines.append(f"({len(self.label_names) - len(chosen)} labels with fewer samples)")
        lines.append("")
        for average, values in self.averages.items():
            lines.append(line(f"{average} average", [cell(v) for v in values.values()]))
        lines.append("")
        width = max(len(name) for name in self.summary)
        for name, value in self.summary.items():
            lines.append(f"{name.replace('_', ' ').ljust(width)}  {cell(value).rjust(digits + 4)}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.to_text()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from sklabelemb.pages import Cell, Table, render_tables

        def cell(name: str, value: Any) -> Any:
            text = shown_number(value)
            bar = name in ("precision", "recall", "f1") and not np.isnan(value)
            return Cell(text, float(value)) if bar else text

        measures = list(self.labels)
        heads = [measure.replace("_", " ") for measure in measures]
        rows = [
            [self.label_names[i], *(cell(m, self.labels[m][i]) for m in measures)]
            for i in self.order(MANY_LABELS)
        ]
        left = len(self.label_names) - len(rows)
        more = (
            f"{left} labels with fewer samples are not shown; to_frame() has all." if left else ""
        )
        averages = [
            [average, *(cell(name, value) for name, value in values.items())]
            for average, values in self.averages.items()
        ]
        summary = [[name.replace("_", " "), shown_number(v)] for name, v in self.summary.items()]
        return render_tables(
            "Multi-label report",
            Table(["average", "precision", "recall", "f1"], averages),
            Table(["label", *heads], rows, more=more),
            Table(["", "of all"], summary),
        )

    def to_frame(self) -> Any:
        """Return the rows for the labels as a DataFrame, in the order of the columns of `y`.

        Returns
        -------
        pandas.DataFrame
            One row per label, one column per measure.

        Raises
        ------
        ImportError
            When pandas is not installed.
        """
        pd = import_optional("pandas", purpose="A DataFrame")
        return pd.DataFrame(self.labels, index=pd.Index(self.label_names, name="label"))

    def plot(self, ax: Any = None, *, max_labels: int = MANY_LABELS) -> Any:
        """Draw precision, recall and F1 of the labels, the frequent ones on top.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None: a new figure.
        max_labels : int, default=40

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ImportError
            When matplotlib is not installed.
        """
        pyplot = import_optional(
            "matplotlib.pyplot", extra="plot", purpose="The picture of a report"
        )
        chosen = self.order(max_labels)
        if ax is None:
            _, ax = pyplot.subplots(figsize=(7, 1.3 + 0.26 * len(chosen)), layout="constrained")
        rows = np.arange(len(chosen))
        precision, recall, f1 = (self.labels[m][chosen] for m in ("precision", "recall", "f1"))
        ax.barh(rows, f1, color="#9db9d6", height=0.72, label="F1")
        ax.hlines(
            rows, np.minimum(precision, recall), np.maximum(precision, recall), "#555555", lw=1
        )
        ax.plot(precision, rows, "o", ms=4.5, color="#b3472e", label="precision")
        ax.plot(recall, rows, "D", ms=4, color="#1d6f5c", label="recall")
        macro = self.averages["macro"]["f1"]
        ax.axvline(macro, color="#30415d", lw=1, ls=":", label=f"macro-F1 {macro:.2f}")
        names = [self.label_names[i] for i in chosen]
        shown = [name if len(name) <= 32 else name[:31] + "…" for name in names]
        support = self.labels["support"][chosen]
        ax.set_yticks(rows, [f"{name}  ({n})" for name, n in zip(shown, support, strict=True)])
        ax.set(xlim=(-0.01, 1.01), ylim=(len(chosen) - 0.4, -0.6))
        ax.set_xlabel("score; in brackets: samples that carry the label")
        left = len(self.label_names) - len(chosen)
        if left:
            ax.set_title(f"the {len(chosen)} most frequent labels; {left} more", fontsize="medium")
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
        ax.legend(
            loc="lower center",
            bbox_to_anchor=(0.5, 1.0 if not left else 1.02),
            ncols=4,
            frameon=False,
            fontsize="small",
        )
        return ax


def multilabel_report(
    y_true: Any,
    y_pred_or_score: Any,
    *,
    label_names: Sequence[Any] | None = None,
    y_score: Any = None,
    y_train: Any = None,
    threshold: float | None = None,
) -> MultilabelReport:
    """Build a multi-label classification report: per label, averaged, and overall.

    Parameters
    ----------
    y_true : indicator of shape (n_samples, n_labels)
        The truth: dense, CSR or a DataFrame.
    y_pred_or_score : array-like or sparse of shape (n_samples, n_labels)
        Predictions (0 and 1), or scores: probabilities or decision values. Scores are decided at
        `threshold`, and the report gets ranking metrics as well. Values of 0 and 1 only are taken
        as predictions.
    label_names : sequence of length n_labels, default=None
        None: the columns of `y_true` if that is a DataFrame, else column numbers.
    y_score : array-like of shape (n_samples, n_labels), default=None
        Scores in addition to predictions, for thresholds that differ between labels:
        ``multilabel_report(y, model.predict(X), y_score=model.predict_proba(X))``.
    y_train : indicator of shape (n_train_samples, n_labels), default=None
        Training labels, to count the predicted label sets that do not occur there.
    threshold : float, default=None
        For scores. None: 0.5 if all lie between 0 and 1, else 0.

    Returns
    -------
    MultilabelReport

    Raises
    ------
    ValueError
        When shapes differ, a score is NaN, or there is not one name a label.

    See Also
    --------
    sklearn.metrics.classification_report : The table for classes.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.metrics import multilabel_report
    >>> y_true = np.array([[1, 0], [1, 1], [0, 1], [1, 0]])
    >>> y_pred = np.array([[1, 0], [1, 0], [0, 1], [1, 1]])
    >>> report = multilabel_report(y_true, y_pred, label_names=["delivery", "refund"])
    >>> print(report.to_text(digits=2))
                      precision  recall      f1  support  predicted
    <BLANKLINE>
    delivery               1.00    1.00    1.00        3          3
    refund                 0.50    0.50    0.50        2          2
    <BLANKLINE>
    micro average          0.80    0.80    0.80
    macro average          0.75    0.75    0.75
    weighted average       0.80    0.80    0.80
    samples average        0.88    0.88    0.83
    <BLANKLINE>
    samples                           4
    labels                            2
    labels never predicted            0
    hamming loss                   0.25
    subset accuracy                0.50
    labels per sample              1.25
    predicted labels per sample    1.25
    label sets                        3
    predicted label sets              3
    """
    truth = check_indicator(y_true, "y_true")
    prediction, scores = _predictions_and_scores(y_true, y_pred_or_score, y_score, threshold)
    truth, prediction = check_indicators(truth, prediction)
    n_labels = truth.shape[1]
    precision, recall, f1 = precision_recall_f1(truth, prediction, average=None)
    labels = {
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "support": np.asarray(truth.sum(axis=0)).ravel().astype(np.int64),
        "predicted": np.asarray(prediction.sum(axis=0)).ravel().astype(np.int64),
    }
    averages = {}
    for average in AVERAGES:
        values = precision_recall_f1(truth, prediction, average=average)
        averages[average] = {
            name: float(v) for name, v in zip(("precision", "recall", "f1"), values, strict=True)
        }
    summary: dict[str, float] = {
        "samples": truth.shape[0],
        "labels": n_labels,
        "labels_never_predicted": int(np.count_nonzero(labels["predicted"] == 0)),
        "hamming_loss": hamming(truth, prediction),
        "subset_accuracy": subset_accuracy(truth, prediction),
        "labels_per_sample": label_cardinality(truth),
        "predicted_labels_per_sample": label_cardinality(prediction),
        "label_sets": n_label_sets(truth),
        "predicted_label_sets": n_label_sets(prediction),
    }
    if y_train is not None:
        summary["predicted_label_sets_not_in_training"] = n_unseen_label_sets(prediction, y_train)
    if scores is not None:
        with warnings.catch_warnings():
            # What is undefined is shown as a dash.
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            labels["roc_auc"] = roc_auc(truth, scores, average=None)
            labels["average_precision"] = average_precision(truth, scores, average=None)
            for k in (1, 3, 5):
                if k <= n_labels:
                    summary[f"precision_at_{k}"] = precision_at_k(truth, scores, k=k)
            summary[f"ndcg_at_{min(5, n_labels)}"] = ndcg_at_k(truth, scores, k=min(5, n_labels))
            for name, function in (("roc_auc", roc_auc), ("average_precision", average_precision)):
                defined = labels[name][~np.isnan(labels[name])]
                summary[f"{name}_micro"] = function(truth, scores, average="micro")
                summary[f"{name}_macro"] = float(defined.mean()) if len(defined) else float("nan")
        if _are_probabilities(scores):
            errors = expected_calibration_error(truth, scores, average=None)
            labels["calibration_error"] = errors
            summary["calibration_error_macro"] = float(np.mean(errors))
    return MultilabelReport(_names(label_names, y_true, n_labels), labels, averages, summary)


def _predictions_and_scores(
    y_true: Any, y_pred_or_score: Any, y_score: Any, threshold: float | None
) -> tuple[Any, Any]:
    """Decisions, and the scores if there are any."""
    given: Any = check_scores(y_true, y_pred_or_score, "y_pred_or_score")[1]
    values = given.data if sp.issparse(given) else given
    if np.all((values == 0) | (values == 1)):
        if threshold is not None:
            raise ValueError(
                "threshold was given, but y_pred_or_score holds predictions already (0 and 1 only)."
            )
        return given, None if y_score is None else check_scores(y_true, y_score)[1]
    if y_score is not None:
        raise ValueError(
            "y_score was given beside scores. Give predictions (0 and 1) first and scores as "
            "y_score, or scores alone."
        )
    if threshold is None:
        threshold = 0.5 if _are_probabilities(given) else 0.0
    if sp.issparse(given) and threshold > 0:
        # Missing entries are 0, and below the threshold.
        return decide(given, threshold).astype(np.int64), given
    dense = given.toarray() if sp.issparse(given) else given
    return decide(dense, threshold).astype(np.int64), given


def _are_probabilities(scores: Any) -> bool:
    values = scores.data if sp.issparse(scores) else scores
    return bool(np.all((values >= 0) & (values <= 1)))


def _names(label_names: Sequence[Any] | None, y_true: Any, n_labels: int) -> list[str]:
    if label_names is None:
        label_names = column_names(y_true) or range(n_labels)
    if not isinstance(label_names, (str, Mapping, Set)):
        # Names with line breaks would break the table.
        names = [" ".join(str(name).split()) for name in label_names]
        if len(names) == n_labels:
            return names
    raise ValueError(
        f"label_names must be a list with one name for each of the {n_labels} labels, in the order "
        f"of y_true's columns, but got {label_names!r:.80}."
    )
