"""A search and a tuned threshold on the workers of an engine: search.py loky | dask | ray."""

import contextlib
import sys
import tempfile

import joblib
import numpy as np
from sklearn.model_selection import GridSearchCV, cross_val_score

from sklabelemb import BinaryRelevance, LEAMClassifier, ThresholdTuner
from sklabelemb.datasets import load_support_requests


@contextlib.contextmanager
def workers(engine):
    """Two workers on this machine; on a cluster give ``Client`` or ``ray.init`` its address."""
    if engine == "dask":
        from dask.distributed import Client, LocalCluster

        with (
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster),
            joblib.parallel_config("dask"),
        ):
            yield
    elif engine == "ray":
        import ray
        from ray.util.joblib import register_ray

        register_ray()
        ray.init(num_cpus=2, include_dashboard=False)
        with joblib.parallel_config("ray"):
            yield
    else:
        with joblib.parallel_config("loky"):
            yield


def results(X, y, encoder=None):
    """Scores of a search, of a tuner and of cross-validation, which an engine does not change."""
    small = LEAMClassifier(embedding_dim=16, max_epochs=2, random_state=0)
    search = GridSearchCV(
        small, {"window_size": [0, 2]}, scoring="f1_micro", cv=2, n_jobs=2, error_score="raise"
    )
    tuner = ThresholdTuner(BinaryRelevance(), cv=2, n_jobs=2, random_state=0)
    # A folder or a name is what is sent, and the vectors lie where all workers can read.
    with_encoder = LEAMClassifier(
        encoder=encoder, memory=tempfile.gettempdir(), max_epochs=2, random_state=0
    )
    return {
        "search": search.fit(X, y).cv_results_["mean_test_score"].tolist(),
        "tuner": [tuner.fit(X, y).best_score_, *tuner.thresholds_.tolist()],
        "folds": cross_val_score(
            with_encoder, X, y, scoring="f1_micro", cv=2, n_jobs=2, error_score="raise"
        ).tolist(),
    }


if __name__ == "__main__":
    data = load_support_requests()
    with workers(sys.argv[1]):
        found = results(data.data[:150], data.target[:150])
    print({name: np.round(scores, 4).tolist() for name, scores in found.items()})
