"""The result of a search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sklabelemb.optional import import_optional

__all__ = ["AutotuneResult"]


@dataclass(frozen=True, repr=False)
class AutotuneResult:
    """The best classifier of a search, and all candidates; see :func:`.autotune`.

    Attributes
    ----------
    estimator : classifier
        The best classifier, fitted.
    best_name : str
        Its name in the table.
    best_score : float
        Its score on the dev set, before it was fitted to all texts.
    scoring : str
        The measure; larger is better.
    n_fitted : int
        Number of texts that `estimator` was fitted to: all, unless there was no time left, or
        ``refit=False``.
    n_dev : int
        Number of texts in the dev set.
    results : list of dict
        A row for each fit, in their order: "name", "n_texts", "score" (None where the fit failed),
        "seconds", "parameters" (its ``repr``), and "error".
    not_tried : list of (str, str)
        The candidates left out, and why.
    """

    estimator: Any
    best_name: str
    best_score: float
    scoring: str
    n_fitted: int
    n_dev: int
    results: list[dict[str, Any]]
    not_tried: list[tuple[str, str]]

    def to_text(self) -> str:
        """The table, as text."""
        heads = ("name", "texts", self.scoring, "seconds")
        rows = [
            (
                row["name"],
                f"{row['n_texts']:,}",
                "failed" if row["score"] is None else f"{row['score']:.3f}",
                f"{row['seconds']:.1f}",
            )
            for row in self.results
        ]
        widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
        lines = []
        for name, *cells in (heads, *rows):
            numbers = (cell.rjust(w) for cell, w in zip(cells, widths[1:], strict=True))
            lines.append("  ".join([name.ljust(widths[0]), *numbers]))
        lines += [
            "",
            f"Best: {self.best_name}, {self.scoring} {self.best_score:.3f} on the {self.n_dev:,} "
            f"texts of the dev part; fitted to {self.n_fitted:,} texts.",
        ]
        for row in self.results:
            if row["error"]:
                lines.append(f"Failed: {row['name']}: {row['error']}")
        lines += [f"Not tried: {name} ({why})" for name, why in self.not_tried]
        return "\n".join(lines)

    __repr__ = __str__ = to_text

    def to_frame(self) -> Any:
        """The table as a DataFrame, a row for each fit.

        Returns
        -------
        pandas.DataFrame
        """
        pd = import_optional("pandas", purpose="A DataFrame")
        return pd.DataFrame(self.results)
