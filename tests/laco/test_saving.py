"""LACO to a folder and back, with its encoder and without; into other processes."""

from __future__ import annotations

import copy
import json
import pickle
import shutil

import numpy as np
import pytest
import safetensors.torch
from transformers import BertConfig

from sklabelemb import LACOClassifier, LEAMClassifier, load, save
from sklabelemb.persistence.files import digest_of

from .literal import BERT, write_encoder

FILES = ["model.json", "vocabulary.json", "weights.safetensors"]
TEXTS = ["my parcel is late", "my refund is due", "parcel late, refund unpaid"] * 12
LABELS = np.array([[1, 0], [0, 1], [1, 1]] * 12)
UNSEEN = ["is my parcels late", "unpaid bill 包裹", "", "qwertz [SEP] late", "due " * 80]
FRESH = {"model_type": "bert", **BERT}


def laco(encoder, **parameters):
    tiny = {"max_epochs": 1, "device": "cpu", "random_state": 0, "batch_size": 8}
    tiny |= {"validation_fraction": 0.3, "learning_rate": 0.01, "max_length": 40}
    return LACOClassifier(encoder=encoder, **{**tiny, **parameters})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pretrained encoder; not to be changed."""
    return write_encoder(tmp_path_factory.mktemp("encoders") / "tiny")


@pytest.fixture(scope="module")
def frozen(folder):
    """A model with one trained layer above one frozen; not to be changed."""
    return laco(folder, freeze_layers=1).fit(TEXTS, LABELS)


def weights_in(path):
    return safetensors.torch.load_file(path / "weights.safetensors")


def encoder_weights(names):
    """Names of the encoder's weights among those that a model folder holds."""
    marker = "encoder."
    return {name[name.index(marker) :] for name in names if marker in name}


def assert_same_model(again, model):
    for method in ("predict", "predict_proba", "decision_function"):
        found, expected = getattr(again, method)(UNSEEN), getattr(model, method)(UNSEEN)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    for one, other in zip(again.explain(UNSEEN), model.explain(UNSEEN), strict=True):
        assert (one.tokens, one.spans) == (other.tokens, other.spans)
        np.testing.assert_array_equal(one.contributions, other.contributions)
        if other.affinity is not None:
            np.testing.assert_array_equal(one.affinity, other.affinity)
    assert vars(again).keys() == vars(model).keys()
    assert again.model_.options == model.model_.options


SETTINGS = [
    {"cooccurrence": "both"},
    {"joint_embedding": False},
    {"joint_embedding": False, "cross_attention": False, "cooccurrence": None},
    {"freeze_layers": "all"},
    {"label_token_weight": None},
    {"head": "tagger", "freeze_layers": 1},
    {"head": "reasoner", "joint_embedding": False, "similarity": "dot"},
]


# Either encoder with all settings, and by turns with label sets and classes.
@pytest.mark.parametrize(
    ("pretrained", "parameters", "y"),
    [
        (pretrained, parameters, LABELS if (k + pretrained) % 2 else LABELS.argmax(axis=1))
        for pretrained in (True, False)
        for k, parameters in enumerate(SETTINGS)
    ],
)
def test_predictions_come_back_bit_for_bit(folder, tmp_path, pretrained, y, parameters):
    model = laco(str(folder) if pretrained else FRESH, **parameters).fit(TEXTS, y)
    save(model, tmp_path / "model")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["README.md", *FILES]
    again = load(tmp_path / "model")
    assert again.get_params() == model.get_params()
    assert_same_model(again, model)
    if pretrained:
        assert again.vocabulary_.to_dict() == model.vocabulary_.to_dict()
    # Saved again, it is the same again.
    save(again, tmp_path / "again")
    assert_same_model(load(tmp_path / "again"), model)


def test_a_loaded_model_goes_on_learning(folder, tmp_path):
    model = laco(str(folder)).fit(TEXTS, LABELS)
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    # What Adam remembers is not saved, and not copied either.
    model = copy.deepcopy(model)
    for some in (model, again):
        some.partial_fit(TEXTS, LABELS)
    np.testing.assert_array_equal(again.decision_function(UNSEEN), model.decision_function(UNSEEN))


def test_a_stored_encoder_needs_no_folder(tmp_path):
    encoder = write_encoder(tmp_path / "encoder")
    model = laco(encoder, freeze_layers="all").fit(TEXTS, LABELS)
    save(model, tmp_path / "model")
    shutil.rmtree(encoder)
    assert_same_model(load(tmp_path / "model"), model)


def test_the_model_folder_holds_numbers_and_text_only(frozen, tmp_path):
    for store_encoder in (True, False):
        path = tmp_path / str(store_encoder)
        save(frozen, path, store_encoder=store_encoder)
        assert sorted(file.name for file in path.iterdir()) == ["README.md", *FILES]
        for name in FILES[:2]:
            json.loads((path / name).read_text())
        for file in path.iterdir():
            with pytest.raises(Exception):  # noqa: B017, PT011  (whatever says: no pickle)
                pickle.loads(file.read_bytes())


