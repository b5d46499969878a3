"""Opening and decoding files, and saying where they are broken."""

import bz2
import gzip
import json
import lzma

import pytest

from sklabelemb.datasets.label_cells import split_labels
from sklabelemb.datasets.reader import read_json_lines, read_lines

CONTENT = '{"text": "naïve"}\n\n{"text": "b"}\n'


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_first_bytes_decide_not_the_name(tmp_path, compress):
    file = tmp_path / "data.whatever"
    file.write_bytes(compress(CONTENT.encode()))
    assert list(read_json_lines(read_lines(file), file)) == [
        (1, {"text": "naïve"}),
        (3, {"text": "b"}),
    ]


def test_byte_order_mark_is_skipped(tmp_path):
    file = tmp_path / "data"
    file.write_bytes(b"\xef\xbb\xbfa\r\nb")
    assert list(read_lines(file)) == ["a\r\n", "b"]


def test_reading_is_lazy(tmp_path):
    file = tmp_path / "data"
    file.write_text('{"text": "a"}\nbroken\n')
    records = read_json_lines(read_lines(file), file)
    assert next(records) == (1, {"text": "a"})
    with pytest.raises(ValueError, match=r"data, line 2: not valid JSON \(Expecting value, col"):
        next(records)


def test_line_that_is_no_object(tmp_path):
    file = tmp_path / "data"
    file.write_text('{"text": "a"}\n["b"]\n')
    with pytest.raises(ValueError, match=r"line 2: expected a JSON object .* got a list"):
        list(read_json_lines(read_lines(file), file))


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_cut_off_archive(tmp_path, compress):
    lines = "\n".join(json.dumps({"text": f"{i * 7919 % 10007}"}) for i in range(5000))
    data = compress(lines.encode())
    file = tmp_path / "data"
    file.write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=r"damaged or cut off after line \d+ \(.*again"):
        list(read_json_lines(read_lines(file), file))


def test_damaged_archive(tmp_path):
    data = bytearray(lzma.compress(CONTENT.encode() * 100))
    data[30] ^= 0xFF
    file = tmp_path / "data"
    file.write_bytes(data)
    with pytest.raises(ValueError, match="damaged or cut off"):
        list(read_lines(file))


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_undecodable_byte(tmp_path, compress):
    file = tmp_path / "data"
    before = "ok\n" * 5000 + "caf"
    file.write_bytes(compress(before.encode() + "é\n".encode("cp1252")))
    message = f"line 5001: byte 0xe9 at offset {len(before)} is not utf-8 .*encoding='cp1252'"
    with pytest.raises(ValueError, match=message):
        list(read_lines(file))
    assert list(read_lines(file, encoding="cp1252"))[-1] == "café\n"


@pytest.mark.parametrize(
    ("value", "labels"),
    [(["b", "a", "b"], ["b", "a"]), ("a", ["a"]), (None, []), ([], []), ([1, 2], ["1", "2"])],
)
def test_labels(value, labels):
    assert split_labels(value, "here") == labels


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": 1}, "here: labels must be a list of strings, not {'a': 1} of type dict"),
        (0.5, "here: labels must be a list of strings, not 0.5 of type float"),
        ([["a"]], "here: a label must be a string, not .* of type list"),
        ([True], "here: a label must be a string, not True of type bool"),
    ],
)
def test_what_are_no_labels(value, message):
    with pytest.raises(ValueError, match=message):
        split_labels(value, "here")
