"""Tables that are read in chunks."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from sklabelemb.datasets import load_table, stream_table

pd = pytest.importorskip("pandas")

ROWS = [
    ("Still no parcel", "delivery;complaint"),
    ("Money back, please", "refund"),
    ('A "quoted" text\nof two lines', ""),
    ("NA", "delivery"),
    ("thanks", "praise;delivery"),
]


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "mail.csv"
    pd.DataFrame(ROWS, columns=["text", "labels"]).to_csv(path, index=False)
    return path


def same(found, expected):
    assert list(found.data) == expected.data
    assert found.target_names == expected.target_names
    target = found.target if found.target.ndim == 1 else found.target.toarray()
    np.testing.assert_array_equal(target, expected.target)
    assert target.dtype == expected.target.dtype


@pytest.mark.parametrize("chunk_size", [1, 2, 100])
def test_a_file_of_csv(csv, chunk_size):
    same(stream_table(csv, chunk_size=chunk_size), load_table(csv))


def test_other_columns_and_signs(tmp_path):
    path = tmp_path / "mail.csv"
    path.write_text("id\tbody\ttags\n1\tcafé\ta|b\n2\tb\tc\n", encoding="cp1252")
    found = stream_table(path, text="body", labels="tags", sep="\t", encoding="cp1252")
    assert list(found.data) == ["café", "b"]
    assert found.target.toarray().tolist() == [[1, 1, 0], [0, 0, 1]]


def test_json_lines_and_parquet(tmp_path):
    lines = [{"text": t, "labels": [n for n in own.split(";") if n]} for t, own in ROWS]
    path = tmp_path / "mail.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    same(stream_table(path, chunk_size=2), load_table(path))
    packed = tmp_path / "mail.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    same(stream_table(packed, chunk_size=2), load_table(path))
    pytest.importorskip("pyarrow")
    pd.DataFrame(lines).to_parquet(tmp_path / "mail.parquet")
    same(stream_table(tmp_path / "mail.parquet", chunk_size=2), load_table(path))


def test_chunks_of_any_kind():
    whole = pd.DataFrame(ROWS, columns=["text", "labels"])
    expected = load_table(whole)
    same(stream_table(whole.iloc[i : i + 2] for i in (0, 2, 4)), expected)
    polars = pytest.importorskip("polars")
    same(stream_table([polars.from_pandas(whole[:3]), whole[3:]]), expected)


def test_classes(tmp_path):
    path = tmp_path / "mail.csv"
    path.write_text("text,labels\na,x\nb,y\nc,x\n")
    same(stream_table(path, chunk_size=2), load_table(path))
    assert stream_table(path, as_classes=False).target.shape == (3, 2)
    path.write_text("text,labels\na,x\nb,x;y\n")
    with pytest.raises(ValueError, match="row 1: as_classes=True needs exactly one label"):
        stream_table(path, as_classes=True)


def test_a_column_for_each_label(tmp_path):
    path = tmp_path / "mail.csv"
    path.write_text("text,b,a,c\nx,1,0,0\ny,0,0,0\nz,1,1,\n")
    columns = ["b", "a", "c"]
    same(stream_table(path, labels=columns, chunk_size=2), load_table(path, labels=columns))
    path.write_text("text,b,a\nx,1,0\ny,0,maybe\n")
    with pytest.raises(ValueError, match="row 1: the label column 'a' holds 'maybe'"):
        stream_table(path, labels=["b", "a"])


def test_labels_that_are_given(csv):
    names = ["delivery", "refund", "complaint", "praise", "other"]
    same(stream_table(csv, label_names=names), load_table(csv, label_names=names))
    with pytest.raises(
        ValueError, match="row 4: the label 'praise' is not one of the 3 label_names"
    ):
        stream_table(csv, label_names=names[:3])
    with pytest.warns(UserWarning, match="row 4: the label 'praise'"):
        found = stream_table(csv, label_names=names[:3], unknown_labels="warn", chunk_size=2)
    assert found.target.shape == (5, 3)


def test_a_separator_that_comes_late(tmp_path):
    path = tmp_path / "mail.csv"
    path.write_text("text,labels\na,x\nb,y\nc,x;y\nd,x|z\n")
    found = stream_table(path, chunk_size=2)
    assert found.target_names == ["x", "x|z", "y"]
    assert found.target.toarray()[2].tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("words,labels\na,x\n", "no column 'text'; its columns are: 'words', 'labels'"),
        ("text,labels\n", "no rows"),
        ("text,labels\na,\nb,\n", "no row has a label"),
        ('text,labels\n"a,x\n', "cannot be read by pandas"),
        ("text,labels\na,x\nb,x,y,z\n", "cannot be read by pandas"),
    ],
)
def test_what_cannot_be_read(tmp_path, content, message):
    path = tmp_path / "mail.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        stream_table(path)


def test_rows_with_a_cell_too_many_are_not_shifted(tmp_path):
    path = tmp_path / "mail.csv"
    path.write_text("text,labels\na,x,1\nb,y,2\n")
    with pytest.warns(pd.errors.ParserWarning):
        assert list(stream_table(path).data) == ["a", "b"]


def test_a_text_that_is_missing():
    frame = pd.DataFrame({"text": ["a", None], "labels": ["x", "y"]})
    with pytest.raises(ValueError, match="row 3: 'text' must be a string"):
        stream_table([frame[:1], frame[:1], frame])


def test_options_without_a_file(tmp_path):
    with pytest.raises(TypeError, match="sep is for reading a file"):
        stream_table([], sep=";")
    with pytest.raises(FileNotFoundError, match="is not a file"):
        stream_table(tmp_path / "no.csv")
