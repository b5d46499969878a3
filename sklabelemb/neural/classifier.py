"""Document encoders times poolings, as one scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from sklabelemb.base import VECTORS, LabelEmbeddingClassifier
from sklabelemb.inspection.explanation import Explanation
from sklabelemb.neural.network import ENCODERS, POOLINGS
from sklabelemb.neural.recipe import DocumentRecipe
from sklabelemb.sklearn_internals import Interval, StrOptions

__all__ = ["DocumentClassifier"]


class DocumentClassifier(LabelEmbeddingClassifier):
    """CNN, LSTM, GRU, HAN, transformer and more over raw text, with any pooling: the baselines.

    Word vectors, a document `encoder` that turns them into states, a `pooling` of the states into
    one vector, or one per label, and a linear layer: most neural text classifiers in the literature
    combine these. :data:`PRESETS` has them by name, with the settings of their papers:
    ``DocumentClassifier(**PRESETS["KimCNN"])``.

    They serve as baselines. So there is no linear path beside the network unless you set `wide`,
    and only "label_wise" and "label_specific" have label embeddings.

    Parameters
    ----------
    encoder : str, default="cnn"
        How word vectors become states.

        - "words": each state is a word's vector (NBOW, SWEM).
        - "cnn": filters of some `widths` side by side (Kim, 2014).
        - "word_cnn": the six layers of Zhang et al. (2015).
        - "vdcnn": levels of convolutions with shortcuts (Conneau et al., 2017), over words.
        - "lstm", "bilstm", "gru", "bigru": recurrent, forwards or in both directions.
        - "cnn_lstm": an LSTM over the states of "cnn" (C-LSTM, Zhou et al., 2015).
        - "han": a BiGRU with attention over the words of each sentence, and another BiGRU over
          sentences (Yang et al., 2016). A sentence ends after one of the tokens ``.``, ``!``, ``?``
          and ``…``, or after `block_length` words.
        - "bi_blosan": self-attention in blocks of `block_length` words and among blocks (Shen et
          al., 2018).
        - "transformer": the encoder of Vaswani et al. (2017), from a random start.
    pooling : str, default="max"
        How states become vectors.

        - "last": the final state, of both directions.
        - "mean", "max": over time, in each dimension.
        - "dynamic_max": the largest values of each of `n_parts` parts (XML-CNN).
        - "k_max": the `n_parts` largest values, in their order (VDCNN).
        - "attention": one weight for each state (HAN, attentive LSTM).
        - "source2token": one for each state and dimension (Bi-BloSAN).
        - "label_wise": one for each state and label, each label with its own vector (CAML,
          BiGRU-LWAN).
        - "label_specific": attention of label texts and self-attention, fused (LSAN).
    embedding_dim : int, default=300
        Dimensions of word vectors.
    hidden_size : int, default=100
        Filters of each width (Kim's 100), units of each direction, or size of a transformer's
        state; for "vdcnn", the filters of the first of four levels, of which the last has eight
        times as many.
    widths : sequence of int, default=(3, 4, 5)
        Widths of the filters of "cnn" and "cnn_lstm", in words. The filters over descriptions have
        the largest of these widths.
    activation : {"relu", "tanh"}, default="relu"
        Activation after these filters; "tanh" in CAML.
    n_layers : int, default=1
        Layers of recurrent encoders and of "transformer"; for "vdcnn", blocks per level: 1 gives
        the paper's depth of 9, and 2 gives 17.
    n_heads : int, default=4
        Attention heads of "transformer"; `hidden_size` must be a multiple.
    attention_size : int, default=100
        Hidden units in "attention", "label_specific", and over the words in "han".
    n_parts : int, default=8
        Parts of "dynamic_max", values of "k_max".
    block_length : int, default=10
        Words per block of "bi_blosan"; largest number of words in a sentence of "han".
    hidden_layers : sequence of int, default=()
        Sizes of layers with rectifiers between pooling and the linear layer: the bottleneck of
        XML-CNN. With one vector per label, the layers are shared by all labels; after
        "label_specific", so are the weights of the linear layer, as in LSAN.
    description_penalty : float, default=0.0
        With "label_wise" only: strength of the penalty that pulls the weights of each label towards
        a convolution over its text in `label_texts` (DR-CAML; 10 in the paper for 50 labels).
    wide : bool, default=False
        Whether to train a linear model over TF-IDF words, word pairs and letter groups beside the
        network, as in :class:`.LEAMClassifier`. Off by default, because the published systems have
        none.
    label_names : sequence or None, default=None
        Names of the labels if `y` is an array or a sparse matrix, in the order of its columns: the
        ``classes_`` of a ``MultiLabelBinarizer``. Used in predictions, reports and messages, by
        "auto" of `label_texts`, and to match the columns of later DataFrames. For 1-D classes:
        names to show, in the order of the sorted classes or by integer code.
    label_texts : dict, sequence of str, "auto" or None, default="auto"
        A name or description per label, by label name or in the order of the labels, for
        `description_penalty` and for the labels of "label_specific". "auto": the label names, where
        they are strings (classes, or columns of a DataFrame).
    vectors : path, pair, mapping, KeyedVectors or None, default=None
        Pretrained word vectors, see :func:`sklabelemb.text.load_vectors`; of `embedding_dim`
        dimensions or fewer: further dimensions start at random. Training changes them.
    dropout : float, default=0.2
        On the dimensions of word vectors.
    head_dropout : float, default=0.5
        On the outputs of pooling and hidden layers (Kim's 0.5).
    max_grad_norm : float or None, default=None
        Largest norm of the gradient; None: no limit.
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
        Read only the first tokens of each text; None reads all of them.
    class_weight : dict, sequence of float, "balanced" or None, default=None
        Weights of the classes; for label sets, of the positives of each label: by name, or in the
        order of the labels.
    threshold : float, sequence of float, dict, "tuned", "micro" or "macro", default="tuned"
        Probability at which a label is predicted: one number, one per label (a dict by label name;
        0.5 for labels that it leaves out), or tuned on the validation split: for micro- and
        macro-F1 together ("tuned"), for micro-F1 alone, or for macro-F1, where rare labels count as
        much as frequent ones; see :func:`sklabelemb.decision.tuned_thresholds`. Label sets only.
    threshold_shrinkage : float or "auto", default="auto"
        For tuned thresholds: with this many positives in the validation split, a label's threshold
        lies halfway between the one that is best for all labels and the one best for itself.
        "auto": 400, and 5 for "macro".
    min_labels : int or "auto", default="auto"
        Smallest number of labels to predict per text. "auto": the smallest number in the training
        texts: if each of them has a label, predicting none is certainly wrong.
    max_epochs : int or "auto", default="auto"
        "auto": enough for 3,000 steps, between 5 and 30.
    batch_size : int or "auto", default="auto"
        Texts per batch. "auto": 64, or fewer (down to 16), so that an epoch has 40 batches.
    learning_rate : float, default=1e-3
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
    thresholds_ : ndarray of shape (n_labels,), or None for single classes
    min_labels_ : int
    vocabulary_ : Vocabulary
    net_ : TextNet
        The fitted skorch net; ``net_.module_`` is the torch module, a :class:`DocumentNetwork`.
    wide_ : WidePath or None
    mixture_ : Mixture
        Weights of network and wide path.
    history_ : list of dict
        Losses, validation score and seconds of every epoch.
    n_iter_ : int
        Epochs run.
    best_epoch_ : int
        The epoch whose weights were kept, counted from 1.

    See Also
    --------
    LEAMClassifier : Words and labels in one space; smaller than most of these, and faster.
    BinaryRelevance : A linear model for each label.

    Notes
    -----
    Padding never counts: a text has the same logits alone and in a batch with longer ones. Training
    uses Adam, with a step size that falls to zero, also where the papers use AdaDelta or plain
    gradient descent. The page "Comparison systems" of the documentation lists for each preset what
    differs from its paper.

    References
    ----------
    Kim, Y. (2014). Convolutional Neural Networks for Sentence Classification. EMNLP.

    Zhang, X., Zhao, J. and LeCun, Y. (2015). Character-level Convolutional Networks for Text
    Classification. NIPS.

    Zhou, C., Sun, C., Liu, Z. and Lau, F. (2015). A C-LSTM Neural Network for Text Classification.
    arXiv:1511.08630.

    Yang, Z., Yang, D., Dyer, C., He, X., Smola, A. and Hovy, E. (2016). Hierarchical Attention
    Networks for Document Classification. NAACL.

    Conneau, A., Schwenk, H., Barrault, L. and LeCun, Y. (2017). Very Deep Convolutional Networks
    for Text Classification. EACL.

    Liu, J., Chang, W.-C., Wu, Y. and Yang, Y. (2017). Deep Learning for Extreme Multi-label Text
    Classification. SIGIR.

    Vaswani, A. et al. (2017). Attention Is All You Need. NIPS.

    Mullenbach, J., Wiegreffe, S., Duke, J., Sun, J. and Eisenstein, J. (2018). Explainable
    Prediction of Medical Codes from Clinical Text. NAACL.

    Shen, T., Zhou, T., Long, G., Jiang, J. and Zhang, C. (2018). Bi-Directional Block
    Self-Attention for Fast and Memory-Efficient Sequence Modeling. ICLR.

    Chalkidis, I., Fergadiotis, M., Malakasiotis, P. and Androutsopoulos, I. (2019). Large-Scale
    Multi-Label Text Classification on EU Legislation. ACL.

    Xiao, L., Huang, X., Chen, B. and Jing, L. (2019). Label-Specific Document Representation for
    Multi-Label Text Classification. EMNLP.

    Examples
    --------
    >>> from sklabelemb import DocumentClassifier
    >>> from sklabelemb.neural import PRESETS
    >>> texts = ["my parcel is late", "my refund is due", "parcel late, refund due"] * 10
    >>> y = [[1, 0], [0, 1], [1, 1]] * 10
    >>> small = {"embedding_dim": 16, "hidden_size": 16, "learning_rate": 0.01, "max_epochs": 20}
    >>> model = DocumentClassifier(**PRESETS["CAML"] | small, random_state=0).fit(texts, y)
    >>> model.predict(["is my parcel late"])
    array([[1, 0]])

    The attention of a label is a distribution over the words:

    >>> explanation = model.explain(["is my parcel late"])[0]
    >>> explanation.attention.sum(axis=0).round(3)
    array([1., 1.], dtype=float32)
    """

    _recipe = DocumentRecipe
    _parameter_constraints: dict[str, Any] = {
        **LabelEmbeddingClassifier._parameter_constraints,
        "encoder": [StrOptions(set(ENCODERS))],
        "pooling": [StrOptions(set(POOLINGS))],
        "embedding_dim": [Interval(Integral, 1, None, closed="left")],
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "widths": ["array-like"],
        "activation": [StrOptions({"relu", "tanh"})],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "n_heads": [Interval(Integral, 1, None, closed="left")],
        "attention_size": [Interval(Integral, 1, None, closed="left")],
        "n_parts": [Interval(Integral, 1, None, closed="left")],
        "block_length": [Interval(Integral, 1, None, closed="left")],
        "hidden_layers": ["array-like"],
        "description_penalty": [Interval(Real, 0, None, closed="left")],
        "wide": ["boolean"],
        "vectors": VECTORS,
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "head_dropout": [Interval(Real, 0, 1, closed="left")],
        "max_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(
        self,
        *,
        encoder: str = "cnn",
        pooling: str = "max",
        embedding_dim: int = 300,
        hidden_size: int = 100,
        widths: Sequence[int] = (3, 4, 5),
        activation: str = "relu",
        n_layers: int = 1,
        n_heads: int = 4,
        attention_size: int = 100,
        n_parts: int = 8,
        block_length: int = 10,
        hidden_layers: Sequence[int] = (),
        description_penalty: float = 0.0,
        wide: bool = False,
        label_names: Sequence[Any] | None = None,
        label_texts: Mapping[Any, str] | Sequence[str] | str | None = "auto",
        vectors: Any = None,
        dropout: float = 0.2,
        head_dropout: float = 0.5,
        max_grad_norm: float | None = None,
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
        learning_rate: float = 1e-3,
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
        self.encoder = encoder
        self.pooling = pooling
        self.embedding_dim = embedding_dim
        self.hidden_size = hidden_size
        self.widths = widths
        self.activation = activation
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.attention_size = attention_size
        self.n_parts = n_parts
        self.block_length = block_length
        self.hidden_layers = hidden_layers
        self.description_penalty = description_penalty
        self.wide = wide
        self.label_names = label_names
        self.label_texts = label_texts
        self.vectors = vectors
        self.dropout = dropout
        self.head_dropout = head_dropout
        self.max_grad_norm = max_grad_norm
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

    def explain(self, X: Any) -> list[Explanation]:
        """Explain predictions: which words spoke for each label, and which against it.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)

        Returns
        -------
        list of Explanation
            One per text. If a logit is a sum over the states of words (pooling by "mean", "max" or
            an attention, without `hidden_layers`), a word's contribution is that of its state,
            which has also seen other words: contributions plus one constant per label are exactly
            the logit, wide path included. Otherwise a contribution is how much the network's logit
            falls without the word. The attention is that of the pooling, for "han" times that
            within the sentence; None without attention. See
            :class:`sklabelemb.inspection.Explanation`.
        """
        return self._answers().explain(X)