# -- without the encoder's own weights -------------------------------------------------------------


@pytest.mark.parametrize("freeze_layers", [1, 2, "all"])
def test_exactly_the_frozen_weights_are_left_out(folder, tmp_path, freeze_layers):
    model = laco(folder, freeze_layers=freeze_layers).fit(TEXTS, LABELS)
    save(model, tmp_path / "whole")
    save(model, tmp_path / "part", store_encoder=False)
    whole, part = weights_in(tmp_path / "whole"), weights_in(tmp_path / "part")
    trained = {name for name, p in model.net_.module_.named_parameters() if p.requires_grad} | {
        "label_embedding.weight"
    }
    left_out = set(whole) - set(part)
    assert encoder_weights(left_out) == encoder_weights(
        name for name, p in model.net_.module_.named_parameters() if not p.requires_grad
    )
    assert len(left_out) == len(encoder_weights(left_out))
    assert encoder_weights(part) == encoder_weights(trained)
    if freeze_layers in (2, "all"):
        assert not encoder_weights(part)
    sizes = [(tmp_path / name / "weights.safetensors").stat().st_size for name in ("part", "whole")]
    assert sizes[0] < 0.75 * sizes[1]
    assert_same_model(load(tmp_path / "part"), model)


def test_an_encoder_that_moved_is_told(tmp_path):
    encoder = write_encoder(tmp_path / "encoder")
    model = laco(encoder, freeze_layers="all").fit(TEXTS, LABELS)
    save(model, tmp_path / "model", store_encoder=False)
    expected = model.decision_function(UNSEEN)
    shutil.move(encoder, tmp_path / "elsewhere")
    with pytest.raises(OSError, match="encoder' cannot be read as a folder, nor from the Hub: "):
        load(tmp_path / "model")
    again = load(tmp_path / "model", encoder=tmp_path / "elsewhere")
    np.testing.assert_array_equal(again.decision_function(UNSEEN), expected)
    assert again.encoder == again.encoder_name_ == str(tmp_path / "elsewhere")
    again.set_params(warm_start=True).fit(TEXTS, LABELS)


def test_another_encoder_under_the_name_is_noticed(tmp_path):
    encoder = write_encoder(tmp_path / "encoder")
    model = laco(encoder, freeze_layers=1).fit(TEXTS, LABELS)
    save(model, tmp_path / "model", store_encoder=False)
    write_encoder(encoder, seed=1)
    with pytest.raises(
        OSError,
        match=r"The encoder '.*encoder' is not the one that the model was trained with: its "
        r"embeddings\..* is another. Give the right one: load\(folder, encoder='path/to/encoder'\)",
    ):
        load(tmp_path / "model")
    # A layer that was trained may be another there: it is stored.
    write_encoder(encoder, seed=0)
    other = safetensors.torch.load_file(encoder / "model.safetensors")
    for name, value in other.items():
        if ".layer.1." in name:
            value.zero_()
    safetensors.torch.save_file(other, encoder / "model.safetensors", metadata={"format": "pt"})
    assert_same_model(load(tmp_path / "model"), model)


def test_an_encoder_with_fewer_layers_is_noticed(tmp_path):
    encoder = write_encoder(tmp_path / "encoder")
    model = laco(encoder, freeze_layers="all").fit(TEXTS, LABELS)
    save(model, tmp_path / "model", store_encoder=False)
    smaller = write_encoder(tmp_path / "smaller", num_hidden_layers=1)
    with pytest.raises(OSError, match="is not the one that the model was trained with"):
        load(tmp_path / "model", encoder=smaller)


def test_nothing_frozen_means_nothing_to_leave_out(folder, tmp_path):
    for model in (laco(folder), laco(FRESH), laco(FRESH, freeze_layers="all")):
        model.fit(TEXTS, LABELS)
        with pytest.raises(
            ValueError,
            match=r"so there is nothing to take from elsewhere\. Save it with store_encoder=True, "
            r"or fit it with a pretrained encoder and freeze_layers='all'",
        ):
            save(model, tmp_path / "model", store_encoder=False)
        assert not (tmp_path / "model").exists()


def test_other_classifiers_have_no_encoder_to_leave_out(tmp_path):
    model = LEAMClassifier(embedding_dim=4, max_epochs=1, device="cpu", random_state=0)
    with pytest.raises(
        ValueError,
        match=r"A LEAMClassifier has no pretrained encoder to leave out: save it with store_enc",
    ):
        save(model.fit(TEXTS, LABELS), tmp_path / "model", store_encoder=False)


