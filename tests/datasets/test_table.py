"""Tables of one's own."""

import csv
import gzip
import zipfile

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encoding(table, encoding):
    file = table("text,labels\ncafé,rude\nb,late\n", encoding=encoding)
    assert load_table(file, encoding=encoding).data == ["café", "b"]
    if encoding != "cp1252":
        # The first bytes tell.
        assert load_table(file).data == ["café", "b"]
        return
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
    assert bunch.DESCR == (
        "requests.csv: 2 documents, 2 labels (columns separated by ','; labels separated by ';')"
    )
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


# -- a second table that fits the first ------------------------------------------------------------


def test_a_test_file_gets_the_columns_of_the_training_file(table):
    train = load_table(table("text,labels\na,late;rude\nb,refund\n"))
    file = table("text,labels\nx,rude\ny,late\n")
    test = load_table(file, label_names=train.target_names)
    np.testing.assert_array_equal(test.target, [[0, 0, 1], [1, 0, 0]])
    assert test.target_names == ["late", "refund", "rude"]
    # By itself it would be classes.
    assert load_table(file).target.ndim == 1
    other = load_table(file, label_names=["rude", "late", "never"])
    np.testing.assert_array_equal(other.target, [[1, 0, 0], [0, 1, 0]])
    with pytest.raises(ValueError, match="leave out as_classes=True"):
        load_table(file, label_names=train.target_names, as_classes=True)


def test_labels_that_the_first_table_had_not(table):
    file = table("text,labels\nx,rude;lost\ny,late\nz,lost\n")
    message = r"line 2: the label 'lost' is not one of the 2 label_names.* 1 such labels: 'lost'"
    with pytest.raises(ValueError, match=message):
        load_table(file, label_names=["late", "rude"])
    with pytest.warns(UserWarning, match=message):
        bunch = load_table(file, label_names=["late", "rude"], unknown_labels="warn")
    np.testing.assert_array_equal(bunch.target, [[0, 1], [1, 0], [0, 0]])
    silent = load_table(file, label_names=["late", "rude"], unknown_labels="ignore")
    np.testing.assert_array_equal(silent.target, bunch.target)
    with pytest.raises(ValueError, match="unknown_labels must be one of"):
        load_table(file, label_names=["late"], unknown_labels="drop")


# -- forms that people have ------------------------------------------------------------------------

FORMS = {
    "tuples": "text,labels\n\"a, b\",\"('refund', 'late')\"\n,()\nc,\"('rude',)\"\n",
    "sets": "text,labels\n\"a, b\",\"{'refund', 'late'}\"\n,set()\nc,{'rude'}\n",
    "arrays": "text,labels\n\"a, b\",\"array(['refund', 'late'], dtype=object)\"\n"
    ",\"array([], dtype=object)\"\nc,array(['rude'])\n",
    "printed arrays": "text,labels\n\"a, b\",['refund' 'late']\n,[]\nc,['rude']\n",
    "choices": 'text,labels\n"a, b","{""choices"":[""refund"",""late""]}"\n,\nc,rude\n',
    "numbers by label": 'text,labels\n"a, b","{""late"":1,""refund"":1,""rude"":0}"\n,{}\n'
    'c,"{""late"":0,""refund"":0,""rude"":1}"\n',
    "names by identifier": 'text,labels\n"a, b","{""/1"":""refund"",""/2"":""late""}"\n,{}\n'
    'c,"{""/3"":""rude""}"\n',
    "a line with the delimiter": "sep=;\ntext;labels\na, b;refund|late\n;\nc;rude\n",
    "a JSON array": '[{"text": "a, b", "labels": ["refund", "late"]},\n'
    ' {"text": "", "labels": []}, {"text": "c", "labels": "rude"}]',
    "JSON of pandas": '{"text": {"0": "a, b", "1": "", "2": "c"}, '
    '"labels": {"0": "refund;late", "1": null, "2": "rude"}}',
    "fastText": "__label__refund __label__late a, b\n__label__rude c\n",
    "Label Studio": '[{"data": {"text": "a, b"}, "annotations": [{"result": [{"value": '
    '{"choices": ["refund", "late"]}}]}]}, {"data": {"text": ""}, "annotations": []}, '
    '{"data": {"text": "c"}, "annotations": [{"result": [{"value": {"choices": ["rude"]}}]}]}]',
}


