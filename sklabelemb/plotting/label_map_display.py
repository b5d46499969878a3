"""Labels and texts in one plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sklabelemb.metrics.checks import check_indicator
from sklabelemb.optional import import_optional
from sklabelemb.plotting.axes import SERIES, axes_for, short
from sklabelemb.plotting.label_places import without_overlap
from sklabelemb.plotting.scored_labels import label_names_for
from sklabelemb.targets import column_names, names_of

__all__ = ["LabelMapDisplay"]

METHODS = ("pca", "tsne", "umap")
# More names than this cannot be read.
MOST_NAMES = 40


class LabelMapDisplay:
    """Map of label embeddings and texts in one plane, by PCA, t-SNE or UMAP.

    Labels close to each other have similar vectors; texts should lie around their labels. Use
    :meth:`from_estimator`, :meth:`from_texts` or :meth:`from_vectors` to make one.

    Parameters
    ----------
    names : list, length n_labels
    label_places : ndarray of shape (n_labels, 2)
    text_places : ndarray of shape (n_texts, 2), default=None
    text_labels : ndarray of int, shape (n_texts,), default=None
        The label that each text is coloured by; -1 for texts without one.
    method : {"pca", "tsne", "umap"}, default="pca"
        The projection that was used.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Notes
    -----
    Vectors are scaled to length one, and labels and texts are each centred; otherwise the
    difference between all texts and all labels would dominate the map.

    A plane shows only part of the distances in a hundred dimensions. PCA preserves large distances,
    t-SNE and UMAP preserve neighbours, so with these two, distances between groups mean nothing. If
    two labels are close, their vectors are similar; it does not follow that one helps to predict
    the other.

    References
    ----------
    G. Wang et al. "Joint Embedding of Words and Labels for Text Classification". ACL 2018,
    Figure 4.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from sklabelemb.plotting import LabelMapDisplay
    >>> labels = np.array([[1.0, 0.1, 0.0], [0.9, 0.2, 0.1], [0.0, 0.0, 1.0]])
    >>> display = LabelMapDisplay.from_vectors(
    ...     labels, label_names=["refund", "returns", "account"], ax=Figure().add_subplot()
    ... )
    >>> near, far = (np.linalg.norm(display.label_places[0] - p) for p in display.label_places[1:])
    >>> print(f"refund to returns {near:.2f}, refund to account {far:.2f}")
    refund to returns 0.16, refund to account 1.41
    """

    ax_: Any
    figure_: Any

    def __init__(
        self,
        *,
        names: list[Any],
        label_places: np.ndarray,
        text_places: np.ndarray | None = None,
        text_labels: np.ndarray | None = None,
        method: str = "pca",
    ) -> None:
        self.names = names
        self.label_places = label_places
        self.text_places = text_places
        self.text_labels = text_labels
        self.method = method

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any = None,
        y: Any = None,
        *,
        method: str = "pca",
        random_state: int | None = 0,
        ax: Any = None,
    ) -> LabelMapDisplay:
        """Draw the label embeddings of a fitted classifier, and texts if it can transform them.

        Parameters
        ----------
        estimator : classifier
            Fitted, with ``label_embeddings_``; with ``transform`` as well for texts, as
            :class:`~sklabelemb.LEAMClassifier` has it.
        X : sequence of str, length n_texts, default=None
        y : indicator of shape (n_texts, n_labels), default=None
            The labels of the texts, for their colours.
        method : {"pca", "tsne", "umap"}, default="pca"
        random_state : int, default=0
            For t-SNE and UMAP.
        ax : matplotlib Axes, default=None

        Returns
        -------
        LabelMapDisplay

        Raises
        ------
        ValueError
            When the classifier has no label embeddings, or no vectors for texts.
        """
        vectors = getattr(estimator, "label_embeddings_", None)
        if vectors is None:
            raise ValueError(
                f"{type(estimator).__name__} has no label_embeddings_. Fit a classifier that "
                "embeds labels, or draw the labels' texts with LabelMapDisplay.from_texts."
            )
        if X is not None and not hasattr(estimator, "transform"):
            raise ValueError(
                f"{type(estimator).__name__} gives texts no vectors (it has no transform). Leave X "
                "out, or draw an encoder's vectors with LabelMapDisplay.from_texts."
            )
        return cls.from_vectors(
            vectors,
            None if X is None else estimator.transform(X),
            y,
            label_names=names_of(estimator),
            method=method,
            random_state=random_state,
            ax=ax,
        )

    @classmethod
    def from_texts(
        cls,
        label_texts: Mapping[Any, str] | Sequence[str],
        X: Any = None,
        y: Any = None,
        *,
        encoder: Any,
        memory: Any = None,
        method: str = "pca",
        random_state: int | None = 0,
        ax: Any = None,
    ) -> LabelMapDisplay:
        """Draw the labels' texts, and other texts, as a pretrained encoder sees them.

        Parameters
        ----------
        label_texts : mapping from label names to str, or sequence of str
            Names or descriptions of the labels; in a sequence, they serve as names too.
        X : sequence of str, length n_texts, default=None
        y : indicator of shape (n_texts, n_labels), default=None
        encoder : str, path or object
            As in :class:`~sklabelemb.LEAMClassifier`.
        memory : path, joblib.Memory or None, default=None
            Folder that caches the vectors.
        method, random_state, ax
            As in :meth:`from_estimator`.

        Returns
        -------
        LabelMapDisplay
        """
        from sklabelemb.encoders import text_encoder, text_vectors

        if not isinstance(label_texts, Mapping):
            label_texts = dict(zip(label_texts, label_texts, strict=True))
        read = text_encoder(encoder)
        vectors = text_vectors(read, list(label_texts.values()), memory=memory)
        return cls.from_vectors(
            vectors,
            None if X is None else text_vectors(read, list(X), memory=memory),
            y,
            label_names=list(label_texts),
            method=method,
            random_state=random_state,
            ax=ax,
        )

    @classmethod
    def from_vectors(
        cls,
        label_vectors: Any,
        text_vectors: Any = None,
        y: Any = None,
        *,
        label_names: Sequence[Any] | None = None,
        method: str = "pca",
        random_state: int | None = 0,
        ax: Any = None,
    ) -> LabelMapDisplay:
        """Draw vectors of labels and of texts.

        Parameters
        ----------
        label_vectors : array-like of shape (n_labels, dim)
        text_vectors : array-like of shape (n_texts, dim), default=None
        y : indicator of shape (n_texts, n_labels), default=None
            A text with several labels has the colour of the rarest of them.
        label_names : sequence, default=None
        method, random_state, ax
            As in :meth:`from_estimator`.

        Returns
        -------
        LabelMapDisplay

        Raises
        ------
        ValueError
            When shapes do not fit together, or `method` is something else.
        """
        if method not in METHODS:
            raise ValueError(f"method must be one of {METHODS}, but got {method!r}.")
        labels = _centred(label_vectors)
        texts = None if text_vectors is None else _centred(text_vectors)
        if texts is not None and texts.shape[1] != labels.shape[1]:
            raise ValueError(
                f"Vectors of labels have {labels.shape[1]} dimensions, those of texts "
                f"{texts.shape[1]}; they must come from the same space."
            )
        names = label_names_for(y, len(labels), label_names)
        together = labels if texts is None else np.concatenate([labels, texts])
        places = _places(together, method, random_state)
        display = cls(
            names=names,
            label_places=places[: len(labels)],
            text_places=None if texts is None else places[len(labels) :],
            text_labels=None if texts is None or y is None else _rarest(y, names, len(texts)),
            method=method,
        )
        return display.plot(ax=ax)

    def plot(self, ax: Any = None) -> LabelMapDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: a new figure.

        Returns
        -------
        LabelMapDisplay
            This object, with `ax_` and `figure_`.
        """
        ax = axes_for(ax, "labels", 7.0, 5.2)
        self.ax_, self.figure_ = ax, ax.figure
        colours = np.array([SERIES[k % len(SERIES)] for k in range(len(self.names))])
        if self.text_places is not None:
            of_text = np.full(len(self.text_places), "#b0b0b0", dtype=object)
            if self.text_labels is not None:
                known = self.text_labels >= 0
                of_text[known] = colours[self.text_labels[known]]
            ax.scatter(
                *self.text_places.T, s=18, c=list(of_text), alpha=0.5, linewidths=0, gid="texts"
            )
        ax.scatter(
            *self.label_places.T,
            s=90,
            c=list(colours),
            marker="*",
            edgecolors="black",
            linewidths=0.7,
            zorder=3,
            gid="labels",
        )
        ax.margins(0.12)
        ax.set(xticks=[], yticks=[])
        ways = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
        ax.set_xlabel(
            f"stars: labels{', dots: texts' if self.text_places is not None else ''} "
            f"({ways[self.method]})"
        )
        for side in ax.spines.values():
            side.set_color("#cccccc")
        if len(self.names) <= MOST_NAMES:
            names = [short(name, 24) for name in self.names]
            without_overlap(ax, names, self.label_places, list(colours))
        return self


