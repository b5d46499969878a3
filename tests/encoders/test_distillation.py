"""Static models that are distilled from transformers."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from transformers import AutoModel, AutoTokenizer

from sklabelemb import LEAMClassifier
from sklabelemb.encoders import distill_encoder, text_encoder

from ..laco.literal import write_encoder
from .meanings import CLASSES, TEXTS

pytest.importorskip("model2vec")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pretrained transformer; not to be changed."""
    return write_encoder(tmp_path_factory.mktemp("encoders") / "tiny")


@pytest.fixture(scope="module")
def static(folder, tmp_path_factory):
    """What it is distilled into."""
    pytest.importorskip("skeletoken")
    return distill_encoder(folder, tmp_path_factory.mktemp("distilled") / "static", dim=4)


def cosines(vectors):
    """How alike vectors are."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors @ vectors.T) / (lengths * lengths.T)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_the_vector_of_a_piece_is_what_the_transformer_makes_of_it(tmp_path, pooling):
    pytest.importorskip("skeletoken")
    folder = write_encoder(tmp_path / "own")
    modules = [{"type": "a.Transformer", "path": ""}, {"type": "a.Pooling", "path": "pooling"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "pooling").mkdir()
    mode = {"mean": "pooling_mode_mean_tokens", "cls": "pooling_mode_cls_token"}[pooling]
    (folder / "pooling" / "config.json").write_text(json.dumps({mode: True}))
    encoder = text_encoder(distill_encoder(folder, tmp_path / "static", dim=4))
    assert encoder.dim == 4
    pieces = sorted(encoder.model.tokenizer.get_vocab().items(), key=lambda item: item[1])
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    ids = tokenizer.convert_tokens_to_ids([piece for piece, _ in pieces])
    read = torch.tensor([[tokenizer.cls_token_id, i, tokenizer.sep_token_id] for i in ids])
    with torch.no_grad():
        states = model.eval()(input_ids=read).last_hidden_state
    vectors = (states.mean(dim=1) if pooling == "mean" else states[:, 0]).numpy()
    # The weights of the pieces only scale them; the table has half precision.
    expected = PCA(4).fit_transform(vectors)
    found = encoder.arrays()["embedding"].astype(np.float32)
    np.testing.assert_allclose(cosines(found), cosines(expected), atol=0.02)


def test_a_classifier_takes_the_folder(static):
    model = LEAMClassifier(encoder=static, max_epochs=1, device="cpu").fit(TEXTS, CLASSES)
    assert model.predict_proba(TEXTS).shape == (len(TEXTS), 3)
    assert np.linalg.norm(text_encoder(static).encode(["parcel"])) == pytest.approx(1, abs=1e-2)


def test_nothing_in_the_folder_names_a_path(folder, static):
    told = json.loads((static / "config.json").read_text())
    assert told["tokenizer_name"] == folder.name
    for path in [*static.glob("*.json"), *static.glob("*.md")]:
        assert str(folder.parent) not in path.read_text(), path.name


@pytest.mark.parametrize("dim", [0, -1, 2.5, "256", True])
def test_dimensions_are_whole_numbers(folder, tmp_path, dim):
    with pytest.raises(ValueError, match=r"dim=.* is not a number of dimensions"):
        distill_encoder(folder, tmp_path / "static", dim=dim)


def test_files_that_are_there_stay(folder, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="Name a new folder"):
        distill_encoder(folder, tmp_path)
    with pytest.raises(FileExistsError, match="Name a new folder"):
        distill_encoder(folder, tmp_path / "notes.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_transformer_that_is_not_there(tmp_path):
    pytest.importorskip("skeletoken")
    (tmp_path / "empty").mkdir()
    with pytest.raises(OSError, match="cannot be read in that folder"):
        distill_encoder(tmp_path / "empty", tmp_path / "static")
    assert not (tmp_path / "static").exists()


def test_without_the_library_an_error_names_the_extra(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "skeletoken", None)
    with pytest.raises(ImportError, match=r"sklabelemb\[distill\]"):
        distill_encoder(folder, tmp_path / "static")