@pytest.mark.parametrize("name", FORMS)
def test_forms_that_people_have(table, name):
    bunch = load_table(table(FORMS[name]))
    if name == "fastText":
        assert bunch.data == ["a, b", "c"]
        np.testing.assert_array_equal(bunch.target, [[1, 1, 0], [0, 0, 1]])
    else:
        check(bunch)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_frames(library):
    frame = pd.DataFrame(
        {"text": ["a, b", "", "c"], "labels": ["refund;late", None, "rude"], "n": [1, 2, 3]}
    )
    make = {"pandas": lambda f: f, "polars": pl.from_pandas, "pyarrow": pa.Table.from_pandas}
    bunch = load_table(make[library](frame))
    check(bunch)
    assert bunch.extra == {"n": [1, 2, 3]}
    assert bunch.DESCR.startswith(f"table: 3 documents, 3 labels (a DataFrame of {library}; ")
    lists = frame.assign(labels=[["refund", "late"], [], ["rude"]])
    check(load_table(make[library](lists)))
    wide = frame[["text"]].assign(late=[1, 0, 0], refund=[True, False, False], rude=[0, 0, 1.0])
    check(load_table(make[library](wide), labels=NAMES))
    with pytest.raises(ValueError, match=r"the table has no column 'body'; its columns are"):
        load_table(make[library](frame), text="body")


def test_numbers_that_may_be_missing():
    codes = pd.array([3, None, 7], dtype="Int64")
    bunch = load_table(pd.DataFrame({"text": ["a", "b", "c"], "labels": [3, 7, 3], "n": codes}))
    assert bunch.target.tolist() == ["3", "7", "3"]
    assert [type(number) for number in bunch.extra["n"]] == [int, type(pd.NA), int]
    whole = pd.DataFrame({"text": ["a", "b"], "labels": codes[::2]})
    assert load_table(whole).target.tolist() == ["3", "7"]


def test_parquet(tmp_path):
    frame = pd.DataFrame({"text": ["a, b", "", "c"]})
    frame["labels"] = [np.array(["refund", "late"]), np.array([], dtype=object), np.array(["rude"])]
    frame.to_parquet(tmp_path / "table")
    check(load_table(tmp_path / "table"))


def test_archives(tmp_path):
    file = tmp_path / "x.xlsx"
    file.write_bytes(b"PK\3\4" + bytes(range(128, 256)))
    with pytest.raises(ValueError, match=r"x\.xlsx: the compressed file is damaged"):
        load_table(file)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("[Content_Types].xml", "")
    with pytest.raises((ValueError, ImportError), match=r"x\.xlsx is .*[Ss]heet"):
        load_table(file)


def test_zip_archives_of_one_table(tmp_path):
    file = tmp_path / "x.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("some/folder/", "")
        archive.writestr("some/folder/x.csv", "text,labels\na,late\nb,rude\n")
        archive.writestr("__MACOSX/._x.csv", "xxx")
    bunch = load_table(file)
    assert bunch.data == ["a", "b"]
    assert bunch.target.tolist() == ["late", "rude"]
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("test.csv", "text,labels\n")
    message = r"x\.zip is a zip archive of 2 files \(some/folder/x\.csv, test\.csv\).* Unpack it"
    with pytest.raises(ValueError, match=message):
        load_table(file)


@pytest.mark.parametrize(
    "content",
    [b"BZh9", b"BZh9 xx", b"\x1f\x8b", b"\x1f\x8b\x08" + bytes(7), b"\xfd7zXZ\0", b"PK\3\4"],
)
def test_damaged_from_the_first_byte_on(tmp_path, content):
    file = tmp_path / "x"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"x: the compressed file is damaged .* Copy or download"):
        load_table(file)


def test_damaged_parquet(tmp_path):
    file = tmp_path / "x"
    file.write_bytes(b"PAR1 and no more")
    with pytest.raises(ValueError, match=r"x is a file of Parquet that is damaged \("):
        load_table(file)


def test_compressed_parquet(tmp_path):
    frame = pd.DataFrame({"text": ["a", "b"], "labels": ["late", "rude"]})
    file = tmp_path / "x"
    file.write_bytes(gzip.compress(frame.to_parquet()))
    assert load_table(file).target.tolist() == ["late", "rude"]


def test_annotations_that_are_no_task_of_label_studio(table):
    file = table('{"data": {}, "annotations": [null]}\n')
    with pytest.raises(ValueError, match="line 1: no key 'text'"):
        load_table(file)


