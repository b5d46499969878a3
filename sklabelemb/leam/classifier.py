"""LEAM as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin

from sklabelemb.base import ENCODERS, MEMORY, VECTORS, LabelEmbeddingClassifier
from sklabelemb.inspection.explanation import Explanation
from sklabelemb.leam.recipe import LEAMRecipe
from sklabelemb.new_labels import AddsLabels
from sklabelemb.sklearn_internals import Interval, StrOptions
from sklabelemb.text import check_documents

__all__ = ["PAPER_SETTINGS", "LEAMClassifier"]

PAPER_SETTINGS: dict[str, Any] = {
    "embedding_dim": 300,
    "window_size": 50,
    "compatibility": "phrase",
    "phrase_filter": "shared",
    "attention": "shared",
    "attention_scale": 1.0,
    "head": "linear",
    "bag": False,
    "wide": False,
    "label_penalty": 1.0,
    "dropout": 0.0,
    "word_dropout": 0.0,
    "head_dropout": 0.5,
    "learning_rate": 1e-3,
    "warmup": 0.0,
    "batch_size": 100,
    "max_epochs": 50,
    "threshold": 0.5,
    "min_labels": 0,
    "min_df": 1,
}
"""Parameters of the paper's own model: ``LEAMClassifier(**PAPER_SETTINGS)``."""


