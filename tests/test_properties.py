"""What holds for any input, tried on many that hypothesis makes; the same ones at every run."""

from __future__ import annotations

import contextlib
import csv
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

pytest.importorskip("hypothesis")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as some

from sklabelemb.datasets import load_table
from sklabelemb.decision.predicted_labels import labels_by_score
from sklabelemb.targets import Targets, positions
from sklabelemb.text import Tokenizer, Vocabulary, token_spans

bounded = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

# Half of a surrogate pair is a legal character of a str, but of no file.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
SIGNS = "a,;|\t\"'\\\n\r \ufeff[]{}#é"
FILE_TEXT = st.text(max_size=40) | st.text(st.sampled_from(SIGNS), max_size=12)
# Loaders drop white space around a label, and NumPy drops NUL from the end of a string.
STRIPPED = st.text(max_size=8).map(lambda name: name.strip().strip("\0").strip())
NAMES = STRIPPED.filter(lambda name: name and "\0" not in name)
# Without what separates labels, or makes a list of a cell.
PLAIN_NAMES = NAMES.filter(lambda name: not set(",;|[](){}") & set(name))


@st.composite
def rows_of_labels(draw: Any, names: Any) -> tuple[list[str], list[list[str]]]:
    """Texts, and the labels of each, of which there is one at least."""
    known = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    some_labels = st.lists(st.sampled_from(known), max_size=3, unique=True)
    rows = draw(st.lists(st.tuples(FILE_TEXT, some_labels), min_size=1, max_size=6))
    rows.append((draw(FILE_TEXT), [known[0]]))
    return [text for text, _ in rows], [labels for _, labels in rows]


def loaded(path: Path, **options: Any) -> tuple[list[str], list[set[str]]]:
    """The texts of a file and the labels of each."""
    with warnings.catch_warnings():
        # Of cells that look as if they were several rows, as some of these do.
        warnings.simplefilter("ignore", UserWarning)
        bunch = load_table(path, as_classes=False, **options)
    names = np.array(bunch.target_names, dtype=object)
    return bunch.data, [set(names[row == 1]) for row in bunch.target]


# -- tables ----------------------------------------------------------------------------------------


@bounded
@given(
    rows=rows_of_labels(NAMES),
    delimiter=st.sampled_from(",\t;|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    form=st.sampled_from([json.dumps, repr, lambda v: repr(tuple(v)), lambda v: repr(set(v))]),
)
def test_a_table_of_label_lists_comes_back(tmp_path, rows, delimiter, quoting, form):
    texts, labels = rows
    path = tmp_path / "table"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, quoting=quoting)
        writer.writerow(["text", "labels"])
        writer.writerows(zip(texts, map(form, labels), strict=True))
    assert loaded(path) == (texts, list(map(set, labels)))


