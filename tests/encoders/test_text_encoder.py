"""Frozen encoders: four kinds, and the vectors that they make."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import textwrap

import joblib
import numpy as np
import pytest
import torch
import transformers
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from transformers import AutoModel, AutoTokenizer

from sklabelemb import LACOClassifier
from sklabelemb.encoders import pretrained_weights, text_encoder, text_vectors
from sklabelemb.encoders.memory import VectorMemory, folder_of
from sklabelemb.encoders.sentence import SentenceEncoder

from ..laco.literal import write_encoder
from ..tolerances import close

TEXTS = ["my parcel is late", "refund", "", "parcel late, refund unpaid " * 9, "a \ud83d half"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pretrained transformer; not to be changed."""
    return write_encoder(tmp_path_factory.mktemp("encoders") / "tiny")


class Letters:
    """An encoder of another library: how often a text has each of some letters."""

    def __init__(self, letters="aeiou", broken=None):
        self.letters = letters
        self.broken = broken
        self.calls = []

    def get_params(self, deep=True):
        return {"letters": self.letters}

    def encode(self, texts):
        self.calls.append(list(texts))
        found = np.array([[text.count(letter) for letter in self.letters] for text in texts], float)
        return found if self.broken is None else self.broken(found, texts)


# -- transformers ----------------------------------------------------------------------------------


