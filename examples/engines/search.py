"""A search and a tuned threshold on the workers of an engine: search.py loky | dask | ray."""

import contextlib
import sys

import joblib
import numpy as np
from sklearn.model_selection import GridSearchCV, cross_val_score

from sklabelemb import BinaryRelevance, LEAMClassifier, ThresholdTuner
from sklabelemb.datasets import load_support_requests
from sklabelemb.metrics import SCORERS


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


def results(X, y, encoder=None, memory=None):
    """Scores of a search, of a tuner and of cross-validation, which an engine does not change."""
    small = LEAMClassifier(embedding_dim=16, max_epochs=3, wide=False, random_state=0)
    scoring = SCORERS["roc_auc_micro"]
    search = GridSearchCV(small, {"window_size": [0, 2]}, scoring=scoring, cv=2, n_jobs=2)
    tuner = ThresholdTuner(BinaryRelevance(), cv=2, n_jobs=2, random_state=0)
    # A name or a folder is what is sent; memory is a folder that all workers can write to.
    model = LEAMClassifier(encoder=encoder, memory=memory, max_epochs=2, random_state=0)
    return {
        "search": search.fit(X, y).cv_results_["mean_test_score"].tolist(),
        "tuner": [tuner.fit(X, y).best_score_, *tuner.thresholds_.tolist()],
        "folds": cross_val_score(model, X, y, scoring=scoring, cv=2, n_jobs=2).tolist(),
    }


if __name__ == "__main__":
    data = load_support_requests()
    with workers(sys.argv[1]):
        found = results(data.data[:150], data.target[:150])
    print({name: np.round(scores, 3).tolist() for name, scores in found.items()})
