"""Word pieces against the library that makes them, and their way to a file and back."""

from __future__ import annotations

import copy
import itertools
import json
import pickle
import sys

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from sklabelemb.text import WordPieces
from sklabelemb.text.word_pieces import TEXTS_A_CALL

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ",", "[", "]", "sep", "my", "late", "par"]
PIECES += ["##cel", "##s", "un", "##paid", "refund", "due", "cafe", "?"]
ENCODER = {"model_type": "bert", "hidden_size": 8}

TEXTS = [
    "my parcels, late",
    "",
    "   ",
    "unpaid refund qwertz",
    "[SEP] my [CLS] late [SEP]",
    "CAFÉ,café",
    "late\ud83d refund",
    "my\n\tparcel " * 5,
    "包裹 my 🙂",
]


def library():
    ids = {piece: i for i, piece in enumerate(PIECES)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.add_special_tokens(PIECES[:5])
    return tokenizer


def word_pieces(tokenizer=None):
    tokenizer = tokenizer or library()
    return WordPieces(json.loads(tokenizer.to_str()), 2, 3, ENCODER)


def rows(token_ids):
    return [token_ids.row(i).tolist() for i in range(len(token_ids))]


def pieces_of(text):
    """What the library says when nothing but the text itself is encoded."""
    tokenizer = library()
    tokenizer.encode_special_tokens = True
    valid = text.encode("utf-8", "replace").decode("utf-8")
    return tokenizer.encode(valid, add_special_tokens=False).tokens


def test_ids_are_the_librarys_plus_one():
    found = rows(word_pieces().encode(TEXTS))
    assert found == [[PIECES.index(p) + 1 for p in pieces_of(text)] for text in TEXTS]
    assert found[0] == [PIECES.index(p) + 1 for p in ["my", "par", "##cel", "##s", ",", "late"]]
    assert found[1] == found[2] == []
    # [CLS] and [SEP] are the network's affair.
    assert all(not {1, 3, 4} & set(row) for row in found)


def test_ids_have_the_type_of_token_ids():
    token_ids = word_pieces().encode(["my", "late"])
    assert token_ids.ids.dtype == np.int32
    assert token_ids.offsets.tolist() == [0, 1, 2]
    assert rows(word_pieces().encode([])) == []
    assert rows(word_pieces().encode(["", ""])) == [[], []]


def test_a_special_token_in_a_text_is_plain_text():
    [row] = rows(word_pieces().encode(["late [SEP] late"]))
    assert [PIECES[i - 1] for i in row] == ["late", "[", "sep", "]", "late"]


def test_max_length_counts_pieces():
    whole = rows(word_pieces().encode(TEXTS))
    for max_length in (1, 3, 100):
        found = rows(word_pieces().encode(TEXTS, max_length=max_length))
        assert found == [row[:max_length] for row in whole]


def test_truncation_and_padding_of_the_description_are_no_part():
    """A ``tokenizer.json`` may say that texts end after some pieces, and are filled up."""
    tokenizer = library()
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=7)
    found = rows(word_pieces(tokenizer).encode(TEXTS))
    assert found == rows(word_pieces().encode(TEXTS))


def test_many_texts_are_taken_in_parts():
    texts = [f"my {'late ' * (i % 3)}" for i in range(2 * TEXTS_A_CALL + 7)]
    texts[TEXTS_A_CALL] = "\udc00 my"
    found = rows(word_pieces().encode(texts))
    assert len(found) == len(texts)
    my, late, unknown = (PIECES.index(p) + 1 for p in ("my", "late", "?"))
    for i, row in enumerate(found):
        wanted = [unknown, my] if i == TEXTS_A_CALL else [my] + [late] * (i % 3)
        assert row == wanted


def test_the_number_of_ids_has_padding_in_it():
    assert len(word_pieces()) == len(PIECES) + 1


def test_pieces_are_spelt_as_words_of_a_vocabulary_are():
    pieces = word_pieces()
    assert pieces.words == tuple(PIECES[1:])
    for row in rows(pieces.encode(["unpaid parcels", "my late REFUND"])):
        assert all(pieces.words[i - 2] == PIECES[i - 1] for i in row)
    # An id that no piece has is spelt empty.
    sparse = copy.deepcopy(pieces.tokenizer)
    sparse["model"]["vocab"]["late"] = len(PIECES) + 1
    apart = WordPieces(sparse, pieces.cls_id, pieces.sep_id, pieces.encoder)
    assert len(apart) == len(PIECES) + 3
    assert len(apart.words) == len(apart) - 2
    assert apart.words[PIECES.index("late") - 1] == apart.words[len(PIECES) - 1] == ""
    assert apart.words[-1] == "late"


