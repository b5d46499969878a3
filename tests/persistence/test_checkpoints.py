"""Interrupted fits go on, and give what they would have given."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import EarlyStopping, LRScheduler

import sklabelemb
from sklabelemb import LEAMClassifier
from sklabelemb.learning import optimizers
from sklabelemb.persistence import checkpoints
from sklabelemb.persistence.values import Attachments, decode

from ..learning.small import CLASSIFIERS, LABELS, TEXTS, UNSEEN

X, Y = TEXTS * 2, np.tile(LABELS, (2, 1))
# Some texts are held out, so that there is a best epoch.
FOUR = {"max_epochs": 4, "validation_fraction": 0.2}


class Epochs:
    """Counts the epochs that a fit begins with; may raise in place of one."""

    def __init__(self, fails_at=None, error=KeyboardInterrupt):
        self.fails_at = fails_at
        self.error = error
        self.begun = 0

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        if context.task_name != "epoch":
            return
        if self.begun == self.fails_at:
            raise self.error
        self.begun += 1

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, **kwargs):
        pass


def fitted(model, *data, **how):
    """The fitted model, and how many epochs it took."""
    epochs = Epochs()
    return model.set_callbacks(epochs).fit(*(data or (X, Y)), **how), epochs.begun


def interrupted(model, after, *data, **how):
    """Begin to fit, and be interrupted after so many epochs."""
    with pytest.raises(KeyboardInterrupt):
        model.set_callbacks(Epochs(after)).fit(*(data or (X, Y)), **how)


def figures(model):
    return [{k: v for k, v in row.items() if k != "dur"} for row in model.history_]


def same(one, other):
    """Whether two fits found the same, to the last bit."""
    ours, theirs = (model.net_.module_.state_dict() for model in (one, other))
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
    assert figures(one) == figures(other)
    assert one.best_epoch_ == other.best_epoch_
    np.testing.assert_array_equal(one.thresholds_, other.thresholds_)
    np.testing.assert_array_equal(one.predict_proba(UNSEEN), other.predict_proba(UNSEEN))
    return True


def folders(root):
    return sorted(path for path in Path(root).iterdir())


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_an_interrupted_fit_gives_the_same_model(tmp_path, name):
    whole, _ = fitted(CLASSIFIERS[name](**FOUR))
    model = CLASSIFIERS[name](**FOUR, checkpoint=tmp_path)
    interrupted(model, 2)
    assert not hasattr(model, "model_")
    again, n_epochs = fitted(CLASSIFIERS[name](**FOUR, checkpoint=tmp_path))
    assert n_epochs == 2
    assert same(again, whole)


@pytest.mark.parametrize("after", [1, 2, 3, 4])
def test_the_epoch_of_the_interruption_does_not_matter(tmp_path, after):
    """With thresholds, mixture and early stopping, and interrupted twice."""
    parameters = {**FOUR, "max_epochs": 8, "patience": 2, "wide": True, "learning_rate": 0.1}
    whole, n_epochs = fitted(CLASSIFIERS["leam"](**parameters))
    assert whole.best_epoch_ < n_epochs < 8
    model = CLASSIFIERS["leam"](**parameters, checkpoint=str(tmp_path))
    interrupted(model, min(after, n_epochs - 1))
    interrupted(model, 0)
    assert same(model.set_callbacks(Epochs()).fit(X, Y), whole)


def test_a_killed_process_loses_its_epoch_only(tmp_path):
    program = f"""
import os, signal, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
import torch
import numpy as np
from learning.small import CLASSIFIERS, LABELS, TEXTS

class Kill:
    n_epochs = 0
    def setup(self, estimator, context): pass
    def teardown(self, estimator, context): pass
    def on_fit_task_end(self, estimator, context, **data): pass
    def on_fit_task_begin(self, estimator, context, **data):
        self.n_epochs += context.task_name == "epoch"
        if self.n_epochs == 3:
            os.kill(os.getpid(), signal.SIGKILL)

