"""What trackers and other formats of models do with the classifiers: docs/deployment.rst."""

from __future__ import annotations

import importlib
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV

from sklabelemb import BinaryRelevance, LEAMClassifier, ThresholdTuner, load, save
from sklabelemb.datasets import load_support_requests

from .needed import needs

# The trackers warn of much that is theirs.
pytestmark = pytest.mark.filterwarnings("default")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "engines"
DATA = load_support_requests()
X, Y = np.array(DATA.data[:120]), DATA.target[:120]
COLUMNS = {"train_loss", "valid_loss", "valid_score"}


def leam(callback=None):
    callbacks = None if callback is None else {"callbacks": [("tracker", callback)]}
    small = {"embedding_dim": 16, "max_epochs": 2, "random_state": 0, "wide": False}
    return LEAMClassifier(net_params=callbacks, label_names=DATA.target_names, **small)


def still_a_model(model, folder, pickled=True):
    """It is pickled with its callback, and saved without."""
    expected = model.predict_proba(X[:5])
    if pickled:
        assert np.array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X[:5]), expected)
    with pytest.warns(UserWarning, match=r"net_params\['callbacks'\]"):
        save(model, folder)
    assert np.array_equal(load(folder).predict_proba(X[:5]), expected)


@needs("tensorboard")
def test_tensorboard(tmp_path):
    from skorch.callbacks import TensorBoard
    from torch.utils.tensorboard import SummaryWriter

    events = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    with SummaryWriter(tmp_path / "runs") as writer:
        model = leam(TensorBoard(writer)).fit(X, Y)
    seen = events.EventAccumulator(str(tmp_path / "runs")).Reload()
    assert {f"Loss/{name}" for name in COLUMNS} <= set(seen.Tags()["scalars"])
    losses = [event.value for event in seen.Scalars("Loss/train_loss")]
    assert losses == pytest.approx([row["train_loss"] for row in model.history_])
    still_a_model(model, tmp_path / "model")


@needs("wandb")
def test_wandb(tmp_path, monkeypatch):
    from skorch.callbacks import WandbLogger

    monkeypatch.setenv("WANDB_SILENT", "true")
    wandb = importlib.import_module("wandb")
    run = wandb.init(dir=tmp_path, mode="offline", project="labels")
    model = leam(WandbLogger(run)).fit(X, Y)
    summary = dict(run.summary)
    run.finish()
    assert set(summary) >= COLUMNS
    assert summary["train_loss"] == pytest.approx(model.history_[-1]["train_loss"])
    # A run does not come back from a pickle.
    with pytest.raises(RuntimeError, match="attach"):
        pickle.loads(pickle.dumps(model))
    still_a_model(model, tmp_path / "model", pickled=False)


@needs("skops")
def test_skops():
    io = importlib.import_module("skops.io")
    tuned = ThresholdTuner(BinaryRelevance(), random_state=0)
    for model, n_types in ((tuned, 4), (leam().set_params(wide=True), 24)):
        data = io.dumps(model.fit(X, Y))
        types = io.get_untrusted_types(data=data)
        assert len(types) == n_types
        back = io.loads(data, trusted=types)
        assert np.array_equal(back.predict(X[:9]), model.predict(X[:9]))


@pytest.fixture
def mlflow(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = importlib.import_module("mlflow")
    found.set_tracking_uri(f"sqlite:///{tmp_path}/runs.db")
    yield found
    found.sklearn.autolog(disable=True)


@needs("mlflow")
def test_mlflow_by_a_callback(mlflow, tmp_path):
    from skorch.callbacks import MlflowLogger

    with mlflow.start_run() as run:
        logger = MlflowLogger(run, mlflow.MlflowClient(), terminate_after_train=False)
        model = leam(logger).fit(X, Y)
        mlflow.log_params(model.get_params())
    kept = mlflow.get_run(run.info.run_id).data
    assert set(kept.metrics) >= COLUMNS
    assert kept.params["embedding_dim"] == "16"
    still_a_model(model, tmp_path / "model")


@needs("mlflow")
def test_mlflow_autolog(mlflow):
    mlflow.sklearn.autolog(log_models=False)
    with mlflow.start_run() as alone:
        leam().fit(X, Y)
    with mlflow.start_run() as searched:
        search = GridSearchCV(leam(), {"window_size": [0, 2]}, cv=2).fit(X, Y)
    # Only scikit-learn's own classes are watched.
    assert mlflow.get_run(alone.info.run_id).data.metrics == {}
    kept = mlflow.get_run(searched.info.run_id).data
    assert kept.metrics["best_cv_score"] == pytest.approx(search.best_score_)
    assert kept.params["best_window_size"] == str(search.best_params_["window_size"])
    mine = f"tags.mlflow.parentRunId = '{searched.info.run_id}'"
    assert len(mlflow.search_runs(filter_string=mine)) == 2


@needs("mlflow")
def test_mlflow_models(mlflow, tmp_path):
    model = BinaryRelevance(label_names=DATA.target_names).fit(X, Y)
    with pytest.raises(mlflow.MlflowException, match="untrusted types"):
        mlflow.sklearn.save_model(model, "refused")
    types = importlib.import_module("skops.io").get_untrusted_types(
        data=importlib.import_module("skops.io").dumps(model)
    )
    mlflow.sklearn.save_model(model, "trusted", skops_trusted_types=types)
    mlflow.sklearn.save_model(model, "pickled", serialization_format="cloudpickle")
    for name in ("trusted", "pickled"):
        back = mlflow.pyfunc.load_model(name)
        assert np.array_equal(back.predict(pd.Series(X[:9])), model.predict(X[:9]))
    save(model, "model")
    mlflow.pyfunc.save_model(
        "named",
        python_model=str(EXAMPLES / "labels_model.py"),
        artifacts={"model": "model"},
        pip_requirements=["sklabelemb"],
    )
    frame = pd.DataFrame({"text": X[:9]})
    named = mlflow.pyfunc.load_model("named").predict(frame)
    assert [tuple(row) for row in named] == model.predict_labels(X[:9])