def test_what_an_earlier_fit_had_trained_is_no_encoders_weight(folder, tmp_path):
    model = laco(folder, warm_start=True).fit(TEXTS, LABELS)
    model.set_params(freeze_layers="all").fit(TEXTS, LABELS)
    with pytest.raises(
        ValueError,
        match=r"is not that of .*: it was trained in an earlier fit, or the encoder's files were "
        r"changed\. Save the model with store_encoder=True",
    ):
        save(model, tmp_path / "model", store_encoder=False)
    save(model, tmp_path / "model")
    assert_same_model(load(tmp_path / "model"), model)


def test_a_warm_start_that_thawed_a_layer_stores_that(folder, tmp_path):
    model = laco(folder, freeze_layers="all", warm_start=True).fit(TEXTS, LABELS)
    model.set_params(freeze_layers=1).fit(TEXTS, LABELS)
    save(model, tmp_path / "model", store_encoder=False)
    assert len(encoder_weights(weights_in(tmp_path / "model"))) == 16
    assert_same_model(load(tmp_path / "model"), model)


def test_saving_leaves_the_model_as_it_is(frozen, tmp_path):
    before = frozen.decision_function(UNSEEN)
    names = set(frozen.net_.module_.state_dict())
    save(frozen, tmp_path / "model", store_encoder=False)
    assert set(frozen.net_.module_.state_dict()) == names
    np.testing.assert_array_equal(frozen.decision_function(UNSEEN), before)


# -- pickles ---------------------------------------------------------------------------------------


def test_pickles_come_back(frozen):
    assert_same_model(pickle.loads(pickle.dumps(frozen)), frozen)


def test_pickling_works_after_an_explanation(folder):
    for parameters in ({}, {"joint_embedding": False, "cross_attention": False}):
        model = laco(folder, **parameters).fit(TEXTS, LABELS)
        before = len(pickle.dumps(model))
        model.explain(UNSEEN)
        again = pickle.dumps(model)
        # No copy of the encoder stays behind.
        assert len(again) < 1.02 * before
        assert_same_model(pickle.loads(again), model)


@pytest.mark.slow
def test_an_encoder_is_for_models_that_took_one_from_elsewhere(folder, tmp_path):
    save(laco(FRESH).fit(TEXTS, LABELS), tmp_path / "fresh")
    with pytest.raises(ValueError, match=r"holds a model with a fresh encoder.*leave out enc"):
        load(tmp_path / "fresh", encoder=folder)
    linear = LEAMClassifier(embedding_dim=4, max_epochs=1).fit(TEXTS, LABELS)
    save(linear, tmp_path / "leam")
    with pytest.raises(ValueError, match="holds a LEAMClassifier, which has no pretrained encoder"):
        load(tmp_path / "leam", encoder=folder)


def test_an_encoder_is_given_by_name(frozen, tmp_path):
    save(frozen, tmp_path / "model", store_encoder=False)
    with pytest.raises(TypeError, match=r"load takes an encoder by name: .*, not a dict"):
        load(tmp_path / "model", encoder=FRESH)


def test_a_configuration_object_is_saved_as_a_dict(tmp_path):
    configuration = BertConfig(**{name: v for name, v in FRESH.items() if name != "model_type"})
    model = laco(configuration).fit(TEXTS, LABELS)
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.encoder["hidden_size"] == configuration.hidden_size
    again.partial_fit(TEXTS, LABELS)


def test_a_configuration_in_a_file_fetches_no_code(tmp_path):
    save(laco(FRESH).fit(TEXTS, LABELS), tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    for options in (content["model"]["options"], content["model"]["module"]):
        options["encoder"]["attn_implementation"] = "evil/kernel"
        options["encoder"]["auto_map"] = {"AutoModel": "evil--evil.Evil"}
    content["digest"] = digest_of(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    network = load(tmp_path / "model").net_.module_
    assert network.encoder.config._attn_implementation == "sdpa"
    assert not hasattr(network.encoder.config, "auto_map")


@pytest.mark.parametrize("y", [LABELS, LABELS.argmax(axis=1)])
def test_folders_from_before_the_heads(tmp_path, y):
    model = laco(FRESH, cooccurrence="both").fit(TEXTS, y)
    save(model, tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    content = json.loads(path.read_text())
    for part in (content["parameters"], content["model"]["options"], content["model"]["module"]):
        for name in ("similarity", "head", "n_rounds"):
            del part[name]
    content["digest"] = digest_of(content)
    path.write_text(json.dumps(content))
    again = load(tmp_path / "model")
    assert again.get_params() == model.get_params()
    for answers in ("predict_proba", "predict"):
        found = getattr(again, answers)(UNSEEN)
        np.testing.assert_array_equal(found, getattr(model, answers)(UNSEEN))
    for one, other in zip(again.explain(UNSEEN), model.explain(UNSEEN), strict=True):
        np.testing.assert_array_equal(one.contributions, other.contributions)
    again.partial_fit(TEXTS, y)
