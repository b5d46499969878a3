import copy
import json
import pickle
import re
import subprocess
import sys
import unicodedata

import numpy as np
import pytest

from sklabelemb.text import Tokenizer, token_spans

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        (" \t\n\x00\u200b\ufeff\ud800 ", []),
        ("The cat, sat.", ["the", "cat", ",", "sat", "."]),
        ("don't DON\u2019T", ["don't", "don't"]),
        ("'tis the dogs' rock'n'roll", ["'", "tis", "the", "dogs", "'", "rock'n'roll"]),
        ("5'10 the 90's", ["5", "'", "10", "the", "90's"]),
        ("well-known snake_case", ["well", "-", "known", "snake", "_", "case"]),
        ("wait...!?", ["wait", ".", ".", ".", "!", "?"]),
        ("1,234.56 at 12:30, 3. v1.2", ["1,234.56", "at", "12:30", ",", "3", ".", "v1.2"]),
        ("iphone12 b2b 3.5mm", ["iphone12", "b2b", "3.5mm"]),
        ("\u0663\u066b\u0661\u0664", ["\u0663\u066b\u0661\u0664"]),
        ("\u201cquoted\u201d \u20ac5", ["\u201c", "quoted", "\u201d", "\u20ac", "5"]),
        ("l\u2019\u00e9t\u00e9", ["l'\u00e9t\u00e9"]),
        ("cafe\u0301", ["caf\u00e9"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("ที่นี่ ดี", ["ที่นี่", "ดี"]),
        ("2023年東京タワー", ["2023", "年", "東", "京", "タ", "ワ", "ー"]),
        ("か\u3099。", ["が", "。"]),
        ("\U00020000\U00020001", ["\U00020000", "\U00020001"]),
        ("한국어 단어", ["한국어", "단어"]),
        (unicodedata.normalize("NFD", "한국어"), ["한국어"]),
        ("\U00010400\U00010428a", ["\U00010428\U00010428a"]),
        ("co\u00adoperate", ["cooperate"]),
        ("می\u200cشود", ["می\u200cشود"]),
        ("İSTANBUL", ["i\u0307stanbul"]),
        ("ΔΣ.ΔΣ", ["δς", ".", "δς"]),
        (f"ok{FAMILY}!", ["ok", FAMILY, "!"]),
        ("\U0001f44d\U0001f3fd\U0001f44d", ["\U0001f44d\U0001f3fd", "\U0001f44d"]),
        ("\u2764\ufe0f\u2764", ["\u2764\ufe0f", "\u2764"]),
        (
            "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7",
            ["\U0001f1e9\U0001f1ea", "\U0001f1eb\U0001f1f7"],
        ),
        ("1\ufe0f\u20e32\ufe0f\u20e3", ["1\ufe0f\u20e3", "2\ufe0f\u20e3"]),
        (f"{ENGLAND}.", [ENGLAND, "."]),
        ("\ufe0f \u0301x", ["x"]),
        ("\U000f0000\ufffd", ["\U000f0000", "\ufffd"]),
    ],
)
def test_tokens(text, tokens):
    tokenizer = Tokenizer()
    assert tokenizer(text) == tokens
    assert len(tokenizer.spans(text)) == len(tokens)


def test_case_and_numbers():
    text = "The iPhone12 cost 1,234.56 on 3/4, b2b; caf\u00e9 \u0663\u066b\u0661"
    assert Tokenizer(lowercase=False)(text)[:2] == ["The", "iPhone12"]
    masked = Tokenizer(mask_numbers=True)(text)
    assert " ".join(masked) == "the iphone# cost # on # / # , b#b ; caf\u00e9 #"
    assert Tokenizer(lowercase=False, mask_numbers=True)("A1") == ["A#"]
    assert Tokenizer(mask_numbers=True)(" ") == []


def test_spans_index_the_text_as_given():
    text = "İT’S cafe\u0301 10\u20ac \U0001f44d\U0001f3fd"
    spans = Tokenizer(mask_numbers=True).spans(text)
    assert [text[start:stop] for start, stop in spans] == [
        "İT’S",
        "cafe\u0301",
        "10",
        "\u20ac",
        "\U0001f44d\U0001f3fd",
    ]


