"""The page of what labels and words had to do with each other."""

from __future__ import annotations

import re

import numpy as np
import pytest

from sklabelemb.inspection import JointExplanation, render_label_tables, write_label_tables


def explanation(**changed):
    fields = {
        "text": "late <parcel> & refund",
        "tokens": ["late", "<parcel>", "&", "refund"],
        "spans": [(0, 4), (5, 13), (14, 15), (16, 22)],
        "label_names": ["delivery", "a&b", "money"],
        "proba": np.array([0.9, 0.001, 0.6]),
        "predicted": np.array([True, False, True]),
        "attention": np.array(
            [[0.4, 0.25, 0.1], [0.3, 0.25, 0.1], [0.1, 0.25, 0.2], [0.2, 0.25, 0.6]]
        ),
        "contributions": np.zeros((4, 3)),
        "affinity": np.array([[0.5, 0.2, 0.3], [0.1, 0.8, 0.1], [0.6, 0.1, 0.3]]),
    }
    return JointExplanation(**{**fields, **changed})


def tables(html):
    """Rows of each table of a page, each a name and what its cells say."""
    found = []
    for table in re.findall(r"<table.*?</table>", html, re.S):
        rows = []
        for row in re.findall(r"<tr>(.*?)</tr>", table.split("<tbody>")[1], re.S):
            name = re.search(r"<bdi>(.*?)</bdi>", row).group(1)
            rows.append((name, re.findall(r"<td (.*?)>(.*?)</td>", row, re.S)))
        found.append(rows)
    return found


def test_predicted_labels_come_first_and_others_fill_up():
    words, labels = tables(render_label_tables([explanation()], n_labels=3))
    assert [name for name, _ in words] == ["delivery", "money", "a&amp;b"]
    assert [name for name, _ in labels] == ["delivery", "money", "a&amp;b"]
    words, labels = tables(render_label_tables([explanation()], n_labels=1))
    assert [name for name, _ in words] == ["delivery", "money"]
    nothing = explanation(predicted=np.zeros(3, dtype=bool))
    words, _ = tables(render_label_tables([nothing], n_labels=1))
    assert [name for name, _ in words] == ["delivery"]


def test_words_are_marked_by_what_they_contributed():
    contributions = np.array([[2.0, 0.0, 0.1], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [-0.5, 0.0, 1.0]])
    words, _ = tables(render_label_tables([explanation(contributions=contributions)], n_labels=3))
    by_name = {name: cells[0][1] for name, cells in words}
    marks = {
        name: re.findall(r'<mark class="(\w+)" style="--s:([\d.]+)"[^>]*>(\w+)</mark>', cell)
        for name, cell in by_name.items()
    }
    # Relative to the strongest word of the text; the faintest have no mark.
    assert marks["delivery"] == [("for", "1.0", "late"), ("against", "0.25", "refund")]
    assert marks["money"] == [("for", "0.5", "refund")]
    assert marks["a&amp;b"] == []
    # The whole text stands there for each label.
    for cell in by_name.values():
        assert re.sub(r"<.*?>", "", cell) == "late &lt;parcel&gt; &amp; refund"


def test_labels_beside_labels_are_percents():
    _, labels = tables(render_label_tables([explanation()], n_labels=3))
    assert [[text for _, text in cells] for _, cells in labels] == [
        ["50.0", "30.0", "20.0"],
        ["60.0", "30.0", "10.0"],
        ["10.0", "10.0", "80.0"],
    ]
    assert ['class="own"' in attributes for attributes, _ in labels[1][1]] == [False, True, False]


def test_what_a_model_does_not_have_is_not_shown():
    assert len(tables(render_label_tables([explanation(affinity=None)]))) == 1
    assert len(tables(render_label_tables([explanation(attention=None)]))) == 2
    empty = explanation(
        text="", tokens=[], spans=[], attention=np.zeros((0, 3)), contributions=np.zeros((0, 3))
    )
    assert len(tables(render_label_tables([empty]))) == 2


def test_everything_is_escaped_and_nothing_is_loaded():
    html = render_label_tables(
        [explanation()], title="<title>", note="a & b", label_texts={"a&b": 'say "x"'}
    )
    assert "late &lt;parcel&gt; &amp; refund" in html
    assert "<h1>&lt;title&gt;</h1>" in html
    assert "&#34;x&#34;" in html
    assert "<script" not in html
    assert "http" not in html


def test_fragment_page_and_notebook(tmp_path):
    fragment = render_label_tables([explanation()], page=False)
    assert not fragment.lstrip().startswith("<!doctype")
    assert explanation()._repr_html_() == fragment
    path = write_label_tables(tmp_path / "page.html", [explanation()], title="Here")
    assert path.read_text(encoding="utf-8") == render_label_tables([explanation()], title="Here")
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_no_labels_to_show():
    with pytest.raises(ValueError, match="n_labels must be at least 1, but is 0"):
        render_label_tables([explanation()], n_labels=0)


def test_texts_of_labels_may_come_in_their_order():
    one = explanation()
    texts = [f"text of {name}" for name in one.label_names]
    by_name = dict(zip(one.label_names, texts, strict=True))
    page = render_label_tables([one], label_texts=texts)
    assert page == render_label_tables([one], label_texts=by_name)
    assert "text of" in page
    for wrong in (texts[1:], "auto"):
        with pytest.raises(ValueError, match="label_texts must be a dict, or hold one text for"):
            render_label_tables([one], label_texts=wrong)
