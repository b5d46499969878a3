"""The page of highlighted texts."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from sklabelemb.inspection import Explanation, render_highlights, write_highlights
from sklabelemb.text import Tokenizer

LABELS = ["delivery", "refund", "returns"]
VOID = {"meta", "br", "hr", "img", "link", "input"}


def explanation(
    text="late parcel", proba=(0.9, 0.2, 0.1), predicted=(True, False, False), values=(2.0, -1.0)
):
    tokenizer = Tokenizer()
    tokens = tokenizer(text)
    contributions = np.zeros((len(tokens), 3))
    contributions[: len(values), 0] = values[: len(tokens)]
    return Explanation(
        text,
        tokens,
        tokenizer.spans(text),
        list(LABELS),
        np.array(proba),
        np.array(predicted),
        np.full((len(tokens), 3), 1 / max(1, len(tokens))),
        contributions,
    )


class Page(HTMLParser):
    """Checks that tags match, and gathers the tags, the statuses and the texts."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.attributes = [], [], []
        self.texts, self.statuses = [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.extend((tag, *pair) for pair in attrs)
        if tag not in VOID:
            self.open.append((tag, dict(attrs).get("class")))
            if self.open[-1] == ("div", "text"):
                self.texts.append("")

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if ("div", "text") in self.open:
            self.texts[-1] += data
        if ("span", "status") in self.open:
            self.statuses.append(data)


def test_text_is_shown_whole_and_marked():
    html = render_highlights([explanation("A  late, late\nparcel!", values=(0, 2, 0, -1))])
    assert Page(html).texts == ["A  late, late\nparcel!"]
    assert '<mark class="for" style="--s:1.0" title="late +2.00">late</mark>' in html
    assert '<mark class="against" style="--s:0.5" title="late \u22121.00">late</mark>' in html


def test_faint_words_are_left_unmarked():
    html = render_highlights([explanation(values=(2.0, 0.1))])
    assert html.count("<mark") == 2 + 1  # the legend has two
    assert ">parcel</mark>" not in html


def test_everything_is_escaped():
    evil = "<script>alert('x')</script> & \"late\""
    shown = explanation(evil)
    shown.label_names[0] = "<b>bold</b>"
    html = render_highlights(
        [shown],
        true_labels=[["<i>"]],
        label_texts={"<b>bold</b>": "<u>"},
        title="<title>",
        note="<em>",
    )
    page = Page(html)
    assert not {"script", "b", "u", "em"} & set(page.tags)
    # The bar is the only <i>.
    assert page.tags.count("i") == 1
    assert page.texts == [evil]


def test_page_is_self_contained():
    html = render_highlights([explanation()])
    page = Page(html)
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert not [a for a in page.attributes if a[1] in {"src", "href"} or a[1].startswith("on")]
    assert not re.search(r"url\(|@import|https?:", html)
    assert html.strip().startswith("<!doctype html>")


def test_right_wrong_and_missed_are_told_apart():
    shown = explanation(proba=(0.9, 0.7, 0.3), predicted=(True, True, False))
    page = Page(render_highlights([shown], true_labels=[["delivery", "returns"]]))
    assert page.statuses == ["✓ right", "✕ wrong", "○ missed"]
    assert len(page.texts) == 3


def test_without_true_labels_nothing_is_judged():
    shown = explanation(proba=(0.9, 0.7, 0.3), predicted=(True, True, False))
    page = Page(render_highlights([shown]))
    assert page.statuses == []
    assert len(page.texts) == 2


@pytest.mark.parametrize(
    ("true_labels", "status"),
    [(None, "below its threshold"), ([[]], "below its threshold"), ([["delivery"]], "○ missed")],
)
def test_without_a_predicted_label_the_most_probable_is_shown(true_labels, status):
    html = render_highlights([explanation(predicted=(False,) * 3)], true_labels=true_labels)
    assert Page(html).statuses == [status]
    assert '<bdi class="name">delivery</bdi>' in html


def test_true_labels_that_the_model_does_not_know_are_named():
    html = render_highlights([explanation()], true_labels=[["delivery", "warranty"]])
    assert "Also right, but unknown to the model: warranty." in html


def test_descriptions_are_shown_unless_they_are_the_name():
    texts = {"delivery": "late or lost parcels"}
    assert ">late or lost parcels</div>" in render_highlights([explanation()], label_texts=texts)
    html = render_highlights([explanation()], label_texts={"delivery": "delivery"})
    assert 'class="description"' not in html


@pytest.mark.parametrize(
    ("proba", "shown"), [(0.999, "&gt; 99 %"), (0.001, "&lt; 1 %"), (0.456, "46 %")]
)
def test_probabilities_are_never_rounded_to_certainty(proba, shown):
    assert f'<div class="facts">{shown}' in render_highlights([explanation(proba=(proba, 0, 0))])


def test_table_adds_up_the_occurrences_of_a_word():
    html = render_highlights([explanation("late late parcel", values=(2.0, 1.5, -1.0))])
    cells = re.findall(r"<bdi>(.*?)</bdi></td><td class=\"value\">(.*?)<", html)
    assert cells == [("late", "+3.50"), ("parcel", "\u22121.00")]


@pytest.mark.parametrize(
    "text", ["", "   ", "x" * 5000, "مرحبا، أين الطرد؟", "👩‍👩‍👧 ok", "e\u0301te\u0301"]
)
def test_odd_texts_are_shown_as_they_are(text):
    assert Page(render_highlights([explanation(text)])).texts == [text]


def test_right_to_left_texts_choose_their_direction():
    assert ("div", "dir", "auto") in Page(render_highlights([explanation("مرحبا")])).attributes


def test_tokens_without_a_place_or_overlapping_ones_do_no_harm():
    shown = explanation("late parcel")
    shown.spans[:] = [(0, 8), (5, 11)]
    assert Page(render_highlights([shown])).texts == ["late parcel"]
    shown.spans[:] = [None, (5, 11)]
    assert Page(render_highlights([shown])).texts == ["late parcel"]


def test_number_of_true_labels_is_checked():
    with pytest.raises(ValueError, match=r"^true_labels has 2 entries for 1 explanations\.$"):
        render_highlights([explanation()], true_labels=[[], []])


def test_page_is_written_as_utf8(tmp_path):
    path = write_highlights(tmp_path / "page.html", [explanation("Größe?")], title="Wörter")
    assert path == tmp_path / "page.html"
    html = path.read_text(encoding="utf-8")
    assert "<title>Wörter</title>" in html
    assert Page(html).texts == ["Größe?"]


def test_texts_of_labels_may_come_in_their_order():
    one = explanation()
    texts = [f"text of {name}" for name in one.label_names]
    by_name = dict(zip(one.label_names, texts, strict=True))
    page = render_highlights([one], label_texts=texts)
    assert page == render_highlights([one], label_texts=by_name)
    assert "text of" in page
    for wrong in (texts[1:], "auto"):
        with pytest.raises(ValueError, match="label_texts must be a dict, or hold one text for"):
            render_highlights([one], label_texts=wrong)


def test_what_belongs_to_no_word_is_told():
    told = replace(
        explanation(),
        meaning=np.array([1.25, -0.5, 0.0]),
        network_weight=np.array([0.0, 0.3, 0.3]),
    )
    html = render_highlights([told])
    assert "+1.25" in html
    assert "whole text" in html
    assert html.count("The network has no say in this label") == 1
    plain = render_highlights([replace(told, meaning=None, network_weight=np.full(3, 0.3))])
    assert "whole text" not in plain
    assert "no say" not in plain
    Page(html)


def test_short_words_do_not_crowd_out_longer_ones():
    from sklabelemb.inspection.highlights import _strongest

    def listed(tokens, values):
        return [word["token"] for word in _strongest(tokens, np.array(values))]

    tokens = ["the", "the", "the", ",", ",", "parcel", "late", "never", "came", "today"]
    values = [0.4, 0.4, 0.4, 0.3, 0.3, 1.0, 0.6, -0.3, 0.2, 0.1]
    assert listed(tokens, values) == ["parcel", "late", "never", "came", "today"]
    # Where they say much they are listed, and where there is room.
    assert listed(["not", "good", "at", "all"], [-1.0, 0.9, 0.1, 0.2]) == [
        "not",
        "good",
        "all",
        "at",
    ]


def test_a_fragment_is_short_and_a_page_has_all():
    many = [explanation(f"text number {i} late", values=(0, 0, 0, 1.0)) for i in range(60)]
    html = render_highlights(many, page=False)
    assert html.count("<article>") == 50
    assert html.count("<details><summary>text number") == 48
    assert "10 more texts are not shown; write_highlights(path, explanations)" in html
    assert render_highlights(many).count("<article>") == 60
    assert "<details" not in render_highlights(many)


def test_labels_of_a_text_unfold():
    html = render_highlights([explanation(predicted=(True,) * 3)], page=False)
    assert "more labels" not in html
    wide = replace(
        explanation(),
        label_names=list("abcdef"),
        proba=np.full(6, 0.9),
        predicted=np.ones(6, dtype=bool),
        contributions=np.ones((len(explanation().tokens), 6)),
        attention=None,
    )
    html = render_highlights([wide], page=False)
    assert "<summary>3 more labels</summary>" in html
    assert "more labels" not in render_highlights([wide])


def test_what_is_folded_is_escaped():
    text = "<b>bold</b> & " + "late " * 40
    html = render_highlights([explanation(text)] * 4, page=False)
    folded = html[html.index("<details><summary>&lt;b&gt;bold") :]
    assert "<b>bold" not in html
    assert "…" in folded
