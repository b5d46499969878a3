"""How well do one label tree and several find frequent, few and unseen labels of EURLEX57K?

The groups are those of Chalkidis et al. (2019): labels of more than 50 training texts, of 1 to 50,
and of none. RP@5 and F1 count the labels of a group alone; thresholds are the tree's own, chosen on
dev (``threshold="tuned"``, and "macro" in the last column). Written to
``results/label_groups.json`` and ``label_groups.rst``.

    python benchmarks/label_groups.py
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import many_labels
import numpy as np
import scipy.sparse as sp
from measure import machine, parser, report

from sklabelemb.decision import decide, tuned_thresholds
from sklabelemb.learning.settings import SHRINKAGES
from sklabelemb.metrics import multilabel_report, r_precision_at_k

GROUPS = {"all": (0, np.inf), "frequent": (51, np.inf), "few": (1, 50), "unseen": (0, 0)}
HEADER = ["features", "trees", "labels", "how many"]
HEADER += ["RP@5", "micro-F1", "macro-F1", "macro, macro-F1"]


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """A row for each group, from the scores that a tree left in a folder."""
    y = {name: sp.load_npz(folder / f"y_{name}.npz") for name in many_labels.SPLITS}
    dev, test = (sp.load_npz(folder / f"scores_{name}.npz") for name in ("dev", "test"))
    decided = {}
    for measure in ("tuned", "macro"):
        thresholds = tuned_thresholds(y["dev"], dev, SHRINKAGES[measure], measure)
        decided[measure] = sp.csc_matrix(decide(test, thresholds))
    counts = np.asarray(y["train"].sum(axis=0)).ravel()
    truth, scores = sp.csc_matrix(y["test"]), sp.csc_matrix(test)
    occurs = np.asarray(y["test"].sum(axis=0)).ravel() > 0
    rows = []
    for name, (fewest, most) in GROUPS.items():
        own = np.flatnonzero((counts >= fewest) & (counts <= most) & (occurs | (name == "all")))
        texts = np.flatnonzero(np.asarray(truth[:, own].sum(axis=1)).ravel() > 0)
        part = sp.csr_matrix(truth[:, own])
        found = [
            multilabel_report(part, sp.csr_matrix(decided[m][:, own])).averages for m in decided
        ]
        ranked = r_precision_at_k(part[texts], sp.csr_matrix(scores[:, own])[texts], k=5)
        values = [ranked, found[0]["micro"]["f1"], found[0]["macro"]["f1"], found[1]["macro"]["f1"]]
        figures = [round(float(value), 4) for value in values]
        rows.append(dict(zip(HEADER[2:], [name, len(own), *figures], strict=True)))
    return rows


def main() -> None:
    """Fit the trees, and write the table."""
    asked = parser(__doc__)
    asked.add_argument("--features", nargs="+", choices=many_labels.FEATURES, default=["words"])
    asked.add_argument("--trees", nargs="+", type=int, default=[1, 3])
    asked.add_argument("--train", type=int, default=None, help="only this many training texts")
    given = asked.parse_args()
    rows = []
    for features in given.features:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            many_labels.prepare(folder, given.data, features, given.train)
            for n_trees in given.trees:
                fit = many_labels.of_tree(folder, {"n_trees": n_trees})[0]["fit"]
                for row in rows_of(folder):
                    rows.append({"features": features, "trees": n_trees, **row, "fit": fit})
                    print(json.dumps(rows[-1]), flush=True)
    header = [*HEADER, "fit"]
    table = [[row[column] for column in header] for row in rows]
    question = "Which labels does a label tree find, and do more trees find more?"
    notes = ["Labels that no test text has are left out of the groups; seconds of the processor."]
    report("label_groups", question, machine(1), header, table, {"rows": rows}, given, notes)


if __name__ == "__main__":
    main()
