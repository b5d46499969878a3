"""Saving and loading: what comes back, what is refused, and what a killed process leaves."""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
import json
import math
import os
import pickle
import re
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import scipy.sparse as sp
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

from sklabelemb import LEAMClassifier, load, save
from sklabelemb.leam import PAPER_SETTINGS
from sklabelemb.persistence.files import FORMAT_VERSION, digest_of
from sklabelemb.persistence.values import Attachments, decode, encode
from sklabelemb.text import Tokenizer, Vocabulary

FILES = ["model.json", "vocabulary.json", "weights.safetensors"]
TEXTS = [
    "my parcel is late",
    "my refund is due",
    "parcel late, refund due",
    "ἀγάπη και café 包裹 🙂",
] * 10
UNSEEN = ["is my parcels late", "refunds 包裹 café", "", "qwertz", "due due late ἀγάπη"]
INDICATOR = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1]] * 10)


def leam(**parameters):
    tiny = {"embedding_dim": 8, "max_epochs": 2, "batch_size": 16, "learning_rate": 0.1}
    return LEAMClassifier(
        **{**tiny, "device": "cpu", "random_state": 0, "validation_fraction": 0.3, **parameters}
    )


def without_wide(**parameters):
    return leam(**{"wide": False, **parameters})


def frame():
    return pd.DataFrame(INDICATOR.astype(bool), columns=["παράδοση", "$tag", "zurück\n☂"])


def labels_of(classes):
    return np.asarray([classes[i] for i in INDICATOR.argmax(axis=1)])


@pytest.fixture(scope="module")
def fitted():
    """A classifier with everything: wide path, one threshold per label; not to be changed."""
    return leam(threshold=[0.5, 0.25, 0.75]).fit(TEXTS, frame())


@pytest.fixture
def saved(fitted, tmp_path):
    folder = tmp_path / "model"
    save(fitted, folder)
    return folder


def assert_same(value, expected):
    assert type(value) is type(expected)
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(value, expected)
    elif sp.issparse(expected):
        assert value.dtype == expected.dtype
        assert np.array_equal(value.toarray(), expected.toarray())
    else:
        assert value.dtype == expected.dtype
        assert np.array_equal(value, expected)


def without_seconds(history):
    return [{key: value for key, value in row.items() if key != "dur"} for row in history]


def assert_same_model(again, model):
    for method in ("predict", "predict_proba", "decision_function", "transform"):
        assert_same(getattr(again, method)(UNSEEN), getattr(model, method)(UNSEEN))
    assert_same(again.classes_, model.classes_)
    assert again.label_names_.tolist() == model.label_names_.tolist()
    for one, other in zip(again.explain(UNSEEN), model.explain(UNSEEN), strict=True):
        assert one.tokens == other.tokens
        assert np.array_equal(one.contributions, other.contributions)
    for name in ("min_labels_", "n_iter_", "best_epoch_", "vocabulary_"):
        assert getattr(again, name) == getattr(model, name)
    assert without_seconds(again.history_) == without_seconds(model.history_)
    assert vars(again).keys() == vars(model).keys()
    assert again.model_.tasks.keys() == model.model_.tasks.keys()
    assert again.model_.options == model.model_.options


# -- round trips -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "y",
    [
        pytest.param(INDICATOR, id="dense"),
        pytest.param(INDICATOR.astype(np.float32), id="dense float32"),
        pytest.param(sp.csr_matrix(INDICATOR), id="csr_matrix"),
        pytest.param(sp.csr_array(INDICATOR.astype(np.int8)), id="csr_array int8"),
        pytest.param(frame(), id="DataFrame"),
        pytest.param(frame().set_axis([("a", 1), dt.date(2026, 1, 2), 3.5], axis=1), id="names"),
        pytest.param(labels_of(["spät", "neu", "☂"]), id="str"),
        pytest.param(labels_of(["spät", "neu", "☂"]).astype(object), id="object"),
        pytest.param(labels_of([7, -3, 2**40]), id="int"),
        pytest.param(labels_of([7, 3, 200]).astype(np.uint8), id="uint8"),
        pytest.param(labels_of([True, False, True]), id="bool"),
    ],
)
def test_round_trip_gives_equal_predictions(y, tmp_path):
    model = without_wide().fit(TEXTS, y)
    save(model, tmp_path / "model")
    assert_same_model(load(tmp_path / "model"), model)


