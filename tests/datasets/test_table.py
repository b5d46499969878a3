"""Tables of one's own."""

import csv
import gzip

import numpy as np
import pytest

from sklabelemb.datasets import load_table

INDICATOR = [[1, 1, 0], [0, 0, 0], [0, 0, 1]]
NAMES = ["late", "refund", "rude"]


@pytest.fixture
def table(tmp_path):
    """Write a file and return its path."""

    def write(content, *, encoding="utf-8"):
        file = tmp_path / "requests.csv"
        file.write_bytes(content.encode(encoding))
        return file

    return write


def check(bunch):
    assert bunch.data == ["a, b", "", "c"]
    np.testing.assert_array_equal(bunch.target, INDICATOR)
    assert bunch.target.dtype == np.int64
    assert bunch.target_names == bunch.label_texts == NAMES


@pytest.mark.parametrize(
    "content",
    [
        'text,labels\n"a, b",refund;late\n,\nc,rude\n',
        'text,labels\r\n"a, b",refund|late\r\n,\r\nc,rude\r\n',
        '\ufefftext,labels\n"a, b"," refund , late,"\n,\nc,rude',
        'labels;text\n["refund","late"];a, b\n[];\n["rude"];c\n',
        "text\tlabels\na, b\t['refund', 'late']\n\t[]\nc\t['rude']\n",
        'text|labels\na, b|"[""refund"", ""late""]"\n|\nc|rude\n',
        'text,late,refund,rude\n"a, b",1,1,0\n,0,,False\nc,0.0,0,TRUE\n',
        '{"text": "a, b", "labels": ["refund", "late"]}\n'
        '{"text": "", "labels": null}\n{"text": "c", "labels": "rude"}\n',
        '\n{"text": "a, b", "labels": "refund;late"}\n'
        '{"text": "", "labels": ""}\n{"text": "c", "labels": ["rude"]}\n',
        '{"text": "a, b", "late": 1, "refund": true, "rude": 0}\n'
        '{"text": "", "late": 0, "refund": null, "rude": false}\n'
        '{"text": "c", "late": 0, "refund": 0, "rude": 1.0}\n',
    ],
)
def test_forms_of_labels(table, content):
    labels = NAMES if "late,refund,rude" in content or '"late":' in content else "labels"
    check(load_table(table(content), labels=labels))


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_encoding(table, encoding):
    file = table("text,labels\ncafé,rude\nb,late\n", encoding=encoding)
    assert load_table(file, encoding=encoding).data == ["café", "b"]
    with pytest.raises(ValueError, match=r"byte 0x\w\w at offset \d+ is not utf-8.*encoding="):
        load_table(file)


def test_compressed(tmp_path):
    file = tmp_path / "requests.csv.gz"
    file.write_bytes(gzip.compress(b"text,labels\na,rude\nb,late\n"))
    assert load_table(file).data == ["a", "b"]


def test_classes_where_every_row_has_one_label(table):
    file = table("text,labels\na,rude\nb,late\n")
    bunch = load_table(file)
    assert bunch.target.tolist() == ["rude", "late"]
    assert bunch.target_names == ["late", "rude"]
    np.testing.assert_array_equal(load_table(file, as_classes=False).target, [[0, 1], [1, 0]])
    columns = table("text,rude,late\na,1,0\nb,0,1\n")
    bunch = load_table(columns, labels=["rude", "late"])
    np.testing.assert_array_equal(bunch.target, [[1, 0], [0, 1]])
    assert bunch.target_names == ["rude", "late"]


def test_separator_is_taken_from_the_whole_column(table):
    # A comma belongs to a name as soon as any cell is split by a semicolon.
    file = table('text,labels\na,"pots, pans"\nb,"pots, pans;rude"\n')
    assert load_table(file).target_names == ["pots, pans", "rude"]
    assert load_table(file, label_separator=",").target_names == ["pans", "pans;rude", "pots"]
    assert load_table(file, label_separator="").target.tolist() == [
        "pots, pans",
        "pots, pans;rude",
    ]


