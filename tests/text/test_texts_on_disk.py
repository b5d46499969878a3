"""Texts in a file, for more of them than memory holds."""

from __future__ import annotations

import copy
import gc
import pickle
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from sklabelemb import BinaryRelevance, LabelTreeClassifier, LEAMClassifier
from sklabelemb.text import TextsOnDisk

TEXTS = ["a late parcel", "", "café 包裹 🙂", "line\nend\r\n", "\ud800 half", "money back"]
MANY = [f"{kind} number {i % 7}" for i in range(60) for kind in ("late parcel", "money refund")]
Y = np.tile([[1, 0], [0, 1]], (60, 1))


@pytest.mark.parametrize(
    "chunks",
    [
        TEXTS,
        iter(TEXTS),
        [TEXTS[:2], [], TEXTS[2:]],
        (np.array(part, dtype=object) for part in (TEXTS[:3], TEXTS[3:])),
    ],
)
def test_texts_come_back(chunks):
    found = TextsOnDisk(chunks)
    assert len(found) == len(TEXTS)
    assert list(found) == list(found) == TEXTS
    assert [found[i] for i in range(-6, 6)] == TEXTS * 2
    assert found[1:4] == TEXTS[1:4]
    assert found[np.array([5, 0, 0])] == [TEXTS[5], TEXTS[0], TEXTS[0]]
    assert found[np.array(TEXTS) == "money back"] == ["money back"]


def test_an_index_that_is_out_of_range():
    with pytest.raises(IndexError):
        TextsOnDisk(TEXTS)[6]


def test_series_as_chunks():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"text": TEXTS[:4]})
    assert list(TextsOnDisk(frame["text"][i : i + 3] for i in (0, 3))) == TEXTS[:4]


@pytest.mark.parametrize(
    ("chunks", "error", "message"),
    [
        ("one text", TypeError, "stream_table"),
        (["a", None], ValueError, "missing value .* in row 1"),
        (["a", "b", float("nan")], ValueError, "missing value .* in row 2"),
        (["a", 3], TypeError, "in row 1"),
        (["a", b"b"], TypeError, "in row 1, not str; decode"),
        ([["a"], ["b", None]], ValueError, r"chunk 1 \(from row 1 on\) has a missing value"),
        ([np.zeros((2, 2))], ValueError, "chunk 0"),
    ],
)
def test_what_is_no_text(chunks, error, message, tmp_path):
    with pytest.raises(error, match=message):
        TextsOnDisk(chunks, folder=tmp_path)
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_the_file_goes_with_the_last_reference(tmp_path):
    texts = TextsOnDisk(TEXTS, folder=tmp_path)
    other = copy.deepcopy(texts)
    [file] = tmp_path.iterdir()
    assert file.stat().st_size == sum(len(t.encode("utf-8", "surrogatepass")) for t in TEXTS)
    del texts
    gc.collect()
    assert list(other) == TEXTS
    del other
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_a_pickle_reads_the_same_file(tmp_path):
    texts = TextsOnDisk(TEXTS, folder=tmp_path)
    copied = pickle.loads(pickle.dumps(texts))
    assert list(copied) == TEXTS
    del copied
    gc.collect()
    assert list(texts) == TEXTS


def test_a_child_process_leaves_the_file(tmp_path):
    texts = TextsOnDisk(TEXTS, folder=tmp_path)
    child = get_context("fork").Process(target=len, args=(texts,))
    child.start()
    child.join()
    assert list(texts) == TEXTS


def test_a_short_representation():
    assert repr(TextsOnDisk(["x" * 1000] * 1000)) == "<1,000 texts on disk, 1 MB>"


@pytest.mark.parametrize(
    "make",
    [
        lambda: LEAMClassifier(max_epochs=2, random_state=0),
        lambda: LabelTreeClassifier(random_state=0),
        BinaryRelevance,
    ],
    ids=["LEAM", "tree", "BinaryRelevance"],
)
def test_a_classifier_learns_the_same_as_from_a_list(make):
    texts = TextsOnDisk(MANY)
    model = make().fit(texts, Y)
    listed = make().fit(MANY, Y)
    np.testing.assert_array_equal(model.decision_function(texts), listed.decision_function(MANY))
    np.testing.assert_array_equal(model.predict(texts), listed.predict(MANY))
    assert model.score(texts, Y) == listed.score(MANY, Y)


def test_nothing_reads_all_texts_at_once(monkeypatch):
    def refuse(self, index):
        raise AssertionError("texts were picked one by one, or all at once")

    texts = TextsOnDisk(MANY)
    monkeypatch.setattr(TextsOnDisk, "__getitem__", refuse)
    LEAMClassifier(max_epochs=1).fit(texts, Y).predict(texts)


def test_the_missing_texts_and_the_wrong_length():
    with pytest.raises(ValueError, match="minimum of 1 is required"):
        LEAMClassifier().fit(TextsOnDisk([]), Y[:0])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        LEAMClassifier().fit(TextsOnDisk(MANY), Y[:-1])


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        TextsOnDisk(TEXTS, folder=Path(tmp_path, "no"))
