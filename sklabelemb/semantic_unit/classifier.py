"""The semantic-unit Seq2Seq as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from sklabelemb.base import VECTORS, LabelEmbeddingClassifier
from sklabelemb.semantic_unit.answers_by_beam import AnswersByBeam
from sklabelemb.semantic_unit.presets import PAPER_SETTINGS
from sklabelemb.semantic_unit.recipe import SemanticUnitRecipe
from sklabelemb.sklearn_internals import Interval, StrOptions

__all__ = ["PAPER_SETTINGS", "SemanticUnitSeq2SeqClassifier"]


class SemanticUnitSeq2SeqClassifier(AnswersByBeam, LabelEmbeddingClassifier):
    """Predict label sets as sequences, with an encoder-decoder over raw text (Seq2Seq).

    An encoder reads the words, dilated convolutions condense its states into semantic units of 13
    words each, and a decoder emits the labels of a text one after the other, the most frequent
    first, attending to units and words. Each label is conditioned on those before it, so labels
    that go together are predicted together. The parameter `attention` selects any model of the
    paper's ablation, including S2S and S2S+Attn;
    ``SemanticUnitSeq2SeqClassifier(**PAPER_SETTINGS)`` has the paper's sizes and training. SGM,
    Seq2Set, OCD and a transformer are further options, and by name in
    :data:`sklabelemb.semantic_unit.PRESETS`.

    Parameters
    ----------
    attention : {"hybrid", "additive", "units", "words", "none"}, default="hybrid"
        "hybrid": the decoder attends to the units, uses the result to attend to the words, and adds
        both (the paper's model). "additive": it attends to each independently and adds both.
        "units" and "words": it attends to one of them; "words" is S2S+Attn. "none": no attention,
        S2S.
    hierarchical : int or None, default=None
        k: the units are the states of an LSTM over the encoder's states at the ends of k words
        each (the paper's Hier-k) instead of the convolutions'.
    label_input : {"emitted", "global"}, default="emitted"
        What the decoder reads after a label: the label's vector; or SGM's global embedding, that
        vector mixed by a gate with the mean of all labels' vectors, weighted by their probabilities
        (Yang et al., 2018), which softens the effect of a wrong label.
    architecture : {"lstm", "transformer"}, default="lstm"
        Architecture of encoder and decoder. The decoder of "transformer" (Seq2Seq_T; Vaswani et
        al., 2017) attends to the words in each layer, so `attention` must be "words"; `directions`
        has no effect. Use a smaller `learning_rate`, such as 5e-4.
    n_heads : int, default=4
        Heads of the transformer's attention; they share `hidden_size`.
    label_order : {"frequency", "rare_first", "given", "random"}, default="frequency"
        The order in which labels are emitted: the most frequent of the training texts first (the
        paper), the rarest first, in the order of the columns of `y`, or in another random order
        each time.
    objective : {"likelihood", "completion", "set_f1"}, default="likelihood"
        Training objective for label sets. "likelihood": the labels in their order. With the other
        two, the decoder emits its own labels during training, as it does in prediction.
        "completion": after any emitted prefix, right or wrong, all missing labels are equally good
        (optimal completion distillation, OCD; Tsai and Lee, 2020); `label_order` does not matter.
        "set_f1": the likelihood plus the F1 of the emitted set, whatever its order, by
        self-critical reinforcement learning (Seq2Set; Yang et al., 2019).
    reward_weight : float, default=0.5
        With "set_f1", the share of the F1 in the loss; the rest is the likelihood. Use 1 only for
        models trained with the likelihood before (`warm_start`).
    beam_size : int, default=5
        Number of sequences in the beam; 1 is greedy decoding.
    decision : {"beam", "marginal"}, default="beam"
        What is predicted for label sets: the labels of the most probable sequence, or those whose
        probability reaches their threshold.
    embedding_dim : int, default=128
        Dimensions of word and label vectors.
    hidden_size : int, default=128
        Size of the states of encoder and decoder, and of the units.
    n_layers : int, default=2
        Layers of encoder and decoder.
    directions : {"concat", "sum"}, default="concat"
        How the two directions of the encoder are joined: side by side, each half as large (the
        paper's text), or added, each of full size (the released code, and the paper's number of
        parameters).
    wide : bool, default=True
        Whether to train a linear model (TF-IDF of words, word pairs, character n-grams) beside the
        network. At every step its scores are added to the decoder's; the weights of both are fitted
        to the sequences of the validation split (constants without one). A model that started with
        ``partial_fit`` has none.
    label_names : sequence or None, default=None
        As in :class:`.LEAMClassifier`.
    label_texts : dict, sequence of str, "auto" or None, default="auto"
        A name or description per label, by label name or in the order of the labels. The label
        vector that the decoder reads (label sets only) starts as the mean of its words' vectors,
        and for the linear model the text is an additional sample of its label. "auto": the label
        names, where they are strings (classes, or columns of a DataFrame).
    vectors : path, pair, mapping, KeyedVectors or None, default=None
        Pretrained word vectors, see :func:`sklabelemb.text.load_vectors`; of `embedding_dim`
        dimensions or fewer: further dimensions start at random. Vectors of words that the training
        texts lack are not kept.
    dropout : float, default=0.3
        On word vectors, between layers, and on the decoder's queries and outputs.
    word_dropout : float, default=0.1
        Probability of dropping a word from a training text.
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
        Weights of the classes, or of the labels where they are emitted; the end of a sequence
        weighs 1. "balanced": as in scikit-learn, each label counting once for each text that has
        it.
    threshold : float, sequence of float, dict, "tuned", "micro" or "macro", default="tuned"
        With ``decision="marginal"``, the probability at which a label is predicted: one number, one
        per label (a dict by label name; 0.5 for labels that it leaves out), or tuned on the
        validation split: for micro- and macro-F1 together ("tuned"), or for one of them; see
        :func:`sklabelemb.decision.tuned_thresholds`. Label sets only.
    threshold_shrinkage : float or "auto", default="auto"
        For tuned thresholds: with this many positives in the validation split, a label's threshold
        lies halfway between the one that is best for all labels and the one best for itself.
        "auto": 400, and 5 for "macro".
    min_labels : int or "auto", default="auto"
        Smallest number of labels to predict; shorter sequences are not searched. "auto": the
        smallest number in the training texts.
    max_labels : int or "auto", default="auto"
        Largest number of labels in a sequence (thresholds on marginals ignore it). "auto": the
        largest number in the training texts.
    max_epochs : int or "auto", default="auto"
        "auto": enough for 2,000 steps, between 4 and 30; if 4 epochs exceed 10,000 steps, fewer,
        down to 2.
    batch_size : int or "auto", default="auto"
        Texts per batch. "auto": 64 as in the paper, or fewer (down to 16), so that an epoch has 200
        batches, because an LSTM needs many steps.
    learning_rate : float, default=3e-3
        Peak of Adam's step size.
    schedule : {"linear", "halving"}, default="linear"
        "linear": the step size rises and then falls linearly to zero. "halving": it is halved after
        every epoch, as in the paper.
    warmup : float, default=0.1
        Share of the steps during which the step size rises, with "linear".
    weight_decay : float, default=0.0
        Decoupled weight decay, applied to everything except a sparsely updated word table.
    max_grad_norm : float or None, default=10.0
        All gradients together are scaled down to this norm (the paper's 10). None: no scaling.
    validation_fraction : float, default=0.1
        Share of the training texts, iteratively stratified, on which the best epoch (by what greedy
        decoding finds) and the thresholds are chosen. If that is fewer than ten texts, none are
        held out, all epochs are run and the thresholds are 0.5. Pass `X_val` and `y_val` to `fit`
        to use your own validation set instead.
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
    label_order_ : ndarray of shape (n_labels,), or None
        Columns in the order in which their labels are emitted. None for a random order, and for
        single classes.
    label_embeddings_ : ndarray of shape (n_labels, embedding_dim)
        What the decoder reads after it has emitted a label; label sets only.
    thresholds_ : ndarray of shape (n_labels,), or None for single classes
    min_labels_, max_labels_ : int
    beam_size_, decision_ : int, str
        Those of the fit; set them to predict differently without another fit.
    vocabulary_ : Vocabulary
    net_ : TextNet
        The fitted skorch net; ``net_.module_`` is the torch module.
    wide_ : WidePath or None
    mixture_ : Mixture
        Weights of decoder and wide path; for label sets `offset` is added to the end.
    history_ : list of dict
        Losses, validation score and seconds of every epoch.
    n_iter_ : int
        Epochs run.
    best_epoch_ : int
        The epoch whose weights were kept, counted from 1.

    See Also
    --------
    LEAMClassifier : Scores all labels at once; faster.
    ClassifierChain : Predicts labels in a fixed order with linear models.

    Notes
    -----
    A label is emitted once only: the softmax excludes it afterwards, in training too, so the
    probabilities of all sequences sum to one. For a text without labels the end comes first. Single
    classes take one step without an end.

    ``predict_proba`` adds up the probabilities of the sequences in the beam that have the label.
    The label also gets a share of the probability that the beam has not found, estimated from its
    probabilities at the steps. The page "How the defaults were chosen" of the documentation gives
    the reason for each default.

    References
    ----------
    Lin, J., Su, Q., Yang, P., Ma, S. and Sun, X. (2018). Semantic-Unit-Based Dilated Convolution
    for Multi-Label Text Classification. EMNLP.

    Yang, P., Sun, X., Li, W., Ma, S., Wu, W. and Wang, H. (2018). SGM: Sequence Generation Model
    for Multi-Label Classification. COLING.

    Yang, P., Luo, F., Ma, S., Lin, J. and Sun, X. (2019). A Deep Reinforced Sequence-to-Set Model
    for Multi-Label Classification. ACL.

    Tsai, C.-P. and Lee, H.-Y. (2020). Order-Free Learning Alleviating Exposure Bias in Multi-Label
    Classification. AAAI.

    Examples
    --------
    >>> from sklabelemb import SemanticUnitSeq2SeqClassifier
    >>> texts = ["my parcel is late", "my refund is due", "parcel late, refund due"] * 10
    >>> y = [[1, 0], [0, 1], [1, 1]] * 10
    >>> model = SemanticUnitSeq2SeqClassifier(
    ...     embedding_dim=16, hidden_size=16, max_epochs=20, learning_rate=0.02, random_state=0
    ... )
    >>> model.fit(texts, y).predict(["is my parcel late"])
    array([[1, 0]])
    >>> model.predict_sequence(["parcel late, refund due"])[0].labels
    (0, 1)
    """

    _recipe = SemanticUnitRecipe
    _parameter_constraints: dict[str, Any] = {
        **LabelEmbeddingClassifier._parameter_constraints,
        "attention": [StrOptions({"hybrid", "additive", "units", "words", "none"})],
        "hierarchical": [Interval(Integral, 1, None, closed="left"), None],
        "label_input": [StrOptions({"emitted", "global"})],
        "architecture": [StrOptions({"lstm", "transformer"})],
        "n_heads": [Interval(Integral, 1, None, closed="left")],
        "label_order": [StrOptions({"frequency", "rare_first", "given", "random"})],
        "objective": [StrOptions({"likelihood", "completion", "set_f1"})],
        "reward_weight": [Interval(Real, 0, 1, closed="both")],
        "beam_size": [Interval(Integral, 1, None, closed="left")],
        "decision": [StrOptions({"beam", "marginal"})],
        "embedding_dim": [Interval(Integral, 1, None, closed="left")],
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "directions": [StrOptions({"concat", "sum"})],
        "wide": ["boolean"],
        "vectors": VECTORS,
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "word_dropout": [Interval(Real, 0, 1, closed="left")],
        "max_labels": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "schedule": [StrOptions({"linear", "halving"})],
        "max_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(
        self,
        *,
        attention: str = "hybrid",
        hierarchical: int | None = None,
        label_input: str = "emitted",
        architecture: str = "lstm",
        n_heads: int = 4,
        label_order: str = "frequency",
        objective: str = "likelihood",
        reward_weight: float = 0.5,
        beam_size: int = 5,
        decision: str = "beam",
        embedding_dim: int = 128,
        hidden_size: int = 128,
        n_layers: int = 2,
        directions: str = "concat",
        wide: bool = True,
        label_names: Sequence[Any] | None = None,
        label_texts: Mapping[Any, str] | Sequence[str] | str | None = "auto",
        vectors: Any = None,
        dropout: float = 0.3,
        word_dropout: float = 0.1,
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
        max_labels: int | str = "auto",
        max_epochs: int | str = "auto",
        batch_size: int | str = "auto",
        learning_rate: float = 3e-3,
        schedule: str = "linear",
        warmup: float = 0.1,
        weight_decay: float = 0.0,
        max_grad_norm: float | None = 10.0,
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
        self.attention = attention
        self.hierarchical = hierarchical
        self.label_input = label_input
        self.architecture = architecture
        self.n_heads = n_heads
        self.label_order = label_order
        self.objective = objective
        self.reward_weight = reward_weight
        self.beam_size = beam_size
        self.decision = decision
        self.embedding_dim = embedding_dim
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.directions = directions
        self.wide = wide
        self.label_names = label_names
        self.label_texts = label_texts
        self.vectors = vectors
        self.dropout = dropout
        self.word_dropout = word_dropout
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
        self.max_labels = max_labels
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.schedule = schedule
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

    @property
    def label_order_(self) -> np.ndarray | None:
        """Columns in the order in which their labels are emitted."""
        return self._own_task().label_order

    @property
    def max_labels_(self) -> int | None:
        """Most labels of a sequence."""
        return self._own_task().max_labels

    @property
    def label_embeddings_(self) -> np.ndarray:
        """What the decoder reads after a label, shape ``(n_labels, embedding_dim)``."""
        task = self._own_task()
        if not task.multilabel:
            raise AttributeError(
                "A single class is one step of the decoder: no label is read, so none has a vector."
            )
        weight = self.net_.module_.label_embedding.weight[: task.targets.n_labels]
        return weight.detach().cpu().numpy().copy()