torch.set_num_threads(1)
model = CLASSIFIERS["leam"](**{FOUR!r}, checkpoint={str(tmp_path)!r})
model.set_callbacks(Kill()).fit(TEXTS * 2, np.tile(LABELS, (2, 1)))
"""
    killed = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    again, n_epochs = fitted(CLASSIFIERS["leam"](**FOUR, checkpoint=tmp_path))
    assert n_epochs == 2
    assert same(again, CLASSIFIERS["leam"](**FOUR).fit(X, Y))


@pytest.mark.parametrize("step", ["save_file", "write_json", "flush"])
def test_an_epoch_is_kept_whole_or_not_at_all(tmp_path, monkeypatch, step):
    model = CLASSIFIERS["leam"](**FOUR, checkpoint=tmp_path)
    interrupted(model, 2)
    place = checkpoints.safetensors.torch if step == "save_file" else checkpoints
    original = getattr(place, step)

    def half(*args, **kwargs):
        original(*args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(place, step, half)
        with pytest.raises(KeyboardInterrupt):
            model.set_callbacks(Epochs()).fit(X, Y)
    again, n_epochs = fitted(model)
    assert n_epochs == 2
    assert same(again, CLASSIFIERS["leam"](**FOUR).fit(X, Y))
    [folder] = folders(tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoint.json",
        "finished-4.safetensors",
    ]


def test_tables_with_sparse_updates(tmp_path, monkeypatch):
    monkeypatch.setattr(optimizers, "SPARSE_FROM_ELEMENTS", 1)
    model = CLASSIFIERS["leam"](**FOUR, checkpoint=tmp_path)
    whole = clone(model).set_params(checkpoint=None).fit(X, Y)
    assert whole.model_.options["sparse"]
    interrupted(model, 2)
    assert same(fitted(model)[0], whole)


def test_an_encoder_that_is_trained_further(tmp_path):
    from ..laco.literal import write_encoder

    encoder = write_encoder(tmp_path / "encoder")
    model = CLASSIFIERS["laco"](**FOUR, encoder=encoder, checkpoint=tmp_path / "fits")
    whole = clone(model).set_params(checkpoint=None).fit(X, Y)
    interrupted(model, 3)
    again, n_epochs = fitted(model)
    assert n_epochs == 1
    assert same(again, whole)


def test_callbacks_and_optimisers_of_the_user_go_on(tmp_path):
    def model(checkpoint):
        stop = EarlyStopping("train_loss", patience=2, threshold=0.5, threshold_mode="abs")
        slower = LRScheduler("StepLR", step_size=2, gamma=0.5)
        params = {"callbacks": [("stop", stop), ("slower", slower)]}
        params |= {"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9}
        return CLASSIFIERS["leam"](**FOUR | {"max_epochs": 9}, net_params=params).set_params(
            checkpoint=checkpoint
        )

    whole, n_epochs = fitted(model(None))
    assert 2 < n_epochs < 9
    interrupted(same_objects := model(tmp_path), 2)
    # What the callbacks saw in the first fit is nothing that tells them from new ones.
    again, n_more = fitted(same_objects)
    assert n_more == n_epochs - 2
    assert same(again, whole)


def test_a_fit_that_has_ended_is_not_repeated(tmp_path):
    model = CLASSIFIERS["semantic units"](**FOUR, checkpoint=tmp_path, wide=True)
    first, _ = fitted(model)
    second, n_epochs = fitted(clone(model))
    assert n_epochs == 0
    assert same(first, second)
    [folder] = folders(tmp_path)
    [tensors] = folder.glob("*.safetensors")
    names = set(safetensors.torch.load_file(tensors))
    assert names == {f"state.module.{name}" for name in first.net_.module_.state_dict()}


def test_without_a_seed_a_fit_goes_on_as_it_began_and_the_next_is_another(tmp_path):
    model = CLASSIFIERS["leam"](**FOUR, checkpoint=tmp_path).set_params(random_state=None)
    interrupted(model, 2)
    [folder] = folders(tmp_path)
    state = json.loads((folder / "checkpoint.json").read_text())["state"]
    kept = [decode(row["train_loss"], Attachments()) for row in state["history"]]
    again, n_epochs = fitted(model)
    assert n_epochs == 2
    assert [row["train_loss"] for row in figures(again)[:2]] == kept
    assert folders(tmp_path) == []
    another, n_epochs = fitted(model)
    assert n_epochs == 4
    assert figures(another)[0]["train_loss"] != kept[0]


def test_a_random_state_is_recognised_by_where_it_is(tmp_path):
    model = CLASSIFIERS["leam"](**FOUR, checkpoint=tmp_path)
    interrupted(clone(model).set_params(random_state=np.random.RandomState(3)), 2)
    random = np.random.RandomState(3)
    assert fitted(clone(model).set_params(random_state=random))[1] == 2
    random.rand()
    assert fitted(clone(model).set_params(random_state=random))[1] == 4


CHANGES = {
    "texts": lambda: ((["other", *X[1:]], Y), {}, {}),
    "order": lambda: ((X[::-1], Y[::-1]), {}, {}),
    "targets": lambda: ((X, np.vstack([1 - Y[:1], Y[1:]])), {}, {}),
    "weights": lambda: ((X, Y), {"sample_weight": np.arange(1, len(X) + 1)}, {}),
    "validation": lambda: ((X, Y), {"X_val": TEXTS, "y_val": LABELS}, {}),
    "number": lambda: ((X, Y), {}, {"dropout": 0.1}),
    "more epochs": lambda: ((X, Y), {}, {"max_epochs": 5}),
    "names": lambda: ((X, Y), {}, {"label_names": ["a", "b", "c"]}),
    "class weights": lambda: ((X, Y), {}, {"class_weight": [1.0, 2.0, 1.0]}),
    "shrinkage": lambda: ((X, Y), {}, {"threshold_shrinkage": float("inf")}),
    "vectors": lambda: ((X, Y), {}, {"vectors": {"late": np.ones(8)}}),
    "tokenizer": lambda: ((X, Y), {}, {"tokenizer": str.split}),
    "net_params": lambda: ((X, Y), {}, {"net_params": {"optimizer": torch.optim.SGD}}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_other_data_or_parameters_are_another_fit(tmp_path, change):
    data, how, parameters = CHANGES[change]()
    model = CLASSIFIERS["leam"](**FOUR, checkpoint=tmp_path)
    interrupted(model, 1)
    interrupted(clone(model).set_params(**parameters), 1, *data, **how)
    assert len(folders(tmp_path)) == 2
    assert fitted(clone(model).set_params(**parameters), *data, **how)[1] > 2
    assert fitted(model)[1] == 3


def test_what_changes_no_model_makes_no_other_fit(tmp_path):
    model = CLASSIFIERS["leam"](**FOUR, checkpoint=tmp_path)
    interrupted(model, 3)
    one = clone(model).set_params(device="auto", memory=tmp_path / "memory")
    if not torch.cuda.is_available():
        assert fitted(one, np.array(X), Y.tolist())[1] == 1


def test_a_search_has_one_folder_for_all_its_fits(tmp_path):
    grid = {"dropout": [0.1, 0.5]}

    def search(**parameters):
        model = CLASSIFIERS["leam"](max_epochs=2, **parameters)
        return GridSearchCV(model, grid, cv=2, n_jobs=2, scoring="average_precision").fit(
            TEXTS, LABELS
        )

    usual, first = search(), search(checkpoint=tmp_path)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    second = search(checkpoint=tmp_path)
    assert len(folders(tmp_path)) == 5  # two of two folds, and the refit
    # What has ended was not trained again.
    assert written == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    for found in (first, second):
        for name in ("mean_test_score", "std_test_score"):
            np.testing.assert_array_equal(found.cv_results_[name], usual.cv_results_[name])


def test_two_fits_at_once_take_turns(tmp_path):
    counts, models = [], []

    def run():
        model, n_epochs = fitted(CLASSIFIERS["leam"](**FOUR, checkpoint=tmp_path))
        counts.append(n_epochs)
        models.append(model)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if os.name == "posix":
        assert sorted(counts) == [0, 4]
    assert same(*models)


def test_two_fits_without_a_seed_take_turns_as_well(tmp_path):
    """The first removes the folder for which the second waits."""
    counts = []

    def run():
        model = CLASSIFIERS["leam"](**FOUR, checkpoint=tmp_path).set_params(random_state=None)
        counts.append(fitted(model)[1])

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [4, 4, 4]
    assert folders(tmp_path) == []


def damage_json(folder):
    path = folder / "checkpoint.json"
    path.write_text(path.read_text()[:-40])


def change_json(folder):
    path = folder / "checkpoint.json"
    path.write_text(path.read_text().replace('"epochs": 2', '"epochs": 1'))


def damage_tensors(folder):
    path = folder / "epoch-2.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def cut_tensors(folder):
    path = folder / "epoch-2.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def remove_tensors(folder):
    (folder / "epoch-2.safetensors").unlink()


def replace_json(folder):
    (folder / "checkpoint.json").write_text("[]")


@pytest.mark.parametrize(
    "damage",
    [damage_json, change_json, damage_tensors, cut_tensors, remove_tensors, replace_json],
)
def test_a_damaged_checkpoint_is_refused(tmp_path, damage):
    model = CLASSIFIERS["leam"](**FOUR, checkpoint=tmp_path)
    interrupted(model, 2)
    [folder] = folders(tmp_path)
    damage(folder)
    with pytest.raises(ValueError, match=r"is damaged: .*Delete the folder; then the fit begins"):
        model.fit(X, Y)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert fitted(model)[1] == 4


def test_a_folder_under_another_name_is_refused(tmp_path):
    model = CLASSIFIERS["leam"](**FOUR, checkpoint=tmp_path)
    interrupted(model, 1)
    [folder] = folders(tmp_path)
    other = clone(model).set_params(dropout=0.1)
    interrupted(other, 1, X[1:], Y[1:])
    [wanted] = [path for path in folders(tmp_path) if path != folder]
    for path in wanted.iterdir():
        path.unlink()
    wanted.rmdir()
    folder.rename(wanted)
    with pytest.raises(ValueError, match=r"what differs: .*data texts.*parameters dropout") as told:
        other.fit(X[1:], Y[1:])
    assert "epochs" not in str(told.value)


def test_files_that_were_changed_under_the_same_name(tmp_path):
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("late " + " ".join(["1"] * 8) + "\nmoney " + " ".join(["2"] * 8) + "\n")
    model = CLASSIFIERS["leam"](**FOUR, checkpoint=tmp_path / "fits", vectors=str(vectors))
    interrupted(model, 1)
    vectors.write_text("late " + " ".join(["3"] * 8) + "\nmoney " + " ".join(["2"] * 8) + "\n")
    with pytest.raises(ValueError, match=r"began with other weights or other words.*Delete the"):
        model.fit(X, Y)


def test_code_without_a_name_is_refused(tmp_path):
    model = CLASSIFIERS["leam"](**FOUR, checkpoint=tmp_path, tokenizer=lambda text: text.split())
    with pytest.raises(
        ValueError, match=r"checkpoint cannot recognise tokenizer=.*defines by name"
    ):
        model.fit(X, Y)
    assert folders(tmp_path) == []


def test_a_fit_that_is_refused_leaves_no_folder(tmp_path):
    model = CLASSIFIERS["leam"](**FOUR, checkpoint=tmp_path, net_params={"optimizer": "adam"})
    with pytest.raises(TypeError):
        model.fit(X, Y)
    assert folders(tmp_path) == []


def test_warm_start_goes_on_from_the_checkpoint_of_its_own_fit(tmp_path):
    def started(checkpoint):
        model = CLASSIFIERS["leam"](max_epochs=1, warm_start=True)
        return model.fit(X, Y).set_params(**FOUR, checkpoint=checkpoint)

    whole = started(None).fit(X, Y)
    model = started(tmp_path)
    interrupted(model, 2)
    again, n_epochs = fitted(model)
    assert n_epochs == 2
    assert same(again, whole)
    # From where it is now, that is another fit.
    assert fitted(model)[1] == 4
    assert len(folders(tmp_path)) == 2


def test_partial_fit_keeps_nothing(tmp_path):
    CLASSIFIERS["leam"](checkpoint=tmp_path).partial_fit(X, Y)
    assert folders(tmp_path) == []


def test_the_bar_begins_where_the_fit_goes_on(tmp_path, capsys):
    model = CLASSIFIERS["leam"](**FOUR, checkpoint=tmp_path, verbose=1)
    interrupted(model, 2)
    capsys.readouterr()
    model.set_callbacks(Epochs()).fit(X, Y)
    # Four epochs of six batches.
    assert "24/24" in capsys.readouterr().err.split("\r")[-1]


def test_saving_is_as_it_was(tmp_path):
    model = CLASSIFIERS["leam"](checkpoint=tmp_path / "fits").fit(X, Y)
    sklabelemb.save(model, tmp_path / "model")
    again = sklabelemb.load(tmp_path / "model")
    assert again.checkpoint == str(tmp_path / "fits")
    np.testing.assert_array_equal(again.predict_proba(UNSEEN), model.predict_proba(UNSEEN))


def test_what_may_not_be_a_checkpoint(tmp_path):
    with pytest.raises(ValueError, match="The 'checkpoint' parameter"):
        LEAMClassifier(checkpoint=True).fit(X, Y)


@pytest.mark.gpu
def test_a_gpu_goes_on_with_its_random_numbers(tmp_path):
    model = CLASSIFIERS["leam"](**FOUR, checkpoint=tmp_path).set_params(device="cuda")
    whole = clone(model).set_params(checkpoint=None).fit(X, Y)
    interrupted(model, 2)
    again, n_epochs = fitted(model)
    assert n_epochs == 2
    for one, other in zip(figures(again), figures(whole), strict=True):
        assert one["train_loss"] == pytest.approx(other["train_loss"], rel=1e-4)
