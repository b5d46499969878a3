"""Datasets in folders."""

import json
import lzma

import numpy as np
import pytest
import scipy.sparse as sp

from sklabelemb.datasets import load_folder

LABEL_TEXTS = {"refund": "money back", "delivery": "late parcel", "rude": "bad service"}


def write(folder, name, records):
    data = "\n".join(json.dumps(record) for record in records).encode()
    (folder / name).write_bytes(lzma.compress(data) if name.endswith(".xz") else data)


@pytest.fixture
def folder(tmp_path):
    write(
        tmp_path,
        "train.jsonl",
        [
            {"id": 7, "text": "a", "labels": ["delivery", "refund"]},
            {"text": "b", "labels": [], "note": "odd"},
        ],
    )
    write(tmp_path, "test.jsonl.xz", [{"text": "c", "labels": ["rude"]}])
    write(tmp_path, "extra.jsonl", [{"text": "d", "labels": "rude"}])
    (tmp_path / "labels.json").write_text(json.dumps(LABEL_TEXTS))
    (tmp_path / "stats.json").write_text('{"name": "Shop", "licence": "CC0", "splits": {}}')
    return tmp_path


def test_one_split(folder):
    train = load_folder(folder, split="train")
    assert train.data == ["a", "b"]
    assert train.target.dtype == np.int64
    np.testing.assert_array_equal(train.target, [[1, 1, 0], [0, 0, 0]])
    assert train.target_names == list(LABEL_TEXTS)
    assert train.label_texts == list(LABEL_TEXTS.values())
    assert train.extra == {"id": [7, None], "note": [None, "odd"]}
    assert train.DESCR == "Shop\nLicence: CC0"
    assert train.filename == str(folder / "train.jsonl")


def test_all_splits_have_the_same_columns(folder):
    bunch = load_folder(str(folder))
    assert list(bunch) == ["train", "test", "extra"]
    np.testing.assert_array_equal(bunch.test.target, [[0, 0, 1]])
    np.testing.assert_array_equal(bunch.extra.target, [[0, 0, 1]])


def test_data_and_target_alone(folder):
    X, y = load_folder(folder, split="test", return_X_y=True)
    assert X == ["c"]
    np.testing.assert_array_equal(y, [[0, 0, 1]])


def test_sparse(folder):
    target = load_folder(folder, split="train", sparse=True).target
    assert sp.isspmatrix_csr(target)
    assert target.dtype == np.int64
    np.testing.assert_array_equal(target.toarray(), [[1, 1, 0], [0, 0, 0]])


def test_sparse_when_there_are_many_labels(tmp_path):
    write(tmp_path, "train.jsonl", [{"text": "a", "labels": ["1", "2"]}])
    for n_labels, is_sparse in ((100, False), (101, True)):
        (tmp_path / "labels.json").write_text(json.dumps({str(i): "" for i in range(n_labels)}))
        target = load_folder(tmp_path, split="train").target
        assert sp.issparse(target) is is_sparse
        assert target.shape == (1, n_labels)


def test_classes_where_every_document_has_one_label(tmp_path):
    write(tmp_path, "train.jsonl", [{"text": t, "labels": [t]} for t in "ba"])
    write(tmp_path, "test.jsonl", [{"text": "a", "labels": ["b"]}])
    (tmp_path / "labels.json").write_text('{"b": "bee", "a": "ant"}')
    train = load_folder(tmp_path, split="train")
    assert train.target.tolist() == ["b", "a"]
    # In the order of a classifier's classes_, and the texts with them.
    assert train.target_names == ["a", "b"]
    assert train.label_texts == ["ant", "bee"]
    indicator = load_folder(tmp_path, split="train", as_classes=False)
    np.testing.assert_array_equal(indicator.target, [[1, 0], [0, 1]])
    assert indicator.target_names == ["b", "a"]


def test_other_splits_have_a_say_in_the_form(folder):
    # Each document of this split has one label, but not each of the training split.
    assert load_folder(folder, split="test").target.ndim == 2
    assert load_folder(folder, split="test", as_classes=True).target.tolist() == ["rude"]
    with pytest.raises(ValueError, match=r"train.jsonl, line 1: as_classes=True .* has 2.*=False"):
        load_folder(folder, split="train", as_classes=True)


