"""Explanations of a joint encoder: words for each label, and attention among labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sklabelemb.inspection.explanation import Explanation

__all__ = ["JointExplanation"]


@dataclass(frozen=True, repr=False)
class JointExplanation(Explanation):
    """An `Explanation` with the attention among labels.

    Attributes
    ----------
    affinity : ndarray of shape (n_labels, n_labels), or None
        Row i: how the encoder, computing the state of label i in this document, divided its
        attention among the labels, itself included; the mean over heads and layers. Each row sums
        to one. Labels that were read in different blocks did not see each other: 0. Without joint
        embedding None, except with ``head="reasoner"``: the weights of the labels in the last
        round, the same in all rows.

    Notes
    -----
    `contributions` are how much the network's logit falls without the word, plus the word's share
    in the wide path. `attention` is the cross attention before the maximum over the labels, of a
    word the mean of its pieces, scaled so that each label's column sums to one; it does not name
    the words that carry a label (:doc:`/explanations`).

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.inspection import JointExplanation
    >>> explanation = JointExplanation(
    ...     "late parcel",
    ...     ["late", "parcel"],
    ...     [(0, 4), (5, 11)],
    ...     ["delivery", "refund"],
    ...     np.array([0.9, 0.2]),
    ...     np.array([True, False]),
    ...     np.array([[0.7, 0.5], [0.3, 0.5]]),
    ...     np.array([[1.5, 0.1], [0.5, 0.0]]),
    ...     np.array([[0.6, 0.4], [0.7, 0.3]]),
    ... )
    >>> explanation.read_beside("refund")
    [('delivery', 0.7)]
    """

    affinity: np.ndarray | None = None

    def read_beside(self, label: Any, n: int = 5) -> list[tuple[Any, float]]:
        """The `n` other labels with most of the encoder's attention for a label, and their shares.

        Parameters
        ----------
        label : one of `label_names`
        n : int, default=5

        Returns
        -------
        list of (label, float)

        Raises
        ------
        ValueError
            For a label that the model does not have, or without joint embedding.
        """
        row = self._column(label)
        if self.affinity is None:
            raise ValueError(
                "Without joint embedding the encoder does not read the labels. Fit with "
                "joint_embedding=True."
            )
        order = [int(k) for k in np.argsort(-self.affinity[row], kind="stable") if k != row]
        return [(self.label_names[k], float(self.affinity[row, k])) for k in order[:n]]

    def _repr_html_(self) -> str:
        from sklabelemb.inspection.label_tables import render_label_tables

        return render_label_tables([self], page=False)
