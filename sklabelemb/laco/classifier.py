"""LACO as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from sklabelemb.base import LabelEmbeddingClassifier
from sklabelemb.inspection.joint_explanation import JointExplanation
from sklabelemb.laco.recipe import LACORecipe
from sklabelemb.new_labels import AddsLabels
from sklabelemb.sklearn_internals import HasMethods, Interval, StrOptions

__all__ = ["LACOClassifier"]


class LACOClassifier(AddsLabels, LabelEmbeddingClassifier):
    """Fine-tune a transformer that reads text and labels together (LACO).

    One token per label is appended to the text, so the encoder's self-attention relates words to
    labels and labels to each other. Cross attention then weights each word by its similarity to the
    closest label. Optionally, the model also learns which labels occur together. A wide path (a
    linear model over n-grams, which is not in the paper) reads the whole text beside the network.

    Parameters
    ----------
    encoder : str, path, dict or transformers configuration, \
            default="sentence-transformers/all-MiniLM-L6-v2"
        A name on the Hugging Face Hub, or a folder with ``config.json``, ``model.safetensors`` and
        ``tokenizer.json``: a pretrained BERT-like encoder with its tokenizer. A dict such as
        ``{"model_type": "bert", "hidden_size": 128, ...}``, or a configuration object: a fresh
        encoder over the words of the training texts, without any download. The default is small
        enough for a CPU; the paper has "bert-base-uncased".
    joint_embedding : bool, default=True
        Whether the encoder reads the labels beside the words. If False (the paper's "w/o JE"),
        labels are vectors that only the cross attention sees.
    cross_attention : bool, default=True
        Whether words are weighted by their similarity to the labels. If False (the paper's "w/o
        CA"), the state of [CLS] represents the text; with neither, and without the wide path, this
        is a plain BERT classifier.
    window_size : int, default=10
        The paper's r: a word is weighted together with r neighbours on each side.
    similarity : {"cosine", "dot"}, default="cosine"
        Similarity of words and labels in the cross attention. "dot" is the paper's equation; since
        states of pretrained encoders have a large norm, nearly all words then have the same weight
        at first. "cosine" is used in the released code.
    head : {"linear", "tagger", "reasoner"}, default="linear"
        How labels are scored. "linear": a linear layer over the text's vector. "tagger": the
        paper's SeqTagBert, a BiLSTM-CRF over the sequence of the labels' states, so the order of
        the labels matters; there is no cross attention. "reasoner": the linear layer in several
        rounds, each with the probabilities of the previous one as input (ML-Reasoner). Single-label
        targets always use "linear". :data:`sklabelemb.laco.PRESETS` has the published systems.
    n_rounds : int, default=2
        Number of rounds of "reasoner", the paper's T, which found two to be best.
    label_token_weight : float or None, default=1.0
        Initial weight, in tokens, of all labels together (of each block, if labels are read in
        blocks) in the encoder's attention. None: each label weighs as much as a token, as in the
        paper; many labels then drown the words of a short text, and few training texts cannot
        correct this. Has no effect without joint embedding.
    cooccurrence : {"plcp", "clcp", "both"} or None, default=None
        Auxiliary task. "plcp": whether two labels occur together. "clcp": which labels occur with
        some given ones. Ignored for single-label targets and without joint embedding.
    alpha : float, default=0.5
        Weight of PLCP in "both", which the paper found no better than either alone.
    gamma : float, default=0.5
        Share of co-occurring pairs among the pairs of PLCP.
    cooccurrence_weight : float, default=1.0
        Weight of these tasks in the loss; 1 as in the paper, where all losses are sums over labels
        and pairs.
    freeze_layers : int or "all", default=0
        Freezes the embeddings and the first `freeze_layers` layers of the encoder, and label tokens
        that start from texts. No gradient is computed for them, which saves time and memory. "all"
        freezes the whole encoder.
    dropout : float, default=0.1
        Dropout on the text's vector (with a tagger, on the labels' states); that of the encoder's
        layers is in its configuration.
    attention_dropout : float or None, default=0.0
        Dropout on the encoder's attention weights. None: as in its configuration, mostly 0.1, which
        takes a quarter more time on a CPU and twice the memory.
    wide : bool, default=True
        Whether to train a linear model over TF-IDF pieces, piece pairs and character n-grams beside
        the network, as in `LEAMClassifier`: it reads long texts whole, and learns rare words. A
        small regression on the validation split mixes the two scores. Not in the paper.
    label_names : sequence or None, default=None
        As in :class:`.LEAMClassifier`.
    label_texts : dict, list of str, "auto" or None, default="auto"
        Texts of the labels, by name or in order. The token of a label starts as the mean of the
        encoder's vectors of the pieces of its text. With a pretrained encoder, its weights in the
        head start as the encoder's vector of that text minus the mean over all labels, so before
        training a text gets the labels that it resembles. For the linear model of ``wide=True``, a
        label's text is an additional sample. "auto": the names, where they are strings. None: both
        start at random.
    tokenizer, lowercase, mask_numbers, max_features, min_df
        As in `LEAMClassifier`, for the words of a fresh encoder. A pretrained encoder has its own
        tokenizer, so they must keep their defaults.
    max_length : int or None, default=256
        Number of pieces (words, with a fresh encoder) of a text that the encoder reads; the paper's
        320 tokens leave 263 beside the labels of its first corpus. None: as many as the encoder has
        positions for. The wide path reads the whole text.
    class_weight : dict, sequence of float, "balanced" or None, default=None
        Weights of the classes; with label sets, of each label's positives.
    threshold : float, list of float, dict by name, "tuned", "micro" or "macro", default="tuned"
        Probability at which a label is predicted: one for all, one per label (0.5 for labels that a
        dict leaves out), or tuned on the held-out texts, for micro- and macro-F1 together ("tuned")
        or for one of them.
    threshold_shrinkage : float or "auto", default="auto"
        Shrinkage of tuned thresholds towards a common one. "auto": 400, and 5 for "macro".
    min_labels : int or "auto", default="auto"
        Smallest number of labels to predict per text. "auto": the smallest in the training texts.
    max_epochs : int or "auto", default="auto"
        "auto": enough for 2,000 steps, between 3 and 10; 2 if 3 epochs exceed 10,000 steps.
    batch_size : int or "auto", default="auto"
        Texts per batch. "auto": 32 as in the paper, or fewer (down to 8), so that an epoch has 60
        batches.
    accumulation_steps : int, default=1
        Number of parts in which a batch goes through the encoder, for batches that do not fit into
        memory; the gradient is that of the whole batch.
    learning_rate : float, default=1e-3
        Peak of Adam's step size for the new weights: label vectors, cross attention, heads.
    encoder_learning_rate : float or "auto", default="auto"
        The same for the encoder. "auto": 1e-4 for a pretrained one, `learning_rate` for a fresh
        one.
    warmup : float, default=0.1
        Share of the steps during which the step size rises; then it falls to zero.
    weight_decay : float, default=0.01
        Decoupled weight decay, not applied to biases and normalisation layers.
    max_grad_norm : float or None, default=1.0
        Longer gradients are scaled down to this norm.
    validation_fraction : float, default=0.1
        Share of the training texts, iteratively stratified, on which the best epoch, the mixture
        and the thresholds are chosen. Nothing is held out if that is fewer than ten texts, or if
        `fit` gets a validation set, `X_val` and `y_val`.
    patience : int or None, default=3
        Epochs without improvement before training stops; the best epoch's weights are kept.
    device : str, default="auto"
        "cpu", "cuda", "cuda:1"; "auto" takes a GPU if there is one.
    mixed_precision : bool, default=False
        Whether to train in bfloat16. Predictions are computed in float32.
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
    label_embeddings_ : ndarray of shape (n_labels, k)
    thresholds_ : ndarray of shape (n_labels,), or None for single classes
    min_labels_ : int
    vocabulary_ : Vocabulary or WordPieces
    encoder_name_ : str or None
        The pretrained encoder that training started from; None for a fresh one.
    net_ : TextNet
        The fitted skorch net; ``net_.module_`` is the torch module.
    wide_ : WidePath or None
    mixture_ : Mixture
        Weights of network and wide path.
    history_ : list of dict
        Losses, validation score and seconds of every epoch.
    n_iter_ : int
        Epochs run.
    best_epoch_ : int
        The epoch whose weights were kept, counted from 1.

    Raises
    ------
    ImportError
        In `fit`, without the library `transformers`: ``pip install "sklabelemb[hf]"``.
    OSError
        In `fit`, when the encoder cannot be loaded: its folder lacks files, or the Hub does not
        have it or cannot be reached.
    ValueError
        In `fit`, when the encoder or its tokenizer is not supported; and with ``head="tagger"``
        without joint embedding.

    Warns
    -----
    UserWarning
        In `fit`, when texts are truncated because the encoder has too few positions for text and
        labels.

    See Also
    --------
    LEAMClassifier : Much smaller and faster, without a pretrained encoder.

    Notes
    -----
    Words and labels form one sequence within the encoder's maximum length: with 512 positions, a
    text may have 512 tokens minus the number of labels and three special tokens. If the labels took
    more than half of the positions, they are read in blocks, each beside the whole text. This is an
    approximation: labels of different blocks do not attend to each other.

    References
    ----------
    Zhang, X., Zhang, Q.-W., Yan, Z., Liu, R. and Cao, Y. (2021). Enhancing Label Correlation
    Feedback in Multi-Label Text Classification via Multi-Task Learning. Findings of ACL.

    Huang, Z., Xu, W. and Yu, K. (2015). Bidirectional LSTM-CRF Models for Sequence Tagging.
    arXiv:1508.01991. The tagger.

    Wang, R., Ridley, R., Su, X., Qu, W. and Dai, X. (2021). A novel reasoning mechanism for
    multi-label text classification. Information Processing and Management 58(2). The reasoner.

    Examples
    --------
    >>> from sklabelemb import LACOClassifier
    >>> texts = ["my parcel is late", "my refund is due", "parcel late, refund due"] * 10
    >>> y = [[1, 0], [0, 1], [1, 1]] * 10
    >>> small = {"model_type": "bert", "hidden_size": 32, "num_hidden_layers": 1}
    >>> small |= {"num_attention_heads": 2, "intermediate_size": 64}
    >>> model = LACOClassifier(encoder=small, learning_rate=3e-3, random_state=0).fit(texts, y)
    >>> model.predict(["is my parcel late"])
    array([[1, 0]])
    """

    _recipe = LACORecipe
    _parameter_constraints: dict[str, Any] = {
        **LabelEmbeddingClassifier._parameter_constraints,
        "encoder": [str, Mapping, HasMethods(["__fspath__"]), HasMethods(["to_json_string"])],
        "joint_embedding": ["boolean"],
        "cross_attention": ["boolean"],
        "window_size": [Interval(Integral, 0, None, closed="left")],
        "similarity": [StrOptions({"cosine", "dot"})],
        "head": [StrOptions({"linear", "tagger", "reasoner"})],
        "n_rounds": [Interval(Integral, 2, None, closed="left")],
        "label_token_weight": [Interval(Real, 0, None, closed="neither"), None],
        "cooccurrence": [StrOptions({"plcp", "clcp", "both"}), None],
        "alpha": [Interval(Real, 0, 1, closed="both")],
        "gamma": [Interval(Real, 0, 1, closed="neither")],
        "cooccurrence_weight": [Interval(Real, 0, None, closed="left")],
        "freeze_layers": [Interval(Integral, 0, None, closed="left"), StrOptions({"all"})],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "attention_dropout": [Interval(Real, 0, 1, closed="left"), None],
        "wide": ["boolean"],
        "accumulation_steps": [Interval(Integral, 1, None, closed="left")],
        "encoder_learning_rate": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "max_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(
        self,
        *,
        encoder: Any = "sentence-transformers/all-MiniLM-L6-v2",
        joint_embedding: bool = True,
        cross_attention: bool = True,
        window_size: int = 10,
        similarity: str = "cosine",
        head: str = "linear",
        n_rounds: int = 2,
        label_token_weight: float | None = 1.0,
        cooccurrence: str | None = None,
        alpha: float = 0.5,
        gamma: float = 0.5,
        cooccurrence_weight: float = 1.0,
        freeze_layers: int | str = 0,
        dropout: float = 0.1,
        attention_dropout: float | None = 0.0,
        wide: bool = True,
        label_names: Sequence[Any] | None = None,
        label_texts: Mapping[Any, str] | Sequence[str] | str | None = "auto",
        tokenizer: Callable[[str], Sequence[str]] | None = None,
        lowercase: bool = True,
        mask_numbers: bool = False,
        max_features: int | None = None,
        min_df: float = 2,
        max_length: int | None = 256,
        class_weight: Mapping[Any, float] | str | None = None,
        threshold: float | Sequence[float] | Mapping[Any, float] | str = "tuned",
        threshold_shrinkage: float | str = "auto",
        min_labels: int | str = "auto",
        max_epochs: int | str = "auto",
        batch_size: int | str = "auto",
        accumulation_steps: int = 1,
        learning_rate: float = 1e-3,
        encoder_learning_rate: float | str = "auto",
        warmup: float = 0.1,
        weight_decay: float = 0.01,
        max_grad_norm: float | None = 1.0,
        validation_fraction: float = 0.1,
        patience: int | None = 3,
        device: str = "auto",
        mixed_precision: bool = False,
        warm_start: bool = False,
        checkpoint: Any = None,
        random_state: Any = None,
        verbose: int | bool = 0,
        net_params: dict[str, Any] | None = None,
    ) -> None:
        self.encoder = encoder
        self.joint_embedding = joint_embedding
        self.cross_attention = cross_attention
        self.window_size = window_size
        self.similarity = similarity
        self.head = head
        self.n_rounds = n_rounds
        self.label_token_weight = label_token_weight
        self.cooccurrence = cooccurrence
        self.alpha = alpha
        self.gamma = gamma
        self.cooccurrence_weight = cooccurrence_weight
        self.freeze_layers = freeze_layers
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.wide = wide
        self.label_names = label_names
        self.label_texts = label_texts
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
        self.accumulation_steps = accumulation_steps
        self.learning_rate = learning_rate
        self.encoder_learning_rate = encoder_learning_rate
        self.warmup = warmup
        self.weight_decay = weight_decay
        self.max_grad_norm = max_grad_norm
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.device = device
        self.mixed_precision = mixed_precision
        self.warm_start = warm_start
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose
        self.net_params = net_params

    # -- fitted attributes -----------------------------------------------------------------------

    def explain(self, X: Any) -> list[JointExplanation]:
        """Explain predictions: what words contributed to each label, and how labels relate.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)

        Returns
        -------
        list of JointExplanation
            One per text. Word pieces are joined to words. A contribution is how much the network's
            logit falls without the word (occlusion); with a wide path, this is weighted by the
            mixture and the word's share in the wide path's score is added. Contributions need not
            sum to the logit. Words that only the wide path has read get no attention, and without
            cross attention there is none.
        """
        return self._answers().explain(X)

    @property
    def encoder_name_(self) -> str | None:
        """The pretrained encoder whose weights training began with; None for a fresh one."""
        name: str | None = self._fitted_model().recipe.encoder_name
        return name

    @property
    def label_embeddings_(self) -> np.ndarray:
        """What the encoder reads for each label, shape ``(n_labels, k)``.

        Without joint embedding, what the words are compared with, or what is reasoned with.
        """
        table = self.net_.module_.label_embedding
        if table is None:
            raise AttributeError(
                "With joint_embedding=False and cross_attention=False the labels have no vectors."
            )
        return table.weight.detach().cpu().numpy().copy()
