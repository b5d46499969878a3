"""Tables of results as a fragment of HTML, for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sklabelemb.pages.rendering import render

__all__ = ["Cell", "Table", "render_tables"]

# Rows that are shown; the others unfold.
ROWS_SHOWN = 10


@dataclass(frozen=True)
class Cell:
    """A number as text, and the share of its cell that a bar fills.

    Attributes
    ----------
    text : str
    share : float, default=None
        Between 0 and 1; None: no bar.
    """

    text: str
    share: float | None = None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Table:
    """Rows with a name each.

    Attributes
    ----------
    columns : sequence of str
        Their heads; the first is that of the names.
    rows : sequence of sequences of str or Cell
    strong : collection of int
        Which rows are emphasised.
    rows_shown : int, default=10
        Number of rows shown; the others unfold.
    more : str, default=""
        What is left out, as a sentence.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    strong: Sequence[int] = ()
    rows_shown: int = ROWS_SHOWN
    more: str = ""

    @property
    def hidden(self) -> Sequence[Sequence[Any]]:
        """The rows that unfold; a single one would need no less space folded."""
        return () if len(self.rows) <= self.rows_shown + 1 else self.rows[self.rows_shown :]

    @property
    def seen(self) -> Sequence[Sequence[Any]]:
        """The other rows."""
        return self.rows[: len(self.rows) - len(self.hidden)]


def render_tables(title: str, *tables: Table, notes: Sequence[str] = ()) -> str:
    """HTML of tables under a title, as a fragment that adopts the colours of the page around it.

    Parameters
    ----------
    title : str
    *tables : Table
    notes : sequence of str, default=()
        Sentences below the tables.

    Returns
    -------
    str
        Self-contained and without scripts; all text is escaped.
    """
    return render("tables.html", title=title, tables=tables, notes=notes, page=False)