@bounded
@given(
    rows=rows_of_labels(PLAIN_NAMES),
    delimiter=st.sampled_from(",\t;|"),
    separator=st.sampled_from(",;|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_a_table_of_separated_labels_comes_back(tmp_path, rows, delimiter, separator, encoding):
    texts, labels = rows
    path = tmp_path / "table"
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["text", "labels"])
        writer.writerows(zip(texts, map(separator.join, labels), strict=True))
    assert loaded(path, label_separator=separator) == (texts, list(map(set, labels)))


@bounded
@given(rows=rows_of_labels(NAMES), escaped=st.booleans(), array=st.booleans())
def test_records_of_json_come_back(tmp_path, rows, escaped, array):
    texts, labels = rows
    path = tmp_path / "table"
    records = [{"text": t, "labels": own} for t, own in zip(texts, labels, strict=True)]
    lines = [json.dumps(record, ensure_ascii=escaped) for record in records]
    text = f"[{','.join(lines)}]" if array else "\n".join(lines)
    path.write_text(text, encoding="utf-8", newline="")
    assert loaded(path) == (texts, list(map(set, labels)))


BEGINNINGS = [
    *(b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b"PAR1", b"PK\3\4", b"\xd0\xcf\x11\xe0"),
    *(b"", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"text,labels\n", b"sep=;\n"),
    *(b"[", b"{", b"__label__a "),
]


@bounded
@given(beginning=st.sampled_from(BEGINNINGS), rest=st.binary(max_size=80), header=st.booleans())
def test_any_bytes_are_a_table_or_refused(tmp_path, beginning, rest, header):
    path = tmp_path / "table"
    path.write_bytes(beginning + rest)
    columns = {} if header else {"header": None, "text": 0, "labels": 1}
    # A sheet of Excel needs a library of its own.
    with contextlib.suppress(ValueError, ImportError):
        loaded(path, **columns)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=3) | st.sampled_from(["choices", "labels", "data", "annotations"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
RECORDS = st.lists(
    st.dictionaries(
        st.sampled_from(["text", "labels", "label", "data", "annotations"]), VALUES, max_size=5
    ),
    max_size=3,
)


@bounded
@given(records=RECORDS, array=st.booleans())
def test_any_records_are_a_table_or_refused(tmp_path, records, array):
    path = tmp_path / "table"
    lines = [json.dumps(record) for record in records]
    path.write_text(f"[{','.join(lines)}]" if array else "\n".join(lines), encoding="utf-8")
    with contextlib.suppress(ValueError):
        loaded(path)


# -- texts -----------------------------------------------------------------------------------------


@bounded
@given(texts=st.lists(ANY_TEXT, min_size=1, max_size=4), settings_=st.tuples(*[st.booleans()] * 2))
def test_any_text_becomes_known_ids(texts, settings_):
    tokenizer = Tokenizer(*settings_)
    vocabulary, ids = Vocabulary.build(texts, tokenizer)
    assert ids.ids.tolist() == vocabulary.encode(texts, tokenizer).ids.tolist()
    assert not len(ids.ids) or (ids.ids.min() > 1 and ids.ids.max() < len(vocabulary))
    for i, text in enumerate(texts):
        tokens = tokenizer(text)
        assert all(isinstance(token, str) and token for token in tokens)
        assert [vocabulary.words[k - 2] for k in ids.row(i)] == tokens
        spans = tokenizer.spans(text)
        assert len(spans) == len(tokens)
        flat = [place for span in spans for place in span]
        assert flat == sorted(flat)
        assert not flat or (flat[0] >= 0 and flat[-1] <= len(text))


@bounded
@given(text=ANY_TEXT, tokens=st.lists(ANY_TEXT, max_size=4))
def test_tokens_of_others_are_found_or_not(text, tokens):
    for tokens_ in (tokens, text.split()):
        spans = token_spans(text, tokens_)
        assert len(spans) == len(tokens_)
        assert all(0 <= s[0] < s[1] <= len(text) for s in spans if s is not None)
    for token, span in zip(text.split(), token_spans(text, text.split()), strict=True):
        assert span is not None
        assert token.casefold() in text[slice(*span)].casefold()


# -- targets ---------------------------------------------------------------------------------------

CLASSES = [
    some.arrays(dtype, st.integers(2, 6), elements=elements)
    for dtype, elements in [
        ("int8", None),
        ("int64", None),
        ("uint16", None),
        ("bool", None),
        ("float64", st.integers(-5, 5).map(float)),
        ("U5", st.text(st.characters(exclude_characters="\0"), max_size=5)),
        ("object", st.text(max_size=5)),
    ]
]


@bounded
@given(y=st.one_of(CLASSES), as_list=st.booleans())
def test_classes_come_back(y, as_list):
    if len(np.unique(y)) < 2:
        return
    with warnings.catch_warnings():
        # Of classes that look like several labels.
        warnings.simplefilter("ignore", UserWarning)
        given_ = y.tolist() if as_list else y
        targets = Targets.infer(given_)
    back = targets.decode(targets.encode(given_))
    assert back.tolist() == y.tolist()
    assert as_list or back.dtype == y.dtype


INDICATORS = some.arrays(
    st.sampled_from(["bool", "int8", "int64", "float32"]),
    some.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=5),
    elements=st.integers(0, 1),
)


@bounded
@given(y=INDICATORS, form=st.sampled_from([np.asarray, sp.csr_matrix, sp.csr_array]))
def test_indicators_come_back(y, form):
    given_ = form(y)
    targets = Targets.infer(given_)
    encoded = targets.encode(given_)
    back = targets.decode(encoded.toarray() == 1)
    assert type(back) is type(given_)
    assert back.dtype == y.dtype
    np.testing.assert_array_equal(back.toarray() if sp.issparse(back) else back, y)


@bounded
@given(y=INDICATORS, data=st.data())
def test_columns_go_by_name_in_any_order(y, data):
    pd = pytest.importorskip("pandas")
    name = st.one_of(st.text(max_size=5), st.integers(-3, 3), st.tuples(st.text(max_size=2)))
    names = data.draw(st.lists(name, min_size=y.shape[1], max_size=y.shape[1], unique=True))
    frame = pd.DataFrame(y, columns=pd.Index(names, tupleize_cols=False))
    order = data.draw(st.permutations(range(len(names))))
    shuffled = frame.iloc[:, order]
    targets = Targets.infer(frame)
    np.testing.assert_array_equal(targets.encode(shuffled).toarray(), y)
    pd.testing.assert_frame_equal(targets.decode(y == 1), frame)
    # What pandas puts in order by the names is put in the same order here.
    places = positions(list(shuffled.columns), names)
    found = shuffled if places is None else shuffled.iloc[:, places]
    pd.testing.assert_frame_equal(found, frame)


@bounded
@given(
    scores=some.arrays("float64", (3, 4), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])),
    cut=st.sampled_from([0.1, 0.5]),
    top_k=st.none() | st.integers(1, 5),
)
def test_labels_by_score_are_those_predicted_the_likeliest_first(scores, cut, top_k):
    names = ["a", "b", "c", "d"]
    found = labels_by_score(names, scores, scores > cut, top_k, True)
    for row, pairs in zip(scores, found, strict=True):
        best = sorted(zip(names, row, strict=True), key=lambda pair: -pair[1])
        wanted = [pair for pair in best if pair[1] > cut] if top_k is None else best[:top_k]
        assert list(pairs) == wanted