def test_another_field_as_target(folder):
    for name in ("train.jsonl", "test.jsonl.xz", "extra.jsonl"):
        write(folder, name, [{"text": "a", "labels": ["rude"], "tone": name[:3]}] * 2)
    train = load_folder(folder, split="train", target="tone")
    assert train.target.tolist() == ["tra", "tra"]
    assert train.target_names == train.label_texts == ["ext", "tes", "tra"]
    assert train.extra == {"labels": [["rude"]] * 2}


def test_without_labels_json_all_splits_name_the_labels(folder):
    (folder / "labels.json").unlink()
    test = load_folder(folder, split="test")
    assert test.target_names == test.label_texts == ["delivery", "refund", "rude"]
    np.testing.assert_array_equal(test.target, [[0, 0, 1]])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"train.jsonl, line 2: not valid JSON"),
        ('{"labels": []}', r"train.jsonl, line 2: no key 'text'; the keys there are: 'labels'"),
        ('{"text": "a"}', r"train.jsonl, line 2: no key 'labels'; the keys there are: 'text'"),
        ("{}", r"line 2: no key 'text'; the keys there are: none"),
        ('{"text": null, "labels": []}', "line 2: 'text' must be a string, but holds None of type"),
        ('{"text": ["a"], "labels": []}', "line 2: 'text' must be a string.* of type list"),
        ('{"text": "a", "labels": 0.5}', "line 2: labels must be a list of strings, not 0.5"),
        ('{"text": "a", "labels": ["x"]}', "line 2: the label 'x' is missing from labels.json"),
    ],
)
def test_broken_line(folder, line, message):
    (folder / "train.jsonl").write_text('{"text": "a", "labels": ["rude"]}\n' + line + "\n")
    with pytest.raises(ValueError, match=message):
        load_folder(folder, split="train")


def test_cut_off_split(folder):
    data = (folder / "test.jsonl.xz").read_bytes()
    (folder / "test.jsonl.xz").write_bytes(data[:-20])
    with pytest.raises(ValueError, match=r"test.jsonl.xz: the compressed file is damaged or cut"):
        load_folder(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1", r"labels.json, line 1: not valid JSON"),
        ('["rude"]', r"labels.json: expected an object that maps each label to a text"),
        ('{"rude": 1}', r"labels.json: expected an object that maps each label to a text"),
    ],
)
def test_broken_labels_json(folder, content, message):
    (folder / "labels.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        load_folder(folder)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"split": "dev"}, "has no split 'dev'; it has: train, test, extra"),
        ({"return_X_y": True}, "pass split as well, for instance split='train'"),
        ({"as_classes": "yes"}, "as_classes must be one of True, False, 'auto'; got 'yes'"),
        ({"sparse": 1}, "sparse must be one of True, False, 'auto'; got 1"),
    ],
)
def test_wrong_arguments(folder, parameters, message):
    with pytest.raises(ValueError, match=message):
        load_folder(folder, **parameters)


def test_wrong_folder(folder, tmp_path_factory):
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        load_folder(folder / "nowhere")
    with pytest.raises(FileNotFoundError, match="not a folder; for a single file, use load_table"):
        load_folder(folder / "train.jsonl")
    with pytest.raises(FileNotFoundError, match=r"holds no split. Expected files such as train"):
        load_folder(tmp_path_factory.mktemp("empty"))
    write(folder, "test.jsonl", [{"text": "a", "labels": []}])
    with pytest.raises(ValueError, match=r"'test' twice, as test.jsonl and test.jsonl.xz"):
        load_folder(folder)


def test_empty_split(folder):
    (folder / "train.jsonl").write_text("\n")
    with pytest.raises(ValueError, match=r"train.jsonl is empty: it holds no document"):
        load_folder(folder)


