"""Results as tables for notebooks."""

from __future__ import annotations

import numpy as np
import pytest

from sklabelemb.comparison import compare_classifiers, compare_on_test, paired_bootstrap
from sklabelemb.metrics import multilabel_report
from sklabelemb.pages import Cell, Table, render_tables
from sklabelemb.semantic_unit import LabelSequence, LabelSequences

HOSTILE = '<img src="x" onerror="alert(1)">'
ESCAPED = "&lt;img src=&#34;x&#34; onerror=&#34;alert(1)&#34;&gt;"


def report(n_labels=2, names=None):
    y = np.eye(n_labels, dtype=int)
    return multilabel_report(y, y, label_names=names or [f"label {k}" for k in range(n_labels)])


def comparison(name):
    scores = {name: [0.5, 0.6, 0.7], "B": [0.6, 0.7, 0.9], "C": [0.4, 0.5, 0.6]}
    return compare_classifiers(scores)


def on_test(name):
    y = np.tile(np.eye(3, dtype=int), (5, 1))
    return compare_on_test({name: y, "B": 1 - y}, y)


def sequences(name):
    return LabelSequences([LabelSequence((name, "B"), 0.25, (0.5, 0.5))] * 2)


def test_many_rows_unfold():
    rows = [[str(i), "x"] for i in range(14)]
    html = render_tables("T", Table(["name", "value"], rows, rows_shown=3))
    seen, hidden = html.split("<details>")
    assert seen.count('scope="row"') == 3
    assert hidden.count('scope="row"') == 11
    assert "<summary>11 more</summary>" in hidden
    # a single row is not folded
    assert "<details>" not in render_tables("T", Table(["name"], rows[:4], rows_shown=3))


def test_bars_and_emphasis():
    rows = [["a", Cell("0.5", 0.5)], ["b", Cell("–")]]
    html = render_tables("T", Table(["", "F1"], rows, strong=[1]))
    assert '<td class="share" style="--s:50.0%">0.5</td>' in html
    assert "<td>–</td>" in html
    assert html.count('class="strong"') == 1
    assert html.index('class="strong"') > html.index("0.5</td>")


@pytest.mark.parametrize(
    "make",
    [
        lambda name: report(names=[name, "B"]),
        comparison,
        on_test,
        sequences,
        lambda name: sequences(name)[0],
        lambda name: render_tables(name, Table([name], [[name]], more=name), notes=[name]),
    ],
    ids=["report", "comparison", "test set", "sequences", "sequence", "table"],
)
def test_names_are_escaped_and_nothing_runs_or_is_loaded(make):
    made = make(HOSTILE)
    html = made if isinstance(made, str) else made._repr_html_()
    assert ESCAPED in html
    assert "<img" not in html
    for sign in ("<script", "http:", "https:", "@import", "url("):
        assert sign not in html


def test_fragments_take_the_colours_around_them():
    html = report()._repr_html_()
    assert "--ink: currentColor" in html
    assert "prefers-color-scheme" not in html
    assert "<html" not in html


def test_a_report_has_what_its_text_has():
    html = report(60)._repr_html_()
    assert html.count("label 5<") == 1
    assert "20 labels with fewer samples are not shown" in html
    for name in ("micro", "hamming loss", "label sets", "1.000"):
        assert name in html


def test_a_comparison_has_its_findings():
    html = comparison("A")._repr_html_()
    assert "Friedman: chi2(2)" in html
    assert html.index(">B<") < html.index(">A<") < html.index(">C<")
    y = np.tile(np.eye(3, dtype=int), (5, 1))
    html = paired_bootstrap(y, y, 1 - y, metric="hamming_loss", random_state=0)._repr_html_()
    assert "Lower is better." in html
    assert "−1.0000" in html or "-1.0000" in html


def test_sequences_show_their_steps():
    some = sequences("refund")
    assert "refund 0.50 → B 0.50" in some._repr_html_()
    assert type(some[:1]) is LabelSequences
    assert "no label" in LabelSequence((), 0.9, ())._repr_html_()
    many = LabelSequences(list(some) * 30)
    assert "10 more sequences are not shown." in many._repr_html_()
