"""The candidates of the search, the cheap ones first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sklearn.svm import LinearSVC

from sklabelemb.baselines import BinaryRelevance
from sklabelemb.leam import LEAMClassifier
from sklabelemb.meta import ThresholdTuner
from sklabelemb.mtle import MTLEClassifier
from sklabelemb.tree import LabelTreeClassifier

__all__ = ["MANY_LABELS", "Contender", "contenders"]

# From here on a label tree is worth a try.
MANY_LABELS = 100


@dataclass(frozen=True)
class Contender:
    """A classifier that may be tried.

    Attributes
    ----------
    name : str
    estimator : classifier
        Not fitted.
    cost : float
        Cost of a fit relative to the first candidate; a rough guess until it is measured.
    """

    name: str
    estimator: Any
    cost: float = 1.0

    @property
    def kind(self) -> str:
        """Contenders of one kind differ in their parameters only."""
        inner = getattr(self.estimator, "estimator", self.estimator)
        with_encoder = getattr(inner, "encoder", None) is not None
        return f"{type(inner).__name__}{' + encoder' if with_encoder else ''}"


def contenders(
    multilabel: bool,
    n_labels: int,
    *,
    label_names: Any,
    label_texts: Any,
    encoder: Any,
    memory: Any,
    random_state: int,
) -> tuple[list[Contender], list[tuple[str, str]]]:
    """The candidates, the cheap ones first, and the classifiers left out, with reasons."""
    texts = {} if label_texts is None else {"label_texts": label_texts}
    neural: dict[str, Any] = {
        "label_names": label_names,
        "random_state": random_state,
        **texts,
    }

    def linear(**options: Any) -> Any:
        baseline = BinaryRelevance(label_names=label_names, **options)
        return ThresholdTuner(baseline, random_state=random_state) if multilabel else baseline

    found = [
        Contender("linear", linear()),
        Contender("linear, C=0.2", linear(classifier=LinearSVC(C=0.2, random_state=0))),
    ]
    left_out = []
    if multilabel and n_labels > MANY_LABELS:
        found.append(Contender("label tree", LabelTreeClassifier(**neural)))
    else:
        why = f"for more than {MANY_LABELS} labels" if multilabel else "for label sets"
        left_out.append(("label tree", why))
    found += [
        Contender("LEAM", LEAMClassifier(**neural), 4),
        Contender("LEAM, r=0", LEAMClassifier(window_size=0, **neural), 4),
    ]
    if encoder is None:
        left_out += [
            (name, "no encoder= was given") for name in ("LEAM + encoder", "MTLE + encoder")
        ]
    else:
        neural |= {"encoder": encoder, "memory": memory}
        found += [
            Contender("LEAM + encoder", LEAMClassifier(**neural), 20),
            Contender("MTLE + encoder", MTLEClassifier(**neural), 20),
        ]
    others = "SemanticUnitSeq2Seq, LACO, DocumentClassifier"
    left_out.append((others, "take long; pass them in estimators="))
    return found, left_out