def test_round_trip_with_wide_path_and_thresholds(fitted, saved):
    again = load(saved)
    assert_same_model(again, fitted)
    assert again.thresholds_.tolist() == [0.5, 0.25, 0.75]
    assert again.get_params() == fitted.get_params()
    assert sorted(path.name for path in saved.iterdir()) == ["README.md", *FILES]


def test_round_trip_of_the_paper_and_of_mlp_head(tmp_path):
    paper = LEAMClassifier(**{**PAPER_SETTINGS, **without_wide(window_size=1).get_params()})
    for i, model in enumerate(
        [
            paper.set_params(attention="shared", attention_scale=1.0, label_penalty=1.0),
            without_wide(head="mlp", phrase_filter="full", window_size=1),
            without_wide(compatibility="uniform"),
        ]
    ):
        save(model.fit(TEXTS, INDICATOR), tmp_path / str(i))
        assert_same_model(load(tmp_path / str(i)), model)


def test_parameters_come_back_with_their_types(tmp_path):
    parameters = {
        "label_texts": {0: "late parcel", 1: "refund", 2: "$"},
        "class_weight": {0: 2.0, np.int64(2): np.float32(0.5)},
        "threshold": np.array([0.5, 0.25, 0.75]),
        "threshold_shrinkage": math.inf,
        "tokenizer": Tokenizer(lowercase=False, mask_numbers=True),
        "max_length": np.int64(9),
        "net_params": {"optimizer__betas": (0.5, 0.9)},
    }
    model = without_wide(**parameters).fit(TEXTS, INDICATOR)
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    for name, expected in parameters.items():
        value = getattr(again, name)
        assert type(value) is type(expected), name
        assert np.array_equal(value, expected) if name == "threshold" else value == expected, name
    assert type(again.net_params["optimizer__betas"]) is tuple
    assert [type(key) for key in again.class_weight] == [int, np.int64]
    assert again.net_.lr == model.net_.lr
    ours, theirs = (one.net_.criterion_.losses[0].class_weight for one in (again, model))
    assert torch.equal(ours, theirs)
    assert_same_model(again, model)


def test_what_was_set_after_fit_does_not_change_the_network(tmp_path):
    model = without_wide(net_params={"module__window_size": 3}).fit(TEXTS, INDICATOR)
    model.set_params(window_size=1, embedding_dim=4, head="mlp", batch_size=999)
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.net_.module_.filter_weight.shape == (7,)
    assert again.embedding_dim == 4
    assert_same_model(again, model)


def test_loaded_model_is_as_good_as_one_never_saved(fitted, saved):
    again = load(saved)
    assert_same_model(pickle.loads(pickle.dumps(again)), fitted)
    assert clone(again).get_params() == fitted.get_params()
    never_saved = copy.deepcopy(fitted)
    for text in ("parcel late, refund", "late again, an entirely new word"):
        for model in (again, never_saved):
            model.partial_fit([text], frame().iloc[2:3])
        assert_same_model(again, never_saved)
    assert "entirely" in again.vocabulary_
    again.fit(TEXTS, frame())
    assert_same(again.predict_proba(UNSEEN), fitted.predict_proba(UNSEEN))