@pytest.mark.parametrize(
    "cells",
    [
        ['[[0, 4, "refund"], [5, 9, "late"], [6, 7, "late"]]', "[]", '[[0, 1, "rude"]]'],
        [
            '[{"id": 1, "label": "refund", "start_offset": 0, "end_offset": 4}, '
            '{"id": 2, "label": "late", "start_offset": 5, "end_offset": 9}]',
            "[]",
            '[{"id": 3, "label": "rude", "start_offset": 0, "end_offset": 1}]',
        ],
    ],
)
def test_spans_of_doccano(table, cells):
    texts = ["a, b", "", "c"]
    lines = [f'{{"text": "{t}", "label": {c}}}' for t, c in zip(texts, cells, strict=True)]
    bunch = load_table(table("\n".join(lines)), labels="label")
    check(bunch)
    assert "labels of spans, wherever in the text they are" in bunch.DESCR


def test_quotation_marks_with_backslashes(table):
    file = table('text,labels\n"He said \\"hi\\", ok",late\nplain,rude\n')
    bunch = load_table(file)
    assert bunch.data == ['He said "hi", ok', "plain"]
    assert 'quotation marks written as \\"' in bunch.DESCR


def test_without_names_of_columns(table):
    file = table("1,first text,late;rude\n2,second text,rude\n")
    bunch = load_table(file, header=None, text=1, labels=2)
    assert bunch.data == ["first text", "second text"]
    np.testing.assert_array_equal(bunch.target, [[1, 1], [0, 1]])
    assert bunch.extra == {0: ["1", "2"]}
    hot = table("first,1,0\nsecond,0,1\n")
    np.testing.assert_array_equal(
        load_table(hot, header=None, text=0, labels=[1, 2]).target, [[1, 0], [0, 1]]
    )
    with pytest.raises(ValueError, match=r"pass header=None and count them: text=0, labels=1"):
        load_table(file)
    with pytest.raises(ValueError, match="no column 7; its columns are: 0, 1, 2"):
        load_table(file, header=None, text=0, labels=7)


@pytest.mark.parametrize("content", ['"[0, 1, 0]"', '"[true, false, true]"', '"(0, 1)"'])
def test_rows_of_an_indicator_are_no_names(table, content):
    file = table(f"text,labels\nx,{content}\ny,{content}\n")
    with pytest.raises(ValueError, match=r"line 2: the labels .* look like a row of 0 and 1"):
        load_table(file)


def test_identifiers_are_names(table):
    file = table('text,labels\nx,"[0, 3]"\ny,"[3, 5]"\nz,[1]\n')
    assert load_table(file).target_names == ["0", "1", "3", "5"]


# -- what the cells agree on -----------------------------------------------------------------------


def test_a_stray_semicolon_does_not_decide(table):
    file = table('text,labels\nx,"a, b"\ny,"b, c"\nz,R&D; lab\n')
    with pytest.warns(UserWarning, match=r"line 4: 'R&D; lab' contains ';'.*split at ','"):
        assert load_table(file).target_names == ["R&D; lab", "a", "b", "c"]
    assert load_table(file, label_separator=",").target_names == ["R&D; lab", "a", "b", "c"]


def test_a_comma_in_a_name(table):
    file = table('text,labels\nx,"Sports, Outdoors"\ny,Toys\nz,Toys\n')
    with pytest.warns(UserWarning, match=r"line 2: 'Sports, Outdoors' contains ','.*not split"):
        assert load_table(file).target_names == ["Sports, Outdoors", "Toys"]
    assert load_table(file, label_separator=",").target_names == ["Outdoors", "Sports", "Toys"]


def test_an_empty_cell_among_classes_is_told(table):
    file = table("text,labels\nx,pos\ny,neg\nz,\nw,pos\n")
    with pytest.warns(UserWarning, match=r"line 4 has no label, and all rows that have any have"):
        bunch = load_table(file)
    np.testing.assert_array_equal(bunch.target, [[0, 1], [1, 0], [0, 0], [0, 1]])
    np.testing.assert_array_equal(load_table(file, as_classes=False).target, bunch.target)


def test_rows_that_a_quotation_mark_swallows(table):
    file = table('text\tlabels\n"Great phone\tpos\nbad phone\tneg\nfine"\tpos\nok\tneg\n')
    with pytest.warns(UserWarning, match=r"lines 2 to 4: a cell .* holds 3 lines.*quotechar=None"):
        load_table(file)
    assert len(load_table(file, quotechar=None).data) == 4


def test_home_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "t.csv").write_text("text,labels\na,x\nb,y\n", encoding="utf-8")
    assert load_table("~/t.csv").data == ["a", "b"]