def _centred(vectors: Any) -> np.ndarray:
    """Vectors of length one around their mean."""
    values = np.asarray(vectors, dtype=np.float64)
    if values.ndim != 2 or not len(values) or not np.isfinite(values).all():
        raise ValueError(
            "Vectors must be finite numbers of shape (n, dim), with at least one row, but they "
            f"have shape {values.shape}."
        )
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    values = values / np.where(norms > 0, norms, 1)
    centred: np.ndarray = values - values.mean(axis=0)
    return centred


def _places(vectors: np.ndarray, method: str, random_state: int | None) -> np.ndarray:
    """The vectors in two dimensions."""
    if method == "tsne" and len(vectors) > 3:
        from sklearn.manifold import TSNE

        perplexity = min(30.0, (len(vectors) - 1) / 3)
        map_ = TSNE(perplexity=perplexity, init="pca", random_state=random_state)
        return np.asarray(map_.fit_transform(vectors), dtype=np.float64)
    if method == "umap":
        umap = import_optional("umap", purpose="A map by UMAP", distribution="umap-learn")
        map_ = umap.UMAP(random_state=random_state, n_neighbors=min(15, len(vectors) - 1))
        return np.asarray(map_.fit_transform(vectors), dtype=np.float64)
    # The sign of singular vectors is arbitrary; it is set as in scikit-learn.
    u, s, v = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    signs = np.sign(v[np.arange(len(v)), np.abs(v).argmax(axis=1)])
    places = np.zeros((len(vectors), 2))
    n = min(2, len(s))
    places[:, :n] = (u * s * signs)[:, :n]
    return places


def _rarest(y: Any, names: list[Any], n_texts: int) -> np.ndarray:
    """The rarest label of each text; -1 without any."""
    if column_names(y) is not None:
        y = y[names]
    truth = check_indicator(y, "y").toarray() > 0
    if truth.shape != (n_texts, len(names)):
        raise ValueError(
            f"y must have shape ({n_texts}, {len(names)}), a row for each text and a column for "
            f"each label, but it has shape {truth.shape}."
        )
    order = np.argsort(truth.sum(axis=0), kind="stable")
    rarest = order[truth[:, order].argmax(axis=1)]
    return np.where(truth.any(axis=1), rarest, -1)
