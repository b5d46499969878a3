"""The card of a saved model."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from sklabelemb import (
    BinaryRelevance,
    LabelTreeClassifier,
    MTLEClassifier,
    ThresholdTuner,
    load,
    model_card,
    save,
    serving,
)
from sklabelemb.text.tfidf import default_tfidf

TEXTS = ["my parcel is late", "my refund is due", "parcel late, refund due", "hello"] * 5
Y = np.array([[1, 0], [0, 1], [1, 1], [0, 0]] * 5)
NAMES = ["delivery", "refund"]


@pytest.fixture(scope="module")
def tuned():
    return ThresholdTuner(BinaryRelevance(label_names=NAMES), cv=2, random_state=0).fit(TEXTS, Y)


def rows(card: str, heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its head."""
    part = card.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_saved_models_have_a_card_that_is_trusted_for_nothing(tuned, tmp_path):
    save(tuned, tmp_path / "model")
    card = tmp_path / "model" / "README.md"
    before = load(tmp_path / "model").predict_labels(TEXTS[:4])
    assert card.read_text("utf-8") == model_card(tuned)
    for change in (lambda: card.write_bytes(b"\xff{changed}"), card.unlink):
        change()
        assert load(tmp_path / "model").predict_labels(TEXTS[:4]) == before
        assert serving.load(tmp_path / "model").predict_labels(TEXTS[:4]) == before


def test_card_of_ones_own_none_and_what_is_no_card(tuned, tmp_path):
    save(tuned, tmp_path / "model", card="# Mine\n")
    assert (tmp_path / "model" / "README.md").read_text("utf-8") == "# Mine\n"
    save(tuned, tmp_path / "model", card=False, overwrite=True)
    assert not (tmp_path / "model" / "README.md").exists()
    with pytest.raises(TypeError, match="card must be True, False or the text of the card"):
        save(tuned, tmp_path / "other", card=None)


def test_models_inside_have_no_card_and_readmes_of_other_things_stay(tuned, tmp_path):
    (tmp_path / "README.md").write_text("a project", encoding="utf-8")
    with pytest.raises(FileExistsError, match=r"other things than a saved model \(README.md\)"):
        save(tuned, tmp_path, overwrite=True)
    assert (tmp_path / "README.md").read_text("utf-8") == "a project"
    save(tuned, tmp_path / "model")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        save(tuned, tmp_path / "model")
    save(tuned, tmp_path / "model", overwrite=True)
    assert [path.name for path in tmp_path.rglob("README.md")].count("README.md") == 2


def test_labels_with_their_counts_and_thresholds(tuned):
    for y in (Y, sp.csr_matrix(Y), pd.DataFrame(Y[:, ::-1], columns=NAMES[::-1])):
        found = rows(model_card(tuned, y=y), "Labels")
        assert [row[:2] for row in found] == [["delivery", "10"], ["refund", "10"]]
        assert [row[2] for row in found] == [f"{t:.3f}" for t in tuned.thresholds_]
    assert [len(row) for row in rows(model_card(tuned), "Labels")] == [2, 2]
    with pytest.raises(ValueError, match="y has 3 columns, but the model has 2 labels"):
        model_card(tuned, y=np.ones((4, 3), dtype=int))


def test_classes_have_counts_and_no_thresholds():
    y = np.array(["b", "a", "a", "c"] * 5)
    card = model_card(BinaryRelevance().fit(TEXTS, y), y=y)
    assert rows(card, "Labels") == [["a", "10"], ["b", "5"], ["c", "5"]]
    assert "A multi-class text classifier of 3 classes" in card
    assert "- multi-label" not in card
    assert "Trained on 20 texts." in card


def test_changed_parameters_those_inside_included(tuned):
    assert rows(model_card(tuned), "Parameters") == [
        ["`cv`", "2"],
        ["`estimator`", "BinaryRelevance"],
        ["`random_state`", "0"],
    ]
    inner = BinaryRelevance(classifier=LinearSVC(C=0.5), label_names=NAMES).fit(TEXTS, Y)
    assert ["`classifier__C`", "0.5"] in rows(model_card(inner), "Parameters")
    assert "All are defaults." in model_card(BinaryRelevance().fit(TEXTS, Y))


def test_pipelines_and_models_of_several_tasks():
    whole = Pipeline([("tfidf", default_tfidf()), ("svc", LinearSVC(C=2.0))]).fit(
        TEXTS, np.array(list("abab") * 5)
    )
    card = model_card(whole)
    assert [row[0] for row in rows(card, "Labels")] == ["a", "b"]
    assert ["`svc__C`", "2.0"] in rows(card, "Parameters")
    assert 'model.predict(["a text"])' in card
    model = MTLEClassifier(embedding_dim=4, hidden_size=4, max_epochs=1, random_state=0)
    task = np.array(["x", "y"] * 10)
    card = model_card(model.fit(TEXTS, np.array(list("abcc") * 5), task=task))
    assert "of 2 classes and 2 classes" in card
    assert [row[0] for row in rows(card, "Labels of y")] == ["b", "c"]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a|b", r"a\|b"),
        ("<script>", "&lt;script&gt;"),
        ("[x](http://e.org)", r"\[x\](http:\//e.org)"),
        ("WWW.e.org me@e.org", r"WWW\.e.org me\@e.org"),
        ("two\nlines", "two lines"),
        ("`code` *b* _i_", r"\`code\` \*b\* \_i\_"),
        ("&amp;", "&amp;amp;"),
        ("a\u202eb\x00\ud800", "a\ufffdb\ufffd\ufffd"),
        ("x" * 500, "x" * 119 + "…"),
    ],
)
def test_names_of_labels_are_no_markup(name, written, tmp_path):
    model = BinaryRelevance(label_names=[name, "other"]).fit(TEXTS, Y)
    save(model, tmp_path / "model")
    card = (tmp_path / "model" / "README.md").read_text("utf-8")
    line = next(line for line in card.splitlines() if line.endswith("… |") or written in line)
    assert line == f"| {written} |"


def test_many_labels_show_the_frequent_ones():
    y = sp.eye_array(300, format="csr", dtype=int)
    y = sp.vstack([y, y[250:]]).tocsr()
    texts = [f"word{i}" for i in range(350)]
    model = LabelTreeClassifier(threshold=0.5, validation_fraction=0.2, random_state=0)
    card = model_card(model.fit(texts, y), y=y)
    found = rows(card, "Labels")
    assert len(found) == 200
    assert found[0][:2] == ["250", "2"]
    assert "And 100 more, which are in `model.json`." in card


def test_header_and_versions(tuned):
    card = model_card(tuned, data="From *here*.", scores={"micro-F1": 1}, scored_on="the rest")
    head = card.split("---\n")[1].splitlines()
    assert head[0] == "library_name: sklabelemb"
    assert "license" not in card
    assert head[head.index("tags:") + 1 :] == [
        "- text-classification",
        "- multi-label",
        "- scikit-learn",
        "- ThresholdTuner",
    ]
    assert r"From \*here\*." in card
    assert rows(card, "Scores") == [["micro-F1", "1.000"]]
    assert "On the rest." in card


def test_card_names_the_versions_that_the_model_was_written_with(tuned, tmp_path):
    save(tuned, tmp_path / "model")
    versions = json.loads((tmp_path / "model" / "model.json").read_text("utf-8"))["versions"]
    last = (tmp_path / "model" / "README.md").read_text("utf-8").partition("## Versions")[2]
    assert all(f"{library} {version}" in last for library, version in versions.items())