def test_no_label_anywhere(tmp_path):
    write(tmp_path, "train.jsonl", [{"text": "a", "labels": []}])
    with pytest.raises(ValueError, match="no document has a label in the field 'labels'"):
        load_folder(tmp_path)


def test_shared_datasets(shared):
    reuters = load_folder(shared / "data" / "reuters21578", split="test")
    assert len(reuters.data) == 3019
    assert reuters.target.shape == (3019, 90)
    assert reuters.target.sum() == round(1.24 * 3019)
    assert reuters.label_texts[reuters.target_names.index("acq")] == "mergers and acquisitions"
    questions = load_folder(shared / "data" / "trec_coarse")
    assert list(questions) == ["train", "test"]
    assert len(questions.train.data) == 5452
    assert questions.train.target.shape == (5452,)
    assert np.unique(questions.test.target).tolist() == questions.test.target_names
    laws = load_folder(shared / "data" / "eurlex57k", split="dev")
    assert sp.isspmatrix_csr(laws.target)
    assert laws.target.shape == (6000, 4271)


# -- only what was asked for -----------------------------------------------------------------------


@pytest.fixture
def plain(tmp_path):
    """A folder with a training split."""
    lines = '{"text": "x", "labels": ["a"]}\n{"text": "y", "labels": ["b"]}\n'
    (tmp_path / "train.jsonl").write_text(lines, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("test.jsonl", b'{"text": "q"}\n'),
        ("._train.jsonl", b"\0\5\x16\7Mac OS X\xa3"),
        ("predictions.jsonl", b'{"id": 1}\n'),
        ("broken.jsonl", b'{"text": \n'),
        ("other.jsonl", b"\xff\xfe\0\1"),
    ],
)
@pytest.mark.parametrize("texts", [True, False])
def test_files_that_were_not_asked_for(plain, name, content, texts):
    (plain / name).write_bytes(content)
    if texts:
        (plain / "labels.json").write_text('{"a": "a", "b": "b"}', encoding="utf-8")
    assert load_folder(plain, split="train").target.tolist() == ["a", "b"]
    bunch = load_folder(plain, split="train", as_classes=False)
    assert bunch.target.tolist() == [[1, 0], [0, 1]]


def test_a_split_without_labels(plain):
    (plain / "test.jsonl").write_text('{"text": "q"}\n{"text": "r"}\n', encoding="utf-8")
    for bunch in (load_folder(plain, split="test"), load_folder(plain).test):
        assert bunch.data == ["q", "r"]
        assert bunch.target is None
        assert bunch.target_names == ["a", "b"]
    assert load_folder(plain).train.target.tolist() == ["a", "b"]
    # In the order of the other splits' classes.
    (plain / "labels.json").write_text('{"b": "bee", "a": "ant"}', encoding="utf-8")
    assert load_folder(plain, split="test").label_texts == ["ant", "bee"]
    (plain / "test.jsonl").write_text(
        '{"text": "q", "labels": "a"}\n{"text": "r"}\n', encoding="utf-8"
    )
    with pytest.raises(ValueError, match=r"line 2: no key 'labels'"):
        load_folder(plain, split="test")


def test_label_texts_with_a_byte_order_mark(plain):
    (plain / "labels.json").write_text('{"a": "é", "b": "b"}', encoding="utf-8-sig")
    assert load_folder(plain, split="train").label_texts == ["é", "b"]
    (plain / "labels.json").write_bytes('{"a": "é", "b": "b"}'.encode("latin-1"))
    with pytest.raises(ValueError, match=r"labels\.json, line 1: byte 0xe9 .* is not utf-8"):
        load_folder(plain, split="train")


def test_names_of_labels_from_elsewhere(plain):
    bunch = load_folder(plain, split="train", label_names=["b", "c", "a"])
    assert bunch.target.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert bunch.target_names == ["b", "c", "a"]
    with pytest.raises(ValueError, match=r"line 2: the label 'b' is not one of the 2 label_names"):
        load_folder(plain, split="train", label_names=["a", "c"])
    left = load_folder(plain, split="train", label_names=["a", "c"], unknown_labels="ignore")
    assert left.target.tolist() == [[1, 0], [0, 0]]
