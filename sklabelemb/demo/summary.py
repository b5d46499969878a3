"""What the demonstration prints, and which texts it shows."""

from __future__ import annotations

from collections.abc import Sequence

from sklabelemb.demo.comparison import Result, Search

__all__ = ["comparison_table", "instructive", "search_summary", "verdict"]

# Column, its two lines of heading, decimals, and whether more is better.
_MULTILABEL_COLUMNS = [
    ("hamming", "Hamming", "loss", 3, False),
    ("micro_precision", "micro", "prec.", 3, True),
    ("micro_recall", "micro", "recall", 3, True),
    ("micro_f1", "micro", "F1", 3, True),
    ("macro_precision", "macro", "prec.", 3, True),
    ("macro_recall", "macro", "recall", 3, True),
    ("macro_f1", "macro", "F1", 3, True),
    ("accuracy", "subset", "acc.", 3, True),
    ("fit", "fit", "sec.", 2, False),
    ("predict", "predict", "sec.", 2, False),
]
_SINGLE_COLUMNS = [
    ("accuracy", "", "accuracy", 3, True),
    *[column for column in _MULTILABEL_COLUMNS if column[0].startswith("macro")],
    *_MULTILABEL_COLUMNS[-2:],
]
_BOLD = "\033[1m{}\033[0m"

# Texts of this many characters are long enough to mean something and short enough to read.
READABLE = (60, 350)
# With fewer texts to test on, a difference of a few hundredths says little.
FEW_TESTS = 1000


def comparison_table(results: Sequence[Result], *, multilabel: bool, bold: bool) -> str:
    """Lay out the scores, a line per model, in less than 100 columns.

    Parameters
    ----------
    results : sequence of Result
    multilabel : bool
        Which columns there are.
    bold : bool
        Whether to mark the best value of each column, for a terminal.

    Returns
    -------
    str
    """
    columns = _MULTILABEL_COLUMNS if multilabel else _SINGLE_COLUMNS
    names = [result.name for result in results]
    name_width = max(map(len, names))
    lines = [" " * name_width, " " * name_width, *(name.ljust(name_width) for name in names)]
    for key, above, below, decimals, more_is_better in columns:
        values = [f"{result.scores[key]:.{decimals}f}" for result in results]
        best = (max if more_is_better else min)(values, key=float)
        width = max(map(len, [above, below, *values]))
        cells = [above.rjust(width), below.rjust(width)]
        for value in values:
            cell = value.rjust(width)
            cells.append(_BOLD.format(cell) if bold and value == best else cell)
        lines = [f"{line}  {cell}" for line, cell in zip(lines, cells, strict=True)]
    return "\n".join(line.rstrip() for line in lines)


def search_summary(search: Search, *, n_texts: int, multilabel: bool) -> str:
    """Tell what the search for the window size found.

    Parameters
    ----------
    search : Search
    n_texts : int
        Number of texts that it saw.
    multilabel : bool

    Returns
    -------
    str
    """
    measure = "micro-F1" if multilabel else "accuracy"
    lines = [
        f"Search for LEAM's window size r: {measure} in 3-fold cross-validation on the {n_texts} "
        "texts to learn from"
    ]
    for r, mean in search.means.items():
        mark = "  <- best" if r == search.best else ""
        lines.append(f"  r = {r}   {mean:.3f} ± {search.deviations[r]:.3f}{mark}")
    spread = max(search.means.values()) - min(search.means.values())
    if spread < max(search.deviations.values()):
        lines.append(
            "  The window sizes differ by less than the folds do: r hardly matters on these texts."
        )
    return "\n".join(lines)


def verdict(results: Sequence[Result], *, multilabel: bool, n_tests: int) -> str:
    """Say in a sentence or two who won, also when it is not LEAM.

    Parameters
    ----------
    results : sequence of Result
        LEAM comes last.
    multilabel : bool
    n_tests : int

    Returns
    -------
    str
    """
    key, measure = ("micro_f1", "micro-F1") if multilabel else ("accuracy", "accuracy")
    *others, leam = results
    other = max(others, key=lambda result: result.scores[key])
    difference = leam.scores[key] - other.scores[key]
    gap = f"{abs(difference):.3f}"
    relation = (
        f"{gap} above" if difference > 0 else f"{gap} below" if difference < 0 else "level with"
    )
    sentence = f"LEAM's {measure} is {relation} that of the best baseline, {other.name}."
    if multilabel:
        sentence += "\n* with thresholds tuned by ThresholdTuner, as LEAM tunes its own."
    if n_tests < FEW_TESTS:
        sentence += f"\nWith {n_tests} texts to test on, a few hundredths may be chance."
    return sentence


def instructive(
    texts: Sequence[str],
    true: Sequence[Sequence[str]],
    predicted: Sequence[Sequence[str]],
    n: int = 8,
) -> list[int]:
    """Choose texts to show: right and wrong predictions, several labels and one, all in turn.

    Parameters
    ----------
    texts : sequence of str
    true, predicted : sequences of label lists
    n : int, default=8

    Returns
    -------
    list of int
        Indices; the texts whose labels were all found come first, then those with missed labels,
        then those with wrong ones.

    Examples
    --------
    >>> texts = ["a text of a readable length, which this one has, is taken"] * 3
    >>> instructive(texts, [["a"], ["a", "b"], ["b"]], [["b"], ["a", "b"], []], n=2)
    [1, 2]
    """
    kinds: list[list[int]] = [[], [], [], []]
    for i, (right, given) in enumerate(zip(true, predicted, strict=True)):
        if not texts[i].strip() or not (right or given):
            continue
        if set(right) == set(given):
            kinds[0 if len(right) > 1 else 1].append(i)
        else:
            kinds[2 if set(given) < set(right) else 3].append(i)
    shown: set[str] = set()
    chosen: list[list[int]] = [[], [], [], []]
    while sum(map(len, chosen)) < n and any(kinds):
        for kind, candidates in enumerate(kinds):
            if not candidates or sum(map(len, chosen)) == n:
                continue
            pick = min(
                candidates,
                key=lambda i: (
                    _unreadable(texts[i]),
                    -len({*true[i], *predicted[i]} - shown),
                    i,
                ),
            )
            candidates.remove(pick)
            chosen[kind].append(pick)
            shown |= {*true[pick], *predicted[pick]}
    return [i for kind in chosen for i in kind]


def _unreadable(text: str) -> int:
    """By how many characters a text is too short or too long to be shown."""
    shortest, longest = READABLE
    return max(shortest - len(text), len(text) - longest, 0)
