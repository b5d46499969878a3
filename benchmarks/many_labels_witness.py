"""The label tree of LibMultiLabel on features and labels that another process prepared.

It runs in an environment of its own, in which ``libmultilabel`` is installed; see
``many_labels.py``, which calls it.

    python benchmarks/many_labels_witness.py FOLDER
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

# As its authors train it: L2-regularised squared hinge loss, with a bias.
OPTIONS = "-s 1 -c 1 -B 1 -q"
# Labels of each text that are kept, as many as the other tree has.
N_CANDIDATES = 100
BLOCK = 256


def scores_of(model: Any, X: sp.csr_matrix) -> sp.csr_matrix:
    """The best scores of each text; they are products of exponentials, and positive."""
    from libmultilabel import linear

    blocks = []
    for start in range(0, X.shape[0], BLOCK):
        scores = linear.predict_values(model, X[start : start + BLOCK])
        top = np.argpartition(-scores, N_CANDIDATES, axis=1)[:, :N_CANDIDATES]
        values = np.take_along_axis(scores, top, axis=1)
        indptr = np.arange(len(scores) + 1) * N_CANDIDATES
        # The path's score: not stored is what the beam has not reached.
        block = sp.csr_matrix((values.ravel(), top.ravel(), indptr), shape=scores.shape)
        block.eliminate_zeros()
        blocks.append(block)
    return sp.vstack(blocks, format="csr")


def main() -> None:
    """Train, predict, and leave scores and costs in the folder."""
    from libmultilabel import linear

    folder = Path(sys.argv[1])
    features = {name: sp.load_npz(folder / f"{name}.npz") for name in ("train", "dev", "test")}
    y = sp.load_npz(folder / "y_train.npz").astype(np.float64)
    train = features["train"].astype(np.float64)
    start = time.process_time()
    model = linear.train_tree(y, train, OPTIONS, verbose=False)
    fitted = time.process_time()
    for name in ("dev", "test"):
        sp.save_npz(folder / f"scores_{name}.npz", scores_of(model, features[name]))
    weights = model.flat_model.weights
    size = (
        weights.data.nbytes + weights.indices.nbytes + weights.indptr.nbytes
        if sp.issparse(weights)
        else weights.nbytes
    )
    costs = {
        "fit": round(fitted - start, 1),
        "predict": round(time.process_time() - fitted, 1),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "model_mb": round(size / 1e6),
    }
    folder.joinpath("costs.json").write_text(json.dumps(costs))


if __name__ == "__main__":
    main()