def test_model_can_be_saved_again_after_loading(saved, fitted, tmp_path):
    again = load(saved)
    save(again, tmp_path / "second")
    for name in FILES[1:]:
        assert (saved / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
    assert_same_model(load(tmp_path / "second"), fitted)


def test_saving_leaves_the_model_as_it_was(fitted, tmp_path):
    before = pickle.dumps(fitted.targets_), set(vars(fitted))
    save(fitted, tmp_path / "model")
    assert before == (pickle.dumps(fitted.targets_), set(vars(fitted)))


def test_tied_weights_are_saved_each_for_itself(tmp_path):
    model = without_wide(head="mlp", head_size=8).fit(TEXTS, INDICATOR)
    module = model.net_.module_
    module.bag.weight = module.output.weight
    module.label_embedding = torch.nn.Parameter(torch.zeros(8, 6).T[:3])
    save(model, tmp_path / "model")
    assert_same_model(load(tmp_path / "model"), model)


def test_words_of_any_characters_come_back(tmp_path):
    words = ["new\nline", "nul\0", '"quoted"', "\ud83d", "\ud83d\ude00", "a\u2028b", "$dict"]
    model = without_wide().fit(TEXTS, INDICATOR)
    model.model_ = replace(model.model_, vocabulary=Vocabulary(words))
    model.net_.set_params(module__n_words=9)
    save(model, tmp_path / "model")
    assert load(tmp_path / "model").vocabulary_.words == tuple(words)


# -- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        2**100,
        0.1 + 0.2,
        -0.0,
        math.inf,
        -math.inf,
        "☂\0\ud800",
        (1, [2.5, ("a",)]),
        {"$float": "inf", "a": {1: None, (2, "b"): True}},
        {"a": 0, "b": 1},
        np.float32(0.1),
        np.int64(3),
        np.bool_(True),
        np.str_("spät"),
        np.datetime64("2026-01-02", "D"),
        dt.date(2026, 1, 2),
        dt.datetime(2026, 1, 2, 3, 4, 5, 6),
        dt.timedelta(-1, 2, 3),
        Tokenizer(lowercase=False),
    ],
    ids=repr,
)
@pytest.mark.parametrize("attached", [True, False])
def test_values_come_back(value, attached):
    attachments = Attachments()
    text = json.dumps(encode(value, "it", attachments if attached else None), allow_nan=False)
    again = decode(json.loads(text), attachments)
    assert type(again) is type(value)
    assert repr(again) == repr(value)


@pytest.mark.parametrize(
    "array",
    [
        np.array([[1.5, math.inf, math.nan]]),
        np.arange(6, dtype=">i4").reshape(2, 3)[:, ::2],
        np.array(7, dtype=np.uint64),
        np.zeros((0, 3), dtype=np.float16),
        np.array(["a", "ö\n"]),
        np.array(["a", "ö"], dtype=np.dtypes.StringDType()),
        np.array([("a", 1), None, 2.5, dt.date(2026, 1, 2), "x"], dtype=object),
        np.array(["2026-01-02T03:04", "NaT"], dtype="M8[m]"),
        np.array([5, -1], dtype=">m8[ns]"),
    ],
    ids=lambda array: f"{array.dtype}",
)
@pytest.mark.parametrize("attached", [True, False])
def test_arrays_come_back(array, attached):
    attachments = Attachments()
    array.flags.writeable = False
    text = json.dumps(encode(array, "it", attachments if attached else None), allow_nan=False)
    again = decode(json.loads(text), attachments)
    assert (again.dtype, again.shape) == (array.dtype, array.shape)
    assert again.flags.writeable
    np.testing.assert_array_equal(again, array)


@pytest.mark.parametrize(
    "value", [Fraction(1, 2), {1, 2}, b"bytes", 1j, object, np.complex64(1), np.longdouble(1)]
)
def test_value_that_json_cannot_carry_is_refused(value):
    with pytest.raises(ValueError, match=r"^it\[0\].* which JSON cannot carry faithfully$"):
        encode([value], "it")


@pytest.mark.parametrize(
    "value",
    [
        {"$float": "1e9"},
        {"$LEAMClassifier": {}},
        {"$Tokenizer": {"lowercase": True}},
        {"$Tokenizer": {"lowercase": 1, "mask_numbers": "x"}},
        {"$tuple": {}},
        {"$tensor": "unknown"},
        {"$array": {"dtype": "V8", "shape": [1], "values": [1]}},
        {"$array": {"dtype": "<i8", "shape": [2], "values": [1]}},
        {"$a": 1, "b": 2},
    ],
    ids=str,
)
def test_json_that_no_value_gives_is_refused(value):
    with pytest.raises((ValueError, TypeError)):
        decode(value, Attachments())


# -- what cannot be saved --------------------------------------------------------------------------


def test_parameters_that_json_cannot_carry_become_their_defaults(tmp_path):
    vectors = {"parcel": np.arange(8, dtype=np.float32)}
    model = without_wide(
        vectors=vectors,
        random_state=np.random.RandomState(0),
        net_params={
            "optimizer": torch.optim.SGD,
            "optimizer__momentum": 0.5,
            "torch_load_kwargs": {},
        },
    ).fit(TEXTS, INDICATOR)
    message = (
        "These parameters cannot be saved as JSON and are reset to their defaults: vectors, "
        "net_params['optimizer'], net_params['optimizer__momentum'], random_state. "
        "Predictions do not depend on them"
    )
    with pytest.warns(UserWarning, match=re.escape(message)) as caught:
        save(model, tmp_path / "model")
    assert caught[0].filename == __file__
    again = load(tmp_path / "model")
    assert again.vectors is None
    assert again.random_state is None
    assert again.net_params == {"torch_load_kwargs": {}}
    assert_same_model(again, model)