def random_texts():
    """Texts of characters that have a say in where a token ends, in random order."""
    rng = np.random.default_rng(0)
    alphabet = list(
        "aZ09 .,:'-_#\n\x00éÉßİΣ’“€\u0301\u00ad\u200c\u200d\ufe0f\u20e3ー東한ก่\u0663"
        "\U0001f44d\U0001f3fd\U0001f1e9\U00020000\U00010400\U000e0067\U0001e000\ud800"
    )
    for _ in range(2000):
        yield "".join(rng.choice(alphabet, size=rng.integers(0, 30)))


def test_spans_and_tokens_agree_on_any_text():
    plain = Tokenizer(lowercase=False)
    for text in random_texts():
        for tokenizer in (plain, Tokenizer(), Tokenizer(mask_numbers=True)):
            tokens, spans = tokenizer(text), tokenizer.spans(text)
            assert len(tokens) == len(spans)
            assert all(tokens)
            assert not any(re.search(r"[\s\x00]", token) for token in tokens)
        stops = [0] + [stop for _, stop in spans]
        for token, (start, stop), before in zip(plain(text), spans, stops, strict=False):
            assert before <= start < stop
            piece = text[start:stop].replace("’", "'").replace("\u00ad", "")
            assert token == unicodedata.normalize("NFC", piece)


def test_no_visible_character_is_lost():
    for text in random_texts():
        left = list(text)
        for start, stop in Tokenizer().spans(text):
            left[start:stop] = " " * (stop - start)
        for character in left:
            assert unicodedata.category(character)[0] in "CZM", ascii(text)


def test_the_ascii_path_and_the_general_path_agree():
    rng = np.random.default_rng(1)
    for _ in range(2000):
        text = "".join(rng.choice(list("abZ019 .,:'-_\n#"), size=20))
        with_euro = Tokenizer()(f"{text} \u20ac")
        assert [*Tokenizer()(text), "\u20ac"] == with_euro
        assert Tokenizer().spans(text) == Tokenizer().spans(f"{text} \u20ac")[:-1]


def test_it_is_a_value_that_survives_json_pickle_and_copies():
    tokenizer = Tokenizer(lowercase=False, mask_numbers=True)
    assert Tokenizer.from_dict(json.loads(json.dumps(tokenizer.to_dict()))) == tokenizer
    assert pickle.loads(pickle.dumps(tokenizer)) == tokenizer
    assert copy.deepcopy(tokenizer) == tokenizer
    assert len({tokenizer, Tokenizer(False, True), Tokenizer()}) == 2
    with pytest.raises(AttributeError):
        tokenizer.lowercase = True


@pytest.mark.parametrize(
    "settings",
    [{}, {"lowercase": True}, {"lowercase": 1, "mask_numbers": False}, {"lower": True}],
)
def test_wrong_settings(settings):
    with pytest.raises(ValueError, match="described by lowercase, mask_numbers, each true or fal"):
        Tokenizer.from_dict(settings)


def test_long_monotonous_texts_come_to_an_end():
    """In time that grows with the square of their length they would take many minutes."""
    pieces = ["a", "'", "a'", "1.", "1,1'", "-", "\u200d", "a\u200d", "é\u0301", "👍\u200d", "東"]
    program = """if True:
        from sklabelemb.text import Tokenizer
        for piece in PIECES:
            Tokenizer()(piece * 100_000)
            Tokenizer()("é" + piece * 100_000)
    """.replace("PIECES", ascii(pieces))
    subprocess.run([sys.executable, "-c", program], check=True, timeout=300)


def test_token_spans_of_a_foreign_tokenizer():
    text = "Die Straße, DIE Cats!"
    assert token_spans(text, ["die", "STRASSE", ",", "die", "cat", "<eos>", "", "!"]) == [
        (0, 3),
        (4, 10),
        (10, 11),
        (12, 15),
        (16, 19),
        None,
        None,
        (20, 21),
    ]
    assert token_spans("", ["a"]) == [None]
    assert token_spans("a", []) == []


def test_token_spans_equals_spans_on_plain_text():
    text = "The cat's hat, the mat: 3.5 the!"
    assert token_spans(text, Tokenizer()(text)) == Tokenizer().spans(text)


def test_the_room_imports_no_torch():
    code = "import sys, sklabelemb.text; sys.exit(bool({'torch', 'skorch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