def test_it_stands_where_a_vocabulary_stands():
    pieces = word_pieces()
    assert rows(pieces.encode(["my late"], str.split, max_length=1, keep_unknown=True)) == [[10]]


# -- words -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("max_length", [None, 1, 3])
def test_every_piece_belongs_to_a_word(text, max_length):
    pieces = word_pieces()
    words, spans, owners = pieces.words_of(text, max_length)
    [row] = rows(pieces.encode([text], max_length=max_length))
    assert len(owners) == len(row)
    # Words in order, none without pieces.
    assert owners == sorted(owners)
    assert sorted(set(owners)) == list(range(len(words)))
    assert [text[start:stop] for start, stop in spans] == words
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
    if max_length is None:
        left = set(range(len(text))) - {i for start, stop in spans for i in range(start, stop)}
        assert all(text[i].isspace() for i in left)


def test_pieces_are_put_together_as_they_stand_in_the_text():
    words, spans, owners = word_pieces().words_of("My  PARCELS, unpaid!")
    assert words == ["My", "PARCELS", ",", "unpaid", "!"]
    assert spans == [(0, 2), (4, 11), (11, 12), (13, 19), (19, 20)]
    assert owners == [0, 1, 1, 1, 2, 3, 3, 4]


def test_a_word_may_be_cut_in_the_middle():
    words, spans, owners = word_pieces().words_of("my parcels", max_length=3)
    assert words == ["my", "parcel"]
    assert spans == [(0, 2), (3, 9)]
    assert owners == [0, 1, 1]


def test_letters_beyond_the_basic_plane_keep_their_places():
    words, spans, _ = word_pieces().words_of("🙂🙂 my 包裹")
    assert words == ["🙂🙂", "my", "包", "裹"]
    assert spans[1] == (3, 5)


def test_without_words_every_piece_is_one():
    """As with a tokenizer that does not say which pieces belong together."""

    class Wordless:
        word_ids = [None, None, None]
        offsets = [(0, 2), (3, 6), (6, 9)]

    pieces = word_pieces()
    pieces._encodings = lambda texts: [Wordless()]
    assert pieces.words_of("my parcel") == (["my", "par", "cel"], Wordless.offsets, [0, 1, 2])


# -- to a file and back ----------------------------------------------------------------------------


def assert_same(again, pieces):
    assert again.to_dict() == pieces.to_dict()
    assert rows(again.encode(TEXTS)) == rows(pieces.encode(TEXTS))
    assert [again.words_of(text) for text in TEXTS] == [pieces.words_of(text) for text in TEXTS]


def test_round_trips():
    pieces = word_pieces()
    written = json.dumps(pieces.to_dict())
    assert_same(WordPieces.from_dict(json.loads(written)), pieces)
    assert_same(pickle.loads(pickle.dumps(pieces)), pieces)
    assert pieces.to_dict().keys() == {"tokenizer", "cls_id", "sep_id", "encoder"}
    assert (pieces.cls_id, pieces.sep_id, pieces.encoder) == (2, 3, ENCODER)


@pytest.mark.parametrize(
    "change",
    [
        {"tokenizer": None},
        {"tokenizer": "{}"},
        {"cls_id": "2"},
        {"sep_id": True},
        {"encoder": []},
        {"more": 1},
    ],
)
def test_a_description_with_a_wrong_entry_is_refused(change):
    with pytest.raises(ValueError, match="word pieces are described by tokenizer, cls_id, sep_id"):
        WordPieces.from_dict(word_pieces().to_dict() | change)


@pytest.mark.parametrize("name", ["tokenizer", "cls_id", "sep_id", "encoder"])
def test_a_description_without_an_entry_is_refused(name):
    content = word_pieces().to_dict()
    del content[name]
    with pytest.raises(ValueError, match="word pieces are described by tokenizer, cls_id, sep_id"):
        WordPieces.from_dict(content)


@pytest.mark.parametrize("tokenizer", [{}, {"version": "1.0", "model": {"type": "Nothing"}}])
def test_a_tokenizer_that_the_library_does_not_know_is_refused(tokenizer):
    with pytest.raises(ValueError, match="the tokenizer cannot be read: "):
        WordPieces(tokenizer, 2, 3, ENCODER)


def test_without_the_library_the_extra_is_named(monkeypatch):
    content = word_pieces().to_dict()
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ImportError, match=r'pip install "sklabelemb\[hf\]"'):
        WordPieces.from_dict(content)