def reference(folder, texts, max_length):
    """What `sentence-transformers` computes: the mean over all tokens, of length 1."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder).eval()
    rows = []
    for text in texts:
        valid = text.encode("utf-8", "replace").decode()
        ids = tokenizer(valid, truncation=True, max_length=max_length, return_tensors="pt")
        with torch.no_grad():
            mean = model(**ids).last_hidden_state[0].mean(dim=0)
        rows.append((mean / mean.norm()).numpy())
    return np.array(rows)


def test_vectors_are_those_of_the_library(folder):
    encoder = SentenceEncoder.read(folder)
    assert (encoder.pooling, encoder.normalize) == ("mean", True)
    vectors = encoder.encode(TEXTS)
    assert vectors.dtype == np.float32
    expected = reference(folder, TEXTS, encoder.max_pieces)
    close(vectors, expected, scale=1.0)
    one_by_one = np.concatenate([encoder.encode([text]) for text in TEXTS])
    close(one_by_one, vectors, scale=1.0)


@pytest.mark.parametrize("pooling", ["cls", "max", "mean"])
@pytest.mark.parametrize("normalize", [True, False])
def test_what_sentence_transformers_wrote_is_heeded(tmp_path, pooling, normalize):
    folder = write_encoder(tmp_path / "own")
    modules = ["Transformer", "Pooling", "Normalize"][: 3 if normalize else 2]
    kinds = [{"type": f"sentence_transformers.models.{m}", "path": f"1_{m}"} for m in modules]
    (folder / "modules.json").write_text(str(kinds).replace("'", '"'))
    mode = "mean_tokens" if pooling == "mean" else f"{pooling}_token{'s' * (pooling == 'max')}"
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(f'{{"pooling_mode_{mode}": true}}')
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 6}')
    encoder = SentenceEncoder.read(folder)
    assert (encoder.pooling, encoder.normalize, encoder.max_pieces) == (pooling, normalize, 6)
    lengths = np.linalg.norm(encoder.encode(TEXTS), axis=1)
    assert np.allclose(lengths, 1) == normalize
    words = TEXTS[3].split()
    same = encoder.encode([" ".join(words[:6]), TEXTS[3]])
    close(same[0], same[1], scale=1.0 if normalize else None)


@pytest.mark.parametrize(
    ("modules", "pooling", "message"),
    [
        (["Transformer", "Pooling", "Dense"], "mean_tokens", "has a module 'Dense'"),
        (["Transformer", "Pooling"], "lasttoken", "pools vectors in a way that is not known"),
    ],
)
def test_other_ways_to_a_vector_are_refused(tmp_path, modules, pooling, message):
    folder = write_encoder(tmp_path / "own")
    kinds = [{"type": f"sentence_transformers.models.{m}", "path": f"1_{m}"} for m in modules]
    (folder / "modules.json").write_text(str(kinds).replace("'", '"'))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(f'{{"pooling_mode_{pooling}": true}}')
    with pytest.raises(ValueError, match=message + r".*encoder=SentenceTransformer\(\.\.\.\)"):
        SentenceEncoder.read(folder)


def test_a_revision_of_a_name_is_pinned(folder, monkeypatch):
    asked = []

    def noted(original):
        def call(name, *rest, **how):
            # The library asks itself about the folder that it was led to.
            if str(name) != str(folder):
                asked.append((str(name), how.pop("revision", None)))
            return original(folder, *rest, **how)

        return call

    for kind in ("AutoConfig", "AutoTokenizer", "AutoModel"):
        cls = getattr(transformers, kind)
        monkeypatch.setattr(cls, "from_pretrained", noted(cls.from_pretrained))
    hub = transformers.utils
    monkeypatch.setattr(hub, "cached_file", noted(hub.cached_file))
    pinned = SentenceEncoder.read("owner/name@v1.2")
    assert set(asked) == {("owner/name", "v1.2")}
    assert len(asked) >= 4
    asked.clear()
    assert SentenceEncoder.read("owner/name").key == pinned.key
    assert set(asked) == {("owner/name", None)}


def test_it_is_read_from_disk_once(folder):
    assert text_encoder(folder) is text_encoder(str(folder))
    path = folder / "config.json"
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))
    changed = text_encoder(folder)
    assert changed is text_encoder(folder)


def test_weights_to_be_trained_are_read_once_too(tmp_path, monkeypatch):
    """Training copies them: a fit finds what the files have, whatever the last fit made of it."""
    folder = write_encoder(tmp_path / "own")
    first = {name: value.clone() for name, value in pretrained_weights(folder).items()}
    with monkeypatch.context() as patch:
        patch.setattr(transformers.AutoModel, "from_pretrained", None)
        small = {"max_epochs": 1, "learning_rate": 0.1, "encoder_learning_rate": 0.1}
        small |= {"encoder": folder, "device": "cpu", "batch_size": 4, "wide": False}
        model = LACOClassifier(**small).fit(["late parcel", "refund"] * 6, ["a", "b"] * 6)
        for name, value in pretrained_weights(folder).items():
            assert torch.equal(value, first[name])
        own = dict(model.net_.module_.encoder.named_parameters())
        assert any(not torch.equal(own[name], first[name]) for name in own)
    write_encoder(folder, seed=1)
    assert any(not torch.equal(v, first[n]) for n, v in pretrained_weights(folder).items())


def test_copies_and_pickles_are_the_same_encoder(folder):
    encoder = text_encoder(folder)
    assert copy.deepcopy(encoder) is encoder
    again = pickle.loads(pickle.dumps(encoder))
    assert again.key == encoder.key
    np.testing.assert_array_equal(again.encode(TEXTS), encoder.encode(TEXTS))


# -- static models ---------------------------------------------------------------------------------


def test_static_models(tmp_path):
    model2vec = pytest.importorskip("model2vec")
    tokenizers = pytest.importorskip("tokenizers")
    words = {"[UNK]": 0, "[PAD]": 1, "parcel": 2, "late": 3, "refund": 4}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    table = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    model2vec.StaticModel(table, tokenizer, normalize=False).save_pretrained(tmp_path / "static")
    encoder = text_encoder(tmp_path / "static")
    vectors = encoder.encode(["late parcel", "refund", "a \ud83d half"])
    np.testing.assert_allclose(vectors[0], (table[2] + table[3]) / 2, rtol=1e-6)
    np.testing.assert_allclose(vectors[1], table[4], rtol=1e-6)
    again = type(encoder).of(encoder.description(), encoder.arrays())
    assert again.key == encoder.key
    np.testing.assert_array_equal(again.encode(TEXTS), encoder.encode(TEXTS))


# -- objects of other libraries --------------------------------------------------------------------


def test_objects_with_encode_or_transform():
    vowels = text_encoder(Letters())
    np.testing.assert_array_equal(vowels.encode(["aab", ""]), [[2, 0, 0, 0, 0], [0] * 5])
    texts = ["a late parcel", "a late refund", "money back please"]
    pipeline = make_pipeline(TfidfVectorizer(), TruncatedSVD(2, random_state=0)).fit(texts)
    frozen = text_encoder(FrozenEstimator(pipeline))
    np.testing.assert_allclose(frozen.encode(texts), pipeline.transform(texts), rtol=1e-6)
    sparse = text_encoder(FrozenEstimator(TfidfVectorizer().fit(texts)))
    assert sparse.encode(texts).shape == (3, 6)


def test_what_an_object_is_known_by():
    assert text_encoder(Letters()).key == text_encoder(Letters()).key
    keys = {text_encoder(some).key for some in (Letters(), Letters("xyz"), Letters("uoiea"))}
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("broken", "error", "message"),
    [
        (lambda v, t: v[:-1] if len(t) > 1 else v, ValueError, r"shape \(1, 5\) for 2 texts"),
        (lambda v, t: v[0], ValueError, r"one vector for each, shape \(1, n_dimensions\)"),
        (lambda v, t: v * np.nan, ValueError, "NaN or infinity for the text"),
        (lambda v, t: [["a"]] * len(t), TypeError, "not an array of numbers"),
        (lambda v, t: v[:, : len(t)], ValueError, "of 2 dimensions, and of 1 before"),
    ],
)
def test_what_an_object_must_give(broken, error, message):
    with pytest.raises(error, match="encoder=Letters.*" + message):
        text_encoder(Letters(broken=broken)).encode(["late", "parcel"])


@pytest.mark.parametrize(
    ("encoder", "error", "message"),
    [
        (Letters, TypeError, r"is the class Letters: give one of its objects"),
        (3, TypeError, r"has neither encode\(texts\) nor transform\(texts\)"),
        ({"model_type": "bert"}, ValueError, "weights would be random"),
        (os.path.dirname(__file__), OSError, "cannot be read in that folder"),
    ],
)
def test_what_is_no_encoder(encoder, error, message):
    with pytest.raises(error, match=message):
        text_encoder(encoder)


def test_an_unfitted_transformer_says_how_to_keep_it_fitted():
    with pytest.raises(ValueError, match=r"is not fitted.*encoder=FrozenEstimator\(fitted\)"):
        text_encoder(TfidfVectorizer()).encode(["late"])


# -- vectors, once per text ----------------------------------------------------------------------


def test_a_text_is_embedded_once_a_call():
    letters = Letters()
    encoder = text_encoder(letters)
    assert encoder.dim == 5
    letters.calls.clear()
    vectors = text_vectors(encoder, ["a", "e", "a", "a"])
    assert letters.calls == [["a", "e"]]
    np.testing.assert_array_equal(vectors[:, 0], [1, 0, 1, 1])


@pytest.mark.parametrize("as_memory", [str, joblib.Memory])
def test_and_once_for_all_with_a_memory(tmp_path, as_memory):
    memory = as_memory(str(tmp_path / "vectors"))
    for _ in range(2):
        letters = Letters()
        encoder = text_encoder(letters)
        assert encoder.key
        letters.calls.clear()
        first = text_vectors(encoder, ["a", "e", "\ud83d"], memory=memory)
        both = text_vectors(encoder, ["e", "new", "a"], memory=memory)
    assert letters.calls == []
    np.testing.assert_array_equal(both[[2, 0]], first[:2])
    same_size = text_encoder(Letters("uoiea"))
    np.testing.assert_array_equal(text_vectors(same_size, ["a"], memory=memory), [[0, 0, 0, 0, 1]])
    other = text_encoder(Letters("xyz"))
    assert text_vectors(other, ["a"], memory=memory).shape == (1, 3)


def test_memory_without_a_place_keeps_nothing():
    assert folder_of(joblib.Memory(None)) is None
    assert folder_of(None) is None


def test_a_file_that_is_no_memory_is_named(tmp_path):
    path = VectorMemory(tmp_path).path
    path.parent.mkdir(parents=True)
    path.write_text("no database at all, but long enough to be looked at " * 40)
    with pytest.raises(OSError, match=r"vectors\.sqlite cannot be used .*Remove the file"):
        text_vectors(text_encoder(Letters()), ["a"], memory=tmp_path)


def test_processes_share_a_memory_and_may_be_killed(tmp_path):
    """Writers side by side, one of them killed: what is found is right, and the file is whole."""
    script = textwrap.dedent(
        """
        import sys
        import numpy as np
        from sklabelemb.encoders import memory
        memory.TEXTS_A_WRITE = 5
        kept = memory.VectorMemory(sys.argv[1])
        def encode(texts):
            return np.array([[float(t), -float(t)] for t in texts], np.float32)
        print("ready", flush=True)
        for start in range(int(sys.argv[2]), 100000, 50):
            kept.vectors([str(i) for i in range(start, start + 100)], "key", 2, encode)
        """
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    some = [subprocess.Popen([*command, str(k)], stdout=subprocess.PIPE) for k in (0, 25)]
    for process in some:
        process.stdout.readline()
    kept = VectorMemory(tmp_path)
    wanted = [str(i) for i in range(300)]

    def encode(texts):
        return np.array([[float(t), -float(t)] for t in texts], np.float32)

    vectors = kept.vectors(wanted, "key", 2, encode)
    for process in some:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    np.testing.assert_array_equal(vectors, encode(wanted))
    np.testing.assert_array_equal(kept.vectors(wanted, "key", 2, None), encode(wanted))
    with sqlite3.connect(kept.path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