class LEAMClassifier(
    AddsLabels, ClassNamePrefixFeaturesOutMixin, TransformerMixin, LabelEmbeddingClassifier
):
    """Multi-label text classifier with label-embedding attention (LEAM).

    Words and labels are embedded in one space. The better a phrase of the text matches a label, the
    more its words count for that label. By default each label has its own attention and a linear
    unit. Two additions improve the results: a bag path (a linear function of the sum of the word
    vectors) and a wide path (a linear model over TF-IDF n-grams, trained with its own loss).
    ``LEAMClassifier(**PAPER_SETTINGS)`` is the model of the paper.

    Parameters
    ----------
    window_size : int, default=2
        The paper's r: a phrase is a word with `window_size` neighbours on each side, ``2 r + 1``
        words in all. Small windows measured best; the paper used about 50.
    embedding_dim : int, default=300
        Dimensions of word and label vectors (the paper's 300).
    compatibility : {"phrase", "linear", "uniform"}, default="phrase"
        What the attention is computed from: phrases (equations 3 and 4), single words ("LEAM
        (linear)"), or nothing (all words have the same weight: the baseline SWEM).
    phrase_filter : {"shared", "full"}, default="shared"
        One filter of ``2 r + 1`` weights for all labels, as in the paper; or a convolution that
        mixes labels, as in the released code: ``n_labels ** 2`` weights per word of the window.
    attention : {"shared", "label_wise"}, default="label_wise"
        One weight per word (the paper), or one per word and label, each label having its own
        document vector.
    attention_scale : float or "learned", default="learned"
        Factor on the compatibilities before the softmax; 1.0 in the paper. They lie between -1 and
        1, so at 1.0 label-wise attention stays close to uniform; learning the factor raised
        micro-F1 by two points on two corpora.
    head : {"linear", "mlp"}, default="linear"
        What turns document vectors into logits: one linear layer (the paper) or one hidden layer
        (the released code).
    head_size : int, default=300
        Hidden units of the MLP head.
    bag : bool, default=True
        Whether to add a linear function of the sum of the word vectors over the square root of
        their number.
    wide : bool, default=True
        Whether to train a linear model (TF-IDF of words, word pairs, character n-grams) beside the
        network. Their scores are mixed by a small regression on the validation split, which also
        calibrates the probabilities.
    label_penalty : float, default=0.0
        Weight of equation (9), by which the head must tell labels from their own embeddings; 1 in
        the paper. It changes accuracy little, and may move related labels apart.
    label_names : sequence or None, default=None
        Names of the labels if `y` is an array or a sparse matrix, in the order of its columns: the
        ``classes_`` of a ``MultiLabelBinarizer``. Used in predictions, reports and messages, by
        "auto" of `label_texts`, and to match the columns of later DataFrames. For 1-D classes:
        names to show, in the order of the sorted classes or by integer code.
    label_texts : dict, sequence of str, "auto" or None, default="auto"
        A name or description per label, by label name or in the order of the labels. The label's
        embedding starts as the mean of its words' vectors, and for the linear models the text is an
        additional sample of its label. "auto": the label names, where they are strings (classes, or
        columns of a DataFrame). Use None if names mean nothing.
    vectors : path, pair, mapping, KeyedVectors or None, default=None
        Pretrained word vectors, see :func:`sklabelemb.text.load_vectors`; of `embedding_dim`
        dimensions or fewer: further dimensions start at random. Vectors of words that the training
        texts lack are not kept.
    encoder : str, path, object or None, default=None
        A pretrained encoder that embeds each text beside the network and is not fine-tuned: a
        transformer, given by its folder or its name on the Hub (``name@revision`` pins a version),
        a static model of `model2vec`, or an object with ``encode(texts)`` or ``transform(texts)``,
        such as a `SentenceTransformer`. It helps most with few texts per label, because it knows
        what words mean, including those of `label_texts`. See :ref:`the user guide <encoders>`.
    memory : path, joblib.Memory or None, default=None
        Folder that caches what candidates of a search share: the encoder's vectors, so that each
        text is embedded only once, and the linear model (`wide`), which the parameters of the
        network do not change. None: every fit recomputes both. The linear models are kept by
        ``joblib``, which loads pickles: use a folder that only you can write to.
    dropout : float, default=0.5
        On the dimensions of word vectors.
    word_dropout : float, default=0.5
        Probability of dropping a word from a training text.
    head_dropout : float, default=0.0
        On document vectors and hidden units; 0.5 in the paper.
    tokenizer : callable, default=None
        ``tokenizer(text) -> list of str``. None: :class:`sklabelemb.text.Tokenizer` with the next
        two options.
    lowercase : bool, default=True
    mask_numbers : bool, default=False
        Whether all numbers become one token ``#``.
    max_features : int, default=None
        Keep only the most frequent words.
    min_df : int or float, default=2
        Ignore words that occur in fewer texts. With fewer than 100 texts, or fewer than 16 with the
        median label, 2 counts as 1. Ignored words train the vector of unknown words.
    max_length : int, default=None
        Read only the first tokens of each text; None: all of them.
    class_weight : dict, sequence of float, "balanced" or None, default=None
        Weights of the classes; for label sets, of the positives of each label: by name, or in the
        order of the labels.
    threshold : float, sequence of float, dict, "tuned", "micro" or "macro", default="tuned"
        Probability from which a label is predicted: one number, one per label (a dict by label
        name; 0.5 for labels that it leaves out), or tuned on the validation split: for micro- and
        macro-F1 together ("tuned"), for micro-F1 alone, or for macro-F1, where rare labels count
        as much as frequent ones; see :func:`sklabelemb.decision.tuned_thresholds`. Label sets only.
    threshold_shrinkage : float or "auto", default="auto"
        For tuned thresholds: with this many positives in the validation split, a label's threshold
        lies halfway between the one that is best for all labels and the one best for itself.
        "auto": 400, and 5 for "macro".
    min_labels : int or "auto", default="auto"
        Smallest number of labels to predict per text. "auto": the smallest number in the training
        texts: if each of them has a label, predicting none is certainly wrong.
    max_epochs : int or "auto", default="auto"
        "auto": enough for 2,000 steps, between 5 and 12; if 5 epochs exceed 10,000 steps, fewer,
        down to 2.
    batch_size : int or "auto", default="auto"
        Texts per batch. "auto": 100 as in the paper, or fewer (down to 16), so that an epoch has 40
        batches: on 500 texts, batches of 100 are too few steps to learn anything.
    learning_rate : float, default=5e-3
        Peak of Adam's step size; it rises linearly and then falls linearly to zero.
    warmup : float, default=0.1
        Share of the steps during which the step size rises.
    weight_decay : float, default=0.0
        Decoupled weight decay, applied to everything except a sparsely updated word table.
    validation_fraction : float, default=0.1
        Share of the training texts, iteratively stratified, on which the best epoch, the mixture
        and the thresholds are chosen. If that is fewer than ten texts, none are held out, all
        epochs are run and the thresholds are 0.5. Pass `X_val` and `y_val` to `fit` to use your own
        validation set instead.
    patience : int or None, default=4
        Epochs without improvement before training stops; the best epoch's weights are kept. None
        runs all epochs and keeps the last.
    device : str, default="auto"
        "cpu", "cuda", "cuda:1"; "auto" takes a GPU if there is one.
    mixed_precision : bool, default=False
        Whether to train in bfloat16: for GPUs, and for LSTMs on CPUs that have instructions for it
        (1.3 times as fast on one with AVX-512 BF16). Predictions are computed in float32.
    warm_start : bool, default=False
        Whether the next fit starts from the current weights.
    checkpoint : path or None, default=None
        Folder that lets an interrupted fit resume: `fit` with the same data and parameters
        continues after the last complete epoch and gives the same model, bit for bit on a CPU. Each
        fit has its own subfolder, so all fits of a search can share one. See :ref:`the user guide
        <checkpoints>`.
    random_state : int, RandomState or None, default=None
        With an integer, the same data give the same model, bit for bit on a CPU.
    verbose : int, default=0
        1 shows a progress bar.
    net_params : dict, default=None
        Further arguments of the skorch net, such as ``callbacks`` or ``optimizer``.

    Attributes
    ----------
    classes_ : ndarray
        Single-label: the classes. Multi-label: one ``[0, 1]`` per label, shape ``(n_labels, 2)``.
    label_names_ : ndarray of shape (n_labels,)
    label_embeddings_ : ndarray of shape (n_labels, embedding_dim)
    thresholds_ : ndarray of shape (n_labels,), or None for single classes
    min_labels_ : int
    vocabulary_ : Vocabulary
    net_ : TextNet
        The fitted skorch net; ``net_.module_`` is the torch module.
    wide_ : WidePath or None
    encoder_path_ : EncoderPath or None
        The linear model over the encoder's vectors.
    mixture_ : Mixture
        Weights of network, wide path and encoder path.
    history_ : list of dict
        Losses, validation score and seconds of every epoch.
    n_iter_ : int
        Epochs run.
    best_epoch_ : int
        The epoch whose weights were kept, counted from 1.

    See Also
    --------
    BinaryRelevance : One linear model per label, the baseline.

    Notes
    -----
    The page "How the defaults were chosen" of the documentation gives the reason for each default.

    References
    ----------
    Wang, G., Li, C., Wang, W., Zhang, Y., Shen, D., Zhang, X., Henao, R. and Carin, L. (2018).
    Joint Embedding of Words and Labels for Text Classification. ACL.

    Examples
    --------
    >>> from sklabelemb import LEAMClassifier
    >>> texts = ["my parcel is late", "my refund is due", "parcel late, refund due"] * 10
    >>> y = [[1, 0], [0, 1], [1, 1]] * 10
    >>> model = LEAMClassifier(embedding_dim=16, max_epochs=20, random_state=0).fit(texts, y)
    >>> model.predict(["is my parcel late"])
    array([[1, 0]])
    >>> [token for token, _ in model.explain(["is my parcel late"])[0].top(0, n=2)]
    ['parcel', 'late']
    """

    _recipe = LEAMRecipe
    _parameter_constraints: dict[str, Any] = {
        **LabelEmbeddingClassifier._parameter_constraints,
        "embedding_dim": [Interval(Integral, 1, None, closed="left")],
        "window_size": [Interval(Integral, 0, None, closed="left")],
        "compatibility": [StrOptions({"phrase", "linear", "uniform"})],
        "phrase_filter": [StrOptions({"shared", "full"})],
        "attention": [StrOptions({"shared", "label_wise"})],
        "attention_scale": [Interval(Real, 0, None, closed="neither"), StrOptions({"learned"})],
        "head": [StrOptions({"linear", "mlp"})],
        "head_size": [Interval(Integral, 1, None, closed="left")],
        "bag": ["boolean"],
        "wide": ["boolean"],
        "label_penalty": [Interval(Real, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "word_dropout": [Interval(Real, 0, 1, closed="left")],
        "head_dropout": [Interval(Real, 0, 1, closed="left")],
        "vectors": VECTORS,
        "encoder": ENCODERS,
        "memory": MEMORY,
    }

    def __init__(
        self,
        *,
        window_size: int = 2,
        embedding_dim: int = 300,
        compatibility: str = "phrase",
        phrase_filter: str = "shared",
        attention: str = "label_wise",
        attention_scale: float | str = "learned",
        head: str = "linear",
        head_size: int = 300,
        bag: bool = True,
        wide: bool = True,
        label_penalty: float = 0.0,
        label_names: Sequence[Any] | None = None,
        label_texts: Mapping[Any, str] | Sequence[str] | str | None = "auto",
        vectors: Any = None,
        encoder: Any = None,
        memory: Any = None,
        dropout: float = 0.5,
        word_dropout: float = 0.5,
        head_dropout: float = 0.0,
        tokenizer: Callable[[str], Sequence[str]] | None = None,
        lowercase: bool = True,
        mask_numbers: bool = False,
        max_features: int | None = None,
        min_df: float = 2,
        max_length: int | None = None,
        class_weight: Mapping[Any, float] | str | None = None,
        threshold: float | Sequence[float] | Mapping[Any, float] | str = "tuned",
        threshold_shrinkage: float | str = "auto",
        min_labels: int | str = "auto",
        max_epochs: int | str = "auto",
        batch_size: int | str = "auto",
        learning_rate: float = 5e-3,
        warmup: float = 0.1,
        weight_decay: float = 0.0,
        validation_fraction: float = 0.1,
        patience: int | None = 4,
        device: str = "auto",
        mixed_precision: bool = False,
        warm_start: bool = False,
        checkpoint: Any = None,
        random_state: Any = None,
        verbose: int | bool = 0,
        net_params: dict[str, Any] | None = None,
    ) -> None:
        self.window_size = window_size
        self.embedding_dim = embedding_dim
        self.compatibility = compatibility
        self.phrase_filter = phrase_filter
        self.attention = attention
        self.attention_scale = attention_scale
        self.head = head
        self.head_size = head_size
        self.bag = bag
        self.wide = wide
        self.label_penalty = label_penalty
        self.label_names = label_names
        self.label_texts = label_texts
        self.vectors = vectors
        self.encoder = encoder
        self.memory = memory
        self.dropout = dropout
        self.word_dropout = word_dropout
        self.head_dropout = head_dropout
        self.tokenizer = tokenizer
        self.lowercase = lowercase
        self.mask_numbers = mask_numbers
        self.max_features = max_features
        self.min_df = min_df
        self.max_length = max_length
        self.class_weight = class_weight
        self.threshold = threshold
        self.threshold_shrinkage = threshold_shrinkage
        self.min_labels = min_labels
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.warmup = warmup
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.device = device
        self.mixed_precision = mixed_precision
        self.warm_start = warm_start
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose
        self.net_params = net_params

    # -- what the model saw ----------------------------------------------------------------------

    @property
    def label_embeddings_(self) -> np.ndarray:
        """Vectors of the labels in the space of the words, shape ``(n_labels, embedding_dim)``."""
        embedding = self.net_.module_.label_embedding
        if embedding is None:
            raise AttributeError(
                "With compatibility='uniform' and label_penalty=0 the labels have no embeddings."
            )
        return embedding.detach().cpu().numpy().copy()

    @property
    def _n_features_out(self) -> int:
        return int(self.net_.module_.embedding.embedding_dim)

    def transform(self, X: Any) -> np.ndarray:
        """Transform texts into document vectors (z of equation 6).

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)

        Returns
        -------
        float32 ndarray of shape (n_samples, embedding_dim)
            With label-wise attention, the mean of the labels' z, weighted by the network's
            probabilities of the labels. An empty text has the zero vector.
        """
        return self._answers().readout.vectors(check_documents(X), self.model_.own_task)

    def explain(self, X: Any) -> list[Explanation]:
        """Explain predictions: what each word contributed to each label.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)

        Returns
        -------
        list of Explanation
            One per text: its tokens, their positions, attention and contributions per label. With a
            linear head, the contributions of a text's words plus one constant per label are exactly
            the label's logit, wide path included; with the MLP head they are gradient times input.
            See :class:`sklabelemb.inspection.Explanation`; :func:`.write_highlights` writes them to
            an HTML page.
        """
        return self._answers().explain(X)