def test_path_of_vectors_is_kept(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("parcel 1 2 3 4 5 6 7 8\n", encoding="utf-8")
    model = without_wide(vectors=path).fit(TEXTS, INDICATOR)
    path.unlink()
    save(model, tmp_path / "model")
    assert load(tmp_path / "model").vectors == str(path)
    assert_same_model(load(tmp_path / "model"), model)


def test_tokenizer_of_ones_own_is_refused(tmp_path):
    model = without_wide(tokenizer=str.split).fit(TEXTS, INDICATOR)
    with pytest.raises(ValueError, match=r"its tokenizer .* is code.*lowercase.*joblib\.dump"):
        save(model, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_class_that_json_cannot_carry_is_refused(tmp_path):
    y = frame().set_axis(["a", "b", Fraction(1, 3)], axis=1)
    model = without_wide().fit(TEXTS, y)
    message = r"targets\.label_names\[2\] is Fraction\(1, 3\) \(type Fraction\).*text, numbers or"
    with pytest.raises(ValueError, match=message):
        save(model, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_unfitted_model_is_refused(tmp_path):
    with pytest.raises(NotFittedError):
        save(leam(), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


class Own(LEAMClassifier):
    pass


@pytest.mark.parametrize(
    "thing",
    [
        GridSearchCV(leam(), {}),
        Own(),
        {"a": 1},
        LEAMClassifier,
    ],
    ids=lambda thing: getattr(thing, "__name__", type(thing).__name__),
)
def test_other_objects_are_refused(thing, tmp_path):
    message = r"^save\(\) writes fitted classifiers of sklabelemb.*joblib\.dump.*skops"
    with pytest.raises(TypeError, match=message):
        save(thing, tmp_path / "model")


# -- where it is saved -----------------------------------------------------------------------------


def test_folder_is_made_with_the_usual_permissions(saved, tmp_path):
    (tmp_path / "usual").mkdir()
    (tmp_path / "usual" / "file").write_text("", encoding="utf-8")
    assert saved.stat().st_mode == (tmp_path / "usual").stat().st_mode
    for name in FILES:
        assert (saved / name).stat().st_mode == (tmp_path / "usual" / "file").stat().st_mode


def test_parents_are_made_and_an_empty_folder_is_taken(fitted, tmp_path):
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    save(fitted, folder)
    save(fitted, tmp_path / "c" / "d")
    assert sorted(p.name for p in folder.iterdir()) == ["README.md", *FILES]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "c"]
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["b"]


def test_existing_model_is_replaced_only_on_request(fitted, saved):
    other = without_wide().fit(TEXTS, INDICATOR)
    with pytest.raises(FileExistsError, match=r"holds a saved model already.*overwrite=True"):
        save(other, saved)
    assert_same_model(load(saved), fitted)
    save(other, saved, overwrite=True)
    assert_same_model(load(saved), other)
    assert [p.name for p in saved.parent.iterdir()] == ["model"]


def test_folder_with_other_files_is_never_replaced(fitted, saved):
    (saved / "thesis.tex").write_text("years of work", encoding="utf-8")
    with pytest.raises(FileExistsError, match=r"other things than a saved model \(thesis\.tex\)"):
        save(fitted, saved, overwrite=True)
    assert (saved / "thesis.tex").read_text(encoding="utf-8") == "years of work"
    with pytest.raises(FileExistsError, match="is a file; give the name of a folder"):
        save(fitted, saved / "thesis.tex", overwrite=True)


def test_link_to_a_folder_stays_a_link(fitted, saved, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(saved)
    save(fitted, link, overwrite=True)
    assert link.is_symlink()
    assert_same_model(load(link), fitted)


@pytest.mark.parametrize("exists", [True, False])
def test_failed_save_changes_nothing(fitted, saved, monkeypatch, exists):
    target = saved if exists else saved.with_name("new")

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(OSError, match="No space left"):
        save(fitted, target, overwrite=True)
    assert [p.name for p in saved.parent.iterdir()] == ["model"]
    assert_same_model(load(saved), fitted)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_save_leaves_no_half_written_model(saved, fitted):
    """Two saves, one to a new folder and one over an old model, die after writing the weights."""
    parent = saved.parent
    script = """
        import os, sys, threading, time
        import safetensors.torch
        from sklabelemb import load, save

        folder = sys.argv[1]
        model = load(folder)
        write = safetensors.torch.save_file

        def slow(*args, **kwargs):
            write(*args, **kwargs)
            os.write(1, b"written" + os.linesep.encode())
            time.sleep(600)

        safetensors.torch.save_file = slow
        for target in (folder, folder + "-new"):
            threading.Thread(target=save, args=(model, target), kwargs={"overwrite": True}).start()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), str(saved)], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert [process.stdout.readline().strip() for _ in range(2)] == [b"written"] * 2
        alive = sorted(p.name for p in parent.iterdir())
        assert len(alive) == 3
        # A save that is still going on is not taken for an abandoned one.
        save(fitted, saved, overwrite=True)
        assert sorted(p.name for p in parent.iterdir()) == alive
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (parent / "model-new").exists()
    assert_same_model(load(saved), fitted)
    save(fitted, saved, overwrite=True)
    save(fitted, parent / "model-new")
    assert sorted(p.name for p in parent.iterdir()) == ["model", "model-new"]


def test_model_survives_a_death_between_the_two_renames(saved, fitted):
    aside = saved.with_name(".model.replaced")
    saved.rename(aside)
    assert_same_model(load(saved), fitted)
    save(without_wide().fit(TEXTS, INDICATOR), saved, overwrite=True)
    assert [p.name for p in saved.parent.iterdir()] == ["model"]


def test_model_put_aside_is_not_replaced_unasked(saved, fitted):
    saved.rename(saved.with_name(".model.replaced"))
    with pytest.raises(FileExistsError, match="holds a saved model already"):
        save(without_wide().fit(TEXTS, INDICATOR), saved)
    assert_same_model(load(saved), fitted)


# -- loading ---------------------------------------------------------------------------------------


def test_loading_uses_no_pickle(saved, fitted, monkeypatch):
    def forbidden(*args, **kwargs):
        raise AssertionError("pickle")

    expected = fitted.predict_proba(UNSEEN)
    with monkeypatch.context() as patch:
        for name in ("load", "loads", "Unpickler", "_Unpickler", "_load", "_loads"):
            patch.setattr(pickle, name, forbidden)
        patch.setattr(torch, "load", forbidden)
        patch.setattr(np, "load", forbidden)
        again = load(saved)
    assert_same(again.predict_proba(UNSEEN), expected)


def test_loading_leaves_the_random_state_alone(saved):
    numpy_state, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state()
    load(saved)
    assert np.array_equal(np.random.get_state()[1], numpy_state)
    assert torch.equal(torch.get_rng_state(), torch_state)


def test_loaded_model_does_not_depend_on_its_files(saved, fitted):
    again = load(saved)
    for name in FILES:
        (saved / name).write_bytes(b"\0" * (saved / name).stat().st_size)
    assert_same_model(again, fitted)


def edit(folder, change):
    path = folder / "model.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    change(description)
    # As somebody would who knows of the digest.
    description["digest"] = digest_of(description)
    path.write_text(json.dumps(description), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda d: d["model"]["module"].update(sparse="x"),
            "predict fails with TypeError: embedding",
        ),
        (
            lambda d: d["model"]["iterator_valid"].update(batch_size_=2),
            "predict fails with TypeError: .*'batch_size_'",
        ),
    ],
)
def test_model_that_cannot_predict_is_not_loaded(saved, change, message):
    edit(saved, change)
    with pytest.raises(ValueError, match=rf"do not make a LEAMClassifier: {message}"):
        load(saved)


@pytest.mark.parametrize("device", ["cuda", "cuda:7", "auto"])
def test_model_of_another_machine_runs_on_this_one(saved, fitted, monkeypatch, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    edit(saved, lambda d: d["parameters"].update(device=device))
    again = load(saved)
    assert again.device == "auto"
    assert_same(again.predict_proba(UNSEEN), fitted.predict_proba(UNSEEN))
    assert load(saved, device="cpu").device == "cpu"
    with pytest.raises(ValueError, match=r"^device='cuda', but torch sees no CUDA device here"):
        load(saved, device="cuda")
    with pytest.raises(ValueError, match=r"^device='tpu9' is not known to torch"):
        load(saved, device="tpu9")


@pytest.mark.gpu
def test_model_of_a_gpu_loads_on_the_cpu(tmp_path):
    model = leam(device="cuda").fit(TEXTS, frame())
    save(model, tmp_path / "model")
    state = torch.cuda.get_rng_state()
    assert_same_model(load(tmp_path / "model"), model)
    assert torch.equal(torch.cuda.get_rng_state(), state)
    again = load(tmp_path / "model", device="cpu")
    assert next(again.net_.module_.parameters()).device.type == "cpu"
    proba = again.predict_proba(UNSEEN)
    np.testing.assert_allclose(proba, model.predict_proba(UNSEEN), atol=1e-5)


@pytest.mark.parametrize("name", FILES)
def test_missing_file(saved, name):
    (saved / name).unlink()
    message = f"{saved} holds no complete model: {name} is missing. Give the folder"
    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        load(saved)


def test_missing_folder(saved):
    message = f"There is no folder {saved}x. Give the folder that was given to save()."
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(message)}$"):
        load(f"{saved}x")


@pytest.mark.parametrize("name", FILES[1:])
def test_truncated_or_changed_file(saved, name):
    path = saved / name
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    message = f"{path} is truncated or was changed: it has {len(whole) - 1} bytes instead of"
    with pytest.raises(ValueError, match=re.escape(message)):
        load(saved)
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    message = f"{path} is truncated or was changed: its SHA-256 is not the one in model.json. Copy"
    with pytest.raises(ValueError, match=re.escape(message)):
        load(saved)


@pytest.mark.parametrize("content", [b"", b'{"format": "sklabelemb', b"\xff\xfe", b"[" * 100_000])
def test_truncated_description(saved, content):
    (saved / "model.json").write_bytes(content)
    with pytest.raises(ValueError, match=rf"^{re.escape(str(saved))}.model\.json is not JSON: "):
        load(saved)


@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        ("format", "other", r"model\.json does not describe a sklabelemb model\. Give the folder"),
        ("format_version", 8, r"was written by a newer sklabelemb \(format 8; .*Upgrade: pip"),
        ("format_version", "1", r"has the format_version '1'"),
        ("class", "Popen", r"names the class 'Popen', which this sklabelemb .* does not load"),
        ("class", "sklabelemb.leam.LEAMClassifier", r"names the class .* does not load"),
        ("class", None, r"names the class None"),
        ("files", {}, r"has no checksum of weights\.safetensors\. Copy the whole folder again"),
        ("files", {"../weights.safetensors": {}}, r"has no checksum of weights\.safetensors"),
        ("parameters", None, "The files in .* do not make a LEAMClassifier: "),
        ("parameters", {"colour": "red"}, "this version has no parameter 'colour'"),
        ("parameters", {"max_epochs": -1}, "'max_epochs' parameter of LEAMClassifier must be"),
        ("fitted_parameters", None, "The files in .* do not make a LEAMClassifier: "),
        ("fitted_parameters", {"colour": "red"}, "this version has no parameter 'colour'"),
        ("model", {}, "no entry 'encoder'|nothing in model.json speaks of"),
        ("model", [], "do not make a LEAMClassifier"),
    ],
)
def test_description_of_something_else(saved, entry, value, message):
    edit(saved, lambda description: description.update({entry: value}))
    with pytest.raises(ValueError, match=message):
        load(saved)


@pytest.mark.parametrize("content", ["3", "[]", '"text"', "{}"])
def test_json_of_something_else(saved, content):
    (saved / "model.json").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match="does not describe a sklabelemb model"):
        load(saved)


def task_of(parts):
    return parts["tasks"]["default"]["$Task"]


def no_tasks(parts):
    parts["tasks"] = {}


def another_task(parts):
    parts["tasks"] = {"other": parts["tasks"]["default"]}


def thresholds_of_four(parts):
    four = {"dtype": "<f8", "shape": [4], "values": [0.5] * 4}
    task_of(parts)["thresholds"] = {"$array": four}


def no_thresholds(parts):
    task_of(parts)["thresholds"] = None


def two_label_names(parts):
    targets = task_of(parts)["targets"]["$Targets"]
    targets["label_names"]["$array"].update(shape=[2], values=["a", "b"])


def other_container(parts):
    task_of(parts)["targets"]["$Targets"]["container"] = "list"


def two_label_texts(parts):
    task_of(parts)["label_texts"] = ["a", "b"]


def an_order_of_others(parts):
    task_of(parts)["label_order"] = {"$array": {"dtype": "<i8", "shape": [3], "values": [0, 1, 1]}}


def larger_network(parts):
    parts["module"]["embedding_dim"] = 9


def other_head(parts):
    parts["module"]["head"] = "mlp"


def unknown_argument(parts):
    parts["module"]["colour"] = "red"


def swapped_weights(parts):
    weights = parts["weights"]
    weights["output.weight"], weights["bag.weight"] = weights["bag.weight"], {"$tensor": "x"}


def smaller_table(parts):
    parts["module"]["n_words"] -= 1


def infinite_mixture(parts):
    task_of(parts)["mixture"]["$Mixture"]["deep"] = {"$float": "inf"}


def method_replaced(parts):
    parts["predict"] = 3


def count_as_text(parts):
    parts["best_epoch"] = "3"


def history_of_numbers(parts):
    parts["history"] = [1]


def biases_forgotten(parts):
    linear = task_of(parts)["linear"]["$WidePath"]
    linear["bias"] = linear["weights"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (no_tasks, "there are no tasks"),
        (another_task, r"tasks\['other'\] is not a task of that name"),
        (two_label_texts, "task 'default' has not one text for each of its labels"),
        (an_order_of_others, "label_order is not an order of the 3 labels"),
        (thresholds_of_four, r"thresholds_ has dtype float64 and shape \(4,\) instead of"),
        (no_thresholds, "thresholds_ are for label sets"),
        (two_label_names, "there are not 3 label names"),
        (other_container, "targets_.container is 'list'"),
        (larger_network, r"the network expects \S+ as .*9\)\), not .*8\)\)"),
        (other_head, r"the network expects \S+ as .*, not "),
        (unknown_argument, "unexpected keyword argument 'colour'"),
        (swapped_weights, "x is missing"),
        (smaller_table, r"the vocabulary has \d+ words, the network's table \d+"),
        (infinite_mixture, "the mixture is not finite"),
        (method_replaced, "'predict' is not part of a model"),
        (count_as_text, "best_epoch is a str"),
        (history_of_numbers, "history is not a list of dict"),
        (biases_forgotten, "is missing"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_parts_that_do_not_fit(saved, change, message):
    edit(saved, lambda description: change(description["model"]))
    fault = rf"^The files in {re.escape(str(saved))} do not make a LEAMClassifier: .*{message}"
    with pytest.raises(ValueError, match=f"{fault}.*Copy the whole folder again, or save"):
        load(saved)


def test_weights_of_another_dtype_or_name(saved):
    path = saved / "weights.safetensors"
    right = safetensors.torch.load_file(path)
    right = {name: tensor.clone() for name, tensor in right.items()}
    bias = "weights.output.bias"
    for tensors, message in [
        ({**right, bias: right[bias].double()}, r"expects output\.bias as \(torch\.float32"),
        ({**right, "other": right[bias].clone()}, r"nothing in model\.json speaks of other"),
        ({k: v for k, v in right.items() if k != bias}, r"weights\.output\.bias is missing"),
    ]:
        path.unlink()
        safetensors.torch.save_file(tensors, path)
        checksum = {
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        edit(saved, lambda d, c=checksum: d["files"].update({"weights.safetensors": c}))
        with pytest.raises(ValueError, match=message):
            load(saved)


def test_description_says_what_is_in_the_folder(saved):
    description = json.loads((saved / "model.json").read_text(encoding="utf-8"))
    assert description["format"] == "sklabelemb model"
    assert description["format_version"] == FORMAT_VERSION
    parts = {"tasks", "options", "module", "weights", "batch_size", "iterator_valid"}
    assert description["model"].keys() == parts | {"history", "best_epoch", "encoder"}
    assert description["parameters"]["embedding_dim"] == 8
    assert description["fitted_parameters"] == {}
    assert description["class"] == "LEAMClassifier"
    assert description["versions"].keys() == {"sklabelemb", "torch", "scikit-learn", "numpy"}
    assert description["files"].keys() == set(FILES) - {"model.json"}
    assert str(Path.cwd()) not in (saved / "model.json").read_text(encoding="utf-8")
    assert os.listdir(saved.parent) == ["model"]
