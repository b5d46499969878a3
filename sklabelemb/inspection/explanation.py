"""Explanations as data: why a text got its labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sklabelemb.optional import import_optional

__all__ = ["Explanation", "Explanations"]


@dataclass(frozen=True, repr=False)
class Explanation:
    """Explanation of one text: contributions and attention of its words, per label.

    Attributes
    ----------
    text : str
    tokens : list of str, length n_tokens
        As the tokenizer gave them.
    spans : list of (int, int) or None, length n_tokens
        Position of each token in `text`; None if a custom tokenizer changed it beyond recognition.
    label_names : list, length n_labels
    proba : ndarray of shape (n_labels,)
    predicted : bool ndarray of shape (n_labels,)
    attention : ndarray of shape (n_tokens, n_labels), or None
        Share of the attention that each token got, for each label; each column sums to one. None if
        the model has no attention.
    contributions : ndarray of shape (n_tokens, n_labels)
        What each token added to each label's logit (or subtracted, if negative), over all paths of
        the model.
    meaning : ndarray of shape (n_labels,), or None
        What the pretrained encoder's vector of the whole text added to each label's logit; it
        cannot be attributed to single words. None if the model has no such encoder.
    network_weight : ndarray of shape (n_labels,), or None
        The network's weight beside the linear models in each label's logit; None without linear
        models. If it is 0, as may happen with few texts, the network does not contribute to the
        logit, so its `attention` is irrelevant.

    Notes
    -----
    A contribution is in units of the logit, the logarithm of the odds: +0.69 doubles the odds of
    the label, -0.69 halves them. With a linear head contributions are exact: those of all tokens,
    `meaning`, and one constant per label, the same for every text, sum to the logit of
    ``decision_function``. With LEAM's MLP head they are gradient times input. For networks that
    read words in context (MTLE's BiLSTM, the Seq2Seq, LACO) a contribution is how much the logit
    falls without the word (occlusion).

    Attention and contribution differ. Attention is the weight, never below 0, of a token in the
    text's vector. Only the contribution says whether the token spoke for or against the label, and
    includes the paths without attention.

    Contributions explain how *this model* computed its score. How far predictions change without
    the top words was measured: :doc:`/explanations`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.inspection import Explanation
    >>> explanation = Explanation(
    ...     "late parcel",
    ...     ["late", "parcel"],
    ...     [(0, 4), (5, 11)],
    ...     ["delivery"],
    ...     np.array([0.9]),
    ...     np.array([True]),
    ...     np.array([[0.7], [0.3]]),
    ...     np.array([[1.5], [0.5]]),
    ... )
    >>> explanation.top("delivery", 1)
    [('late', 1.5)]
    >>> explanation.predicted_labels()
    ['delivery']
    """

    text: str
    tokens: list[str]
    spans: list[tuple[int, int] | None]
    label_names: list[Any]
    proba: np.ndarray
    predicted: np.ndarray
    attention: np.ndarray | None
    contributions: np.ndarray
    meaning: np.ndarray | None = field(default=None, kw_only=True)
    network_weight: np.ndarray | None = field(default=None, kw_only=True)

    def top(self, label: Any, n: int = 5) -> list[tuple[str, float]]:
        """The `n` tokens with the largest contributions to a label.

        Parameters
        ----------
        label : one of `label_names`
        n : int, default=5

        Returns
        -------
        list of (str, float)
            One entry per token of the text, so a word may occur twice.

        Raises
        ------
        ValueError
            For a label that the model does not have.
        """
        column = self.contributions[:, self._column(label)]
        order = np.argsort(-column, kind="stable")[:n]
        return [(self.tokens[i], float(column[i])) for i in order]

    def predicted_labels(self) -> list[Any]:
        """Names of the predicted labels, the most probable first."""
        order = np.argsort(-self.proba, kind="stable")
        return [self.label_names[k] for k in order if self.predicted[k]]

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{self.label_names[k]} {self.proba[k]:.2f}"
            for k in np.argsort(-self.proba, kind="stable")[:3]
        )
        text = self.text if len(self.text) <= 60 else self.text[:59] + "…"
        return f"<{type(self).__name__} of {text!r}: {shown}>"

    def _column(self, label: Any) -> int:
        try:
            return self.label_names.index(label)
        except ValueError:
            raise ValueError(
                f"The model has no label {label!r}; its labels are {self.label_names[:10]}."
            ) from None

    def _repr_html_(self) -> str:
        from sklabelemb.inspection.highlights import render_highlights

        return render_highlights([self], page=False)


class Explanations(list[Any]):
    """Explanations of several texts: a list that displays itself in a notebook.

    Examples
    --------
    >>> from sklabelemb import LEAMClassifier
    >>> texts = ["my parcel is late", "my refund is due", "parcel late, refund due"] * 10
    >>> y = [[1, 0], [0, 1], [1, 1]] * 10
    >>> model = LEAMClassifier(
    ...     embedding_dim=16, max_epochs=20, label_names=["delivery", "refund"], random_state=0
    ... ).fit(texts, y)
    >>> explanations = model.explain(["where is my late parcel", "due"])
    >>> frame = explanations.to_frame()
    >>> frame.columns.tolist()
    ['text', 'label', 'proba', 'predicted', 'token', 'contribution', 'attention']
    >>> sorted(frame[frame.text == 0].nlargest(2, "contribution").token)
    ['late', 'parcel']
    """

    def to_frame(self, labels: str = "predicted") -> Any:
        """A row for each text, label and token.

        Parameters
        ----------
        labels : {"predicted", "all"}, default="predicted"
            Which labels; for a text without a predicted label, the most probable one.

        Returns
        -------
        pandas.DataFrame
            "text" (its number in the list), "label", "proba", "predicted", "token", "contribution"
            and "attention" (NaN where the model has none).

        Raises
        ------
        ImportError
            When pandas is not installed.
        """
        if labels not in ("predicted", "all"):
            raise ValueError(f'labels must be "predicted" or "all", but got {labels!r}.')
        pd = import_optional("pandas", purpose="A DataFrame")
        rows = []
        for number, e in enumerate(self):
            chosen = np.arange(len(e.proba)) if labels == "all" else np.flatnonzero(e.predicted)
            for k in chosen if len(chosen) else [int(np.argmax(e.proba))]:
                own = (number, e.label_names[k], float(e.proba[k]), bool(e.predicted[k]))
                for i, token in enumerate(e.tokens):
                    attention = np.nan if e.attention is None else float(e.attention[i, k])
                    rows.append((*own, token, float(e.contributions[i, k]), attention))
        columns = ["text", "label", "proba", "predicted", "token", "contribution", "attention"]
        return pd.DataFrame(rows, columns=columns)

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return Explanations(found) if isinstance(index, slice) else found

    def __repr__(self) -> str:
        shown = "\n ".join(repr(e) for e in self[:5])
        more = f"\n ... and {len(self) - 5} more" if len(self) > 5 else ""
        return f"[{shown}{more}]"

    def _repr_html_(self) -> str:
        from sklabelemb.inspection.highlights import render_highlights

        return render_highlights(self, page=False)