def test_other_columns(table):
    file = table("id,body,tags,when\n1,a,x;y,May\n2,b,x,June\n")
    bunch = load_table(file, text="body", labels="tags")
    assert bunch.extra == {"id": ["1", "2"], "when": ["May", "June"]}
    assert bunch.filename == str(file)
    assert bunch.DESCR == "requests.csv: 2 documents, 2 labels"
    X, y = load_table(file, text="body", labels="tags", sparse=True, return_X_y=True)
    assert X == ["a", "b"]
    np.testing.assert_array_equal(y.toarray(), [[1, 1], [1, 0]])


def test_quotation_marks_as_part_of_the_text(table):
    file = table('text\tlabels\n"Bad" he said\trude\n"\tlate\n')
    with pytest.raises(ValueError, match=r"line 2: not a valid table .*pass quotechar=None"):
        load_table(file)
    assert load_table(file, quotechar=None).data == ['"Bad" he said', '"']


def test_quotation_mark_that_never_closes(table):
    with pytest.raises(ValueError, match=r"not a valid table \(unexpected end of data\)"):
        load_table(table('text,labels\n"a,rude\nb,late\n'))


def test_long_text_with_line_ends(table):
    text = "word\n" * 60_000
    csv.field_size_limit(131072)
    file = table(f'text,labels\n"{text}",rude\nb,late\n')
    assert load_table(file).data[0] == text
    assert csv.field_size_limit() == 131072


def test_delimiter_given(table):
    # A comma would do as well by its header.
    file = table("text#labels\na,b#rude\nc#late\n")
    assert load_table(file, delimiter="#").data == ["a,b", "c"]


@pytest.mark.parametrize(
    ("content", "parameters", "message"),
    [
        ("", {}, "requests.csv is empty"),
        ("\n \n", {}, "requests.csv is empty"),
        ("text,labels\n", {}, "has no rows"),
        (
            "id;body;tags\n1;a;x\n",
            {},
            "no column 'text', 'labels'; its columns are: 'id', 'body', 'tags'. Name the right",
        ),
        ("text,labels\na,x\n", {"labels": ["x", "y"]}, "no column 'x', 'y'; its columns are"),
        ("text,text,labels\na,b,x\n", {}, "more than one column 'text'"),
        ("text,labels\na,x\na, b,x\n", {}, "line 3: 3 cells, but the first row names 2 columns"),
        ("text,labels\na,\nb,[]\n", {}, "no row has a label in 'labels'. Is it the right column"),
        ("text,labels\na,['x' 'y']\n", {}, "line 2: the labels .* look like a list but cannot"),
        ("text,labels\na,[x;y]\n", {}, "line 2: the labels '.x;y.' look like a list but cannot"),
        ("text,labels\na,[[1]]\n", {}, "line 2: a label must be a string, not .1. of type list"),
        (
            "text,x,y\na,1,0\nb,2,0\n",
            {"labels": ["x", "y"]},
            "line 3: the label column 'x' holds '2', expected 0 or 1.*labels='x'",
        ),
        ("text,labels\na,x;y\n", {"as_classes": True}, "line 2: as_classes=True needs exactly one"),
        ('{"body": "a"}\n', {}, "line 1: no key 'text'; the keys there are: 'body'"),
        ('{"text": "a", "labels": "x"}\n{"text"\n', {}, "line 2: not valid JSON"),
        ('{"text": 5, "labels": "x"}\n', {}, "line 1: 'text' must be a string, but holds 5 of"),
        ("text,labels\na,x\n", {"labels": []}, "labels must be the name of a column or a list"),
        ("text,labels\na,x\n", {"labels": [0]}, "labels must be the name of a column or a list"),
        ("text,labels\na,x\n", {"sparse": "no"}, "sparse must be one of True, False, 'auto'"),
    ],
)
def test_what_goes_wrong(table, content, parameters, message):
    with pytest.raises(ValueError, match=message):
        load_table(table(content), **parameters)


def test_wrong_path(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.csv is not a file"):
        load_table(tmp_path / "none.csv")
    with pytest.raises(FileNotFoundError, match="is not a file; for a folder, use load_folder"):
        load_table(tmp_path)
