"""LACO as a scikit-learn classifier."""

from __future__ import annotations

import hashlib
import math
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, cast

import numpy as np
import torch
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklabelemb.base import LabelEmbeddingClassifier
from sklabelemb.laco.encoders import (
    fresh_configuration,
    is_configuration,
    longest_sequence,
    pretrained_tokenizer,
    pretrained_weights,
)
from sklabelemb.laco.explaining import JointExplanations
from sklabelemb.laco.network import LACO
from sklabelemb.laco.samples import CooccurrenceDataset
from sklabelemb.targets import Targets
from sklabelemb.text import TokenIds, WordPieces
from sklabelemb.training import LengthBuckets, TextDataset
from sklabelemb.training.callbacks import GradientClipping
from sklabelemb.training.weights import prior_logits

__all__ = ["PAPER_SETTINGS", "LACOClassifier"]

PAPER_SETTINGS: dict[str, Any] = {
    "encoder": "bert-base-uncased",
    "window_size": 10,
    "label_token_weight": None,
    "cooccurrence": None,
    "gamma": 0.5,
    "cooccurrence_weight": 1.0,
    "attention_dropout": None,
    "wide": False,
    "label_texts": None,
    "learning_rate": 5e-5,
    "encoder_learning_rate": 5e-5,
    "weight_decay": 0.0,
    "batch_size": 32,
    "max_epochs": 20,
    "max_length": 263,
    "threshold": 0.5,
    "min_labels": 0,
}
"""Parameters of the paper: ``LACOClassifier(**PAPER_SETTINGS)``; 320 tokens with aapd's labels."""

# The words of a fresh vocabulary that stand for the marks of a sequence; no text has them.
MARKS = ("\0[CLS]", "\0[SEP]")
# max_epochs="auto": until there were so many steps, and no fewer and no more epochs than these.
ENOUGH_STEPS, FEWEST_EPOCHS, MOST_EPOCHS = 2000, 3, 10
# batch_size="auto": the paper's 32 texts, fewer where an epoch would have too few steps.
SMALLEST_BATCH, LARGEST_BATCH, BATCHES_AN_EPOCH = 8, 32, 60
FEWEST_POSITIONS = 8
# Tokens, labels included, that go through the encoder at a time while predicting; on a CPU more of
# them fall out of its cache (benchmarks/joint_speed.py).
PREDICTION_TOKENS = {"cpu": 1 << 11, "cuda": 1 << 16}
# Length of the vectors in the head that start from label texts.
HEAD_LENGTH = 1.0
# What the tokenizer of a pretrained encoder knows already.
OF_FRESH_ENCODERS = {
    "tokenizer": None,
    "lowercase": True,
    "mask_numbers": False,
    "max_features": None,
    "min_df": 2,
}


class LACOClassifier(JointExplanations, LabelEmbeddingClassifier):
    """Label-correlation aware classifier: a transformer reads text and labels together.

    One token for each label stands behind the text, so that the encoder sees words in the light of
    the labels, and labels in the light of the words and of each other. A word counts in the text's
    vector as much as it has to do with some label. A second task, which may be learnt beside the
    labels, is to tell which labels come together. A wide path (a linear model over n-grams, which
    is not the paper's) reads the whole text beside the network.

    Parameters
    ----------
    encoder : str, path, dict or transformers configuration, \
            default="sentence-transformers/all-MiniLM-L6-v2"
        A name on the Hugging Face Hub, or a folder with ``config.json``, ``model.safetensors`` and
        ``tokenizer.json``: a pretrained encoder of the BERT kind, with its tokenizer. A dict such
        as ``{"model_type": "bert", "hidden_size": 128, ...}``, or a configuration object: a fresh
        encoder over the words of the training texts, to which nothing is downloaded. The default is
        small enough for a CPU; the paper has "bert-base-uncased".
    joint_embedding : bool, default=True
        Whether the encoder reads the labels beside the words. Without (the paper's "w/o JE") labels
        are vectors that only the cross attention sees.
    cross_attention : bool, default=True
        Whether words are weighed by their cosines with the labels. Without (the paper's "w/o CA")
        the state of [CLS] stands for the text; without both, and without the wide path, this is a
        plain BERT classifier.
    window_size : int, default=10
        The paper's r: a word is weighed with r neighbours on each side.
    label_token_weight : float or None, default=1.0
        What all labels together (in blocks: those of a block) weigh in the encoder's attention, in
        tokens, before training moves it. None: each weighs as much as a token, as in the paper;
        many labels then drown the words of a short text, and few texts do not mend that. Means
        nothing without joint embedding.
    cooccurrence : {"plcp", "clcp", "both"} or None, default=None
        What is learnt beside the labels. "plcp": whether two labels come together. "clcp": which
        labels come with some that are given. Single-label targets have neither, and neither has a
        model without joint embedding, where nothing is made of the labels.
    alpha : float, default=0.5
        Share of PLCP in "both", which the paper found no better than either alone.
    gamma : float, default=0.5
        Share of pairs that come together among those that PLCP asks about.
    cooccurrence_weight : float, default=0.1
        Weight of these tasks beside the loss of the labels. 1 is the paper's; on few texts the
        tasks then take over.
    freeze_layers : int or "all", default=0
        So many layers of the encoder, from below, are not trained, and neither are its embeddings
        and the tokens of labels that start from texts: no gradient passes through them, which saves
        time and memory. "all": the encoder stays as it is.
    dropout : float, default=0.1
        Of the text's vector; that of the encoder's layers is in its configuration.
    attention_dropout : float or None, default=0.0
        Of the encoder's attention weights. None: what its configuration says, which is mostly 0.1;
        that takes a quarter more time on a CPU and twice the memory.
    wide : bool, default=True
        Whether to train a linear model over TF-IDF pieces, pairs of pieces and letter groups beside
        the network, as in `LEAMClassifier`: it reads long texts to their end, and knows rare words.
        Their scores are mixed by a small regression on the validation split. The paper has none.
    label_texts : dict, list of str, "auto" or None, default="auto"
        Texts of the labels, by name or in order. The token of a label starts as the mean of the
        encoder's vectors of their pieces; and with a pretrained encoder, its weights in the head
        start as what the encoder makes of its text, less what all labels have in common, so that a
        text is taken to have the labels that it resembles until training knows better. "auto": the
        names, where they are strings. None: both start at random.
    tokenizer, lowercase, mask_numbers, max_features, min_df
        As in `LEAMClassifier`, for the words of a fresh encoder. A pretrained one has its own
        tokenizer: with it they must be what they are by default.
    max_length : int or None, default=256
        Pieces (words, with a fresh encoder) of a text that the encoder reads; the paper's 320
        tokens leave 263 beside the labels of its first corpus. None: as many as the encoder has
        positions for. The wide path reads the text whole.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes; with label sets, of each label's positives.
    threshold : float, list of float or "tuned", default="tuned"
        From which probability on a label is predicted: one for all, one each, or tuned for
        micro-F1 on the held-out texts.
    threshold_shrinkage : float, default=400.0
        How strongly tuned thresholds are drawn to a common one.
    min_labels : int or "auto", default="auto"
        A text gets at least so many labels. "auto": as many as every training text had.
    max_epochs : int or "auto", default="auto"
        "auto": as many as make 2,000 steps, between 3 and 10.
    batch_size : int or "auto", default="auto"
        Texts a batch. "auto": 32 as in the paper, but so few that an epoch has 60 batches, down to
        8.
    accumulation_steps : int, default=1
        Parts in which a batch goes through the encoder, one after the other, where the memory does
        not hold it; the gradient is that of the whole batch.
    learning_rate : float, default=1e-3
        Peak of Adam's step size for what is new: labels' vectors, cross attention, heads.
    encoder_learning_rate : float or "auto", default="auto"
        The same for the encoder. "auto": 1e-4 for a pretrained one, `learning_rate` for a fresh
        one.
    warmup : float, default=0.1
        Share of the steps in which the step size rises; then it falls to zero.
    weight_decay : float, default=0.01
        Decoupled; not of biases and normalisations.
    max_grad_norm : float or None, default=1.0
        Longer gradients are scaled down to this norm.
    validation_fraction : float, default=0.1
        Share of the training texts, iteratively stratified, on which the best epoch, the mixture
        and the thresholds are chosen. With fewer than ten such texts none are held out.
    patience : int or None, default=3
        Epochs without improvement before training stops; the best epoch's weights are kept.
    device : str, default="auto"
        "cpu", "cuda", "cuda:1"; "auto" takes a GPU if there is one.
    mixed_precision : bool, default=False
        Whether to train in bfloat16. Predictions are computed in float32.
    warm_start : bool, default=False
        Whether the next fit goes on from the present weights.
    random_state : int, RandomState or None, default=None
        Same data and same integer: same model, bit for bit on CPU.
    verbose : int, default=0
        1 shows a progress bar.
    net_params : dict, default=None
        Anything else for the skorch net, such as ``callbacks`` or ``optimizer``.

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
        The pretrained encoder whose weights training began with; None for a fresh one.
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
        In `fit`, when the encoder cannot be had: its folder lacks files, or the Hub does not have
        it or cannot be reached.
    ValueError
        In `fit`, when the encoder is of a kind, or has a tokenizer, that cannot be used.

    Warns
    -----
    UserWarning
        In `fit`, when texts are cut because the encoder has no positions for more, some of which
        the labels take up.

    See Also
    --------
    LEAMClassifier : Much smaller and faster, without a pretrained encoder.

    Notes
    -----
    Words and labels make one sequence, which is kept to the length that the encoder was made for:
    of 512 tokens, a text may have 512 less the labels and three. Where labels would leave the text
    less than half, they are read in blocks, each beside the whole text. That is an approximation:
    labels of different blocks do not see each other.

    References
    ----------
    Zhang, X., Zhang, Q.-W., Yan, Z., Liu, R. and Cao, Y. (2021). Enhancing Label Correlation
    Feedback in Multi-Label Text Classification via Multi-Task Learning. Findings of ACL.

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

    _parameter_constraints: dict[str, Any] = {
        **LabelEmbeddingClassifier._parameter_constraints,
        "encoder": [str, Mapping, HasMethods(["__fspath__"]), HasMethods(["to_json_string"])],
        "joint_embedding": ["boolean"],
        "cross_attention": ["boolean"],
        "window_size": [Interval(Integral, 0, None, closed="left")],
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
        label_token_weight: float | None = 1.0,
        cooccurrence: str | None = None,
        alpha: float = 0.5,
        gamma: float = 0.5,
        cooccurrence_weight: float = 0.1,
        freeze_layers: int | str = 0,
        dropout: float = 0.1,
        attention_dropout: float | None = 0.0,
        wide: bool = True,
        label_texts: Mapping[Any, str] | Sequence[str] | str | None = "auto",
        tokenizer: Callable[[str], Sequence[str]] | None = None,
        lowercase: bool = True,
        mask_numbers: bool = False,
        max_features: int | None = None,
        min_df: float = 2,
        max_length: int | None = 256,
        class_weight: Mapping[Any, float] | str | None = None,
        threshold: float | Sequence[float] | str = "tuned",
        threshold_shrinkage: float = 400.0,
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
        random_state: Any = None,
        verbose: int | bool = 0,
        net_params: dict[str, Any] | None = None,
    ) -> None:
        self.encoder = encoder
        self.joint_embedding = joint_embedding
        self.cross_attention = cross_attention
        self.window_size = window_size
        self.label_token_weight = label_token_weight
        self.cooccurrence = cooccurrence
        self.alpha = alpha
        self.gamma = gamma
        self.cooccurrence_weight = cooccurrence_weight
        self.freeze_layers = freeze_layers
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.wide = wide
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
        self.random_state = random_state
        self.verbose = verbose
        self.net_params = net_params

    # -- texts -----------------------------------------------------------------------------------

    def _encode_first(
        self,
        documents: list[str],
        previous: dict[str, Any] | None,
        further_words: Sequence[str] = (),
    ) -> tuple[Any, TokenIds]:
        fresh = is_configuration(self.encoder)
        if previous and isinstance(previous["vocabulary_"], WordPieces) == fresh:
            raise ValueError(
                f"Cannot go on from the previous fit: encoder={self.encoder!r} is "
                f"{'fresh' if fresh else 'pretrained'}, and the one before was not. Keep the "
                "encoder, or fit anew with warm_start=False."
            )
        if fresh:
            # The words are those that the encoder reads.
            vocabulary, token_ids = super()._encode_first(documents, previous, further_words)
            if self.wide:
                token_ids = vocabulary.encode(documents, self._tokenizer(), keep_unknown=True)
            return vocabulary, token_ids
        if previous and previous["encoder_name_"] != os.fspath(self.encoder):
            raise ValueError(
                f"Cannot go on from the previous fit: it was of the encoder "
                f"{previous['encoder_name_']!r}, and encoder is {os.fspath(self.encoder)!r} now. "
                "Keep the encoder, or fit anew with warm_start=False."
            )
        for name, usual in OF_FRESH_ENCODERS.items():
            if (value := getattr(self, name)) != usual:
                raise ValueError(
                    f"{name}={value!r} is for fresh encoders. The encoder {self.encoder!r} brings "
                    f"its own tokenizer and vocabulary: leave {name} at {usual!r}."
                )
        known = previous["vocabulary_"] if previous else None
        if known is None:
            known = WordPieces(**pretrained_tokenizer(self.encoder))
        return known, known.encode(documents, max_length=None if self.wide else self.max_length)

    def _encode(self, documents: list[str]) -> TokenIds:
        # The wide path reads a text whole, of which the encoder reads the beginning.
        return self.vocabulary_.encode(
            documents,
            self._tokenizer(),
            max_length=self.max_length if self.wide_ is None else None,
            keep_unknown=True,
        )

    def _first_decisions(
        self, targets: Targets, encoded: Any, previous: dict[str, Any] | None, partial: bool
    ) -> dict[str, Any]:
        # What is wrong with the labels' texts shows before an encoder is downloaded.
        targets.texts_of_labels(self.label_texts)
        learnt = super()._first_decisions(targets, encoded, previous, partial)
        name = None if is_configuration(self.encoder) else os.fspath(self.encoder)
        return learnt | {"encoder_name_": name}

    def _words_beside_texts(self, targets: Targets) -> list[str]:
        return list(MARKS) if is_configuration(self.encoder) else []

    def _samples(
        self,
        token_ids: TokenIds,
        encoded: Any,
        weight: np.ndarray | None,
        vocabulary: Any,
        learnt: dict[str, Any],
    ) -> TextDataset:
        targets = learnt["targets_"]
        room, _ = self._division(self._configuration(vocabulary), targets.n_labels)
        data = super()._samples(token_ids, encoded, weight, vocabulary, learnt)
        data = replace(data, max_length=self._shortened(room))
        n_cut = int((token_ids.lengths > room).sum())
        if n_cut and (self.max_length is None or self.max_length > room):
            why = "it has no positions for more"
            advice = ""
            if self.joint_embedding:
                why = f"the {targets.n_labels} labels share its positions with them"
                advice = ", and joint_embedding=False leaves all positions to the text"
            warnings.warn(
                f"The encoder reads {n_cut} of {len(token_ids)} texts only up to token {room}: "
                f"{why}. A smaller max_length makes the cut without this warning{advice}.",
                UserWarning,
                stacklevel=2,
            )
        tasks = self._tasks(targets)
        if tasks is None:
            return data
        return CooccurrenceDataset(**vars(data), tasks=tasks, gamma=self.gamma)

    def _tasks(self, targets: Targets) -> str | None:
        """The tasks of co-occurrence; they ask about what the encoder makes of several labels."""
        return self.cooccurrence if targets.multilabel and self.joint_embedding else None

    def _hold_out(self, data: Any, seed: int) -> tuple[Any, Any]:
        train, valid = super()._hold_out(data, seed)
        # What is held out is for scores; nothing is drawn for it.
        return train, valid.without_tasks() if isinstance(valid, CooccurrenceDataset) else valid

    def _dataset(self, token_ids: TokenIds) -> TextDataset:
        # As the network was made, whatever the parameters are by now.
        options = self._network_arguments
        room = longest_sequence(options["encoder"]) - 2
        if options["joint_embedding"]:
            room -= options["block_size"] + 1
        return replace(super()._dataset(token_ids), max_length=self._shortened(room))

    def _shortened(self, room: int) -> int:
        """How many tokens of a text the encoder reads, if it has room for so many."""
        return room if self.max_length is None else min(room, self.max_length)

    def _division(self, configuration: dict[str, Any], n_labels: int) -> tuple[int, int]:
        """How many of the encoder's positions a text may take, and how many labels at a time."""
        positions = longest_sequence(configuration)
        if positions < FEWEST_POSITIONS:
            raise ValueError(
                f"The encoder has {positions} positions (max_position_embeddings); text and labels "
                f"need at least {FEWEST_POSITIONS}."
            )
        if not self.joint_embedding:
            return positions - 2, n_labels
        positions -= 3
        # A text keeps half of the positions, or what it is cut to anyway.
        most = max(positions // 2, positions - (self.max_length or positions))
        n_blocks = math.ceil(n_labels / most)
        block = math.ceil(n_labels / n_blocks)
        return positions - block, block

    def _configuration(self, vocabulary: Any) -> dict[str, Any]:
        if isinstance(vocabulary, WordPieces):
            return vocabulary.encoder
        return fresh_configuration(self.encoder, len(vocabulary))

    # -- the network -----------------------------------------------------------------------------

    _may_have_sparse_gradients = False
    _most_epochs = MOST_EPOCHS

    def _enough_epochs(self, n_batches: int, train: Any) -> int:
        return min(max(math.ceil(ENOUGH_STEPS / n_batches), FEWEST_EPOCHS), MOST_EPOCHS)

    def _enough_texts(self, n_samples: int) -> int:
        return min(max(n_samples // BATCHES_AN_EPOCH, SMALLEST_BATCH), LARGEST_BATCH)

    def _network_class(self) -> type[nn.Module]:
        return LACO

    def _has_wide_path(self) -> bool:
        return self.wide

    def _network_options(self, targets: Targets, vocabulary: Any) -> dict[str, Any]:
        configuration = dict(self._configuration(vocabulary))
        if self.attention_dropout is not None:
            for name in ("attention_probs_dropout_prob", "attention_dropout"):
                if name in configuration:
                    configuration[name] = self.attention_dropout
        n_layers = int(configuration.get("num_hidden_layers", configuration.get("n_layers", 0)))
        frozen = n_layers if self.freeze_layers == "all" else int(self.freeze_layers)
        if frozen > n_layers:
            raise ValueError(
                f"freeze_layers={frozen}, but the encoder has {n_layers} layers. Use "
                "freeze_layers='all' to train none of it."
            )
        pretrained = isinstance(vocabulary, WordPieces)
        marks = (
            (vocabulary.cls_id, vocabulary.sep_id)
            if pretrained
            else (vocabulary[MARKS[0]], vocabulary[MARKS[1]])
        )
        return {
            "encoder": configuration,
            "n_labels": targets.n_labels,
            "cls_id": marks[0],
            "sep_id": marks[1],
            "id_shift": 1 if pretrained else 0,
            "joint_embedding": self.joint_embedding,
            "cross_attention": self.cross_attention,
            "window_size": self.window_size,
            "block_size": self._division(configuration, targets.n_labels)[1],
            "label_token_weight": self.label_token_weight,
            "cooccurrence": self._tasks(targets),
            "alpha": self.alpha,
            "cooccurrence_weight": self.cooccurrence_weight,
            "freeze_layers": frozen,
            # Vectors that no text started must learn what they stand for.
            "freeze_labels": self._texts_start_all_labels(targets, vocabulary),
            "dropout": self.dropout,
        }

    @torch.no_grad()
    def _initialize_network(
        self, network: nn.Module, targets: Targets, vocabulary: Any, train: Any
    ) -> None:
        network = cast(LACO, network)
        if isinstance(vocabulary, WordPieces):
            network.encoder.load_state_dict(
                {
                    name: value
                    for name, value in pretrained_weights(self.encoder).items()
                    if not name.startswith("pooler.")
                }
            )
        self._start_labels(network, targets, vocabulary)
        self._start_head(network, targets, vocabulary)
        prior = prior_logits(train.targets, targets.n_labels)
        network.output.bias.copy_(torch.from_numpy(prior))

    def _start_labels(self, network: LACO, targets: Targets, vocabulary: Any) -> None:
        """The token of a label: the mean of the encoder's vectors of the pieces of its text."""
        table, words = network.label_embedding, network.embedding
        if table is None or table.embedding_dim != words.embedding_dim:
            return
        for label, ids in enumerate(self._pieces_of_labels(targets, vocabulary) or []):
            if len(ids):
                here = torch.from_numpy(ids.astype(np.int64)).to(words.weight.device)
                table.weight[label] = words.weight[here].mean(dim=0)

    def _pieces_of_labels(self, targets: Targets, vocabulary: Any) -> list[np.ndarray] | None:
        """Rows of the encoder's table for each label's text; None where the labels have none."""
        texts = targets.texts_of_labels(self.label_texts)
        if texts is None:
            return None
        if isinstance(vocabulary, WordPieces):
            pieces = vocabulary.encode(texts)
            return [pieces.row(label) - 1 for label in range(len(texts))]
        some = [[vocabulary.id(word) for word in self._tokenizer()(text)] for text in texts]
        return [np.array([i for i in ids if i > 1], dtype=np.int32) for ids in some]

    def _texts_start_all_labels(self, targets: Targets, vocabulary: Any) -> bool:
        pieces = self._pieces_of_labels(targets, vocabulary)
        return pieces is not None and all(len(ids) for ids in pieces)

    def _start_head(self, network: LACO, targets: Targets, vocabulary: Any) -> None:
        """What is looked for in a text: at first, what the encoder makes of label texts."""
        texts = targets.texts_of_labels(self.label_texts)
        if not texts or not isinstance(vocabulary, WordPieces):
            return
        token_ids = vocabulary.encode(texts, max_length=self.max_length)
        room = longest_sequence(vocabulary.encoder) - 2
        data = TextDataset(token_ids.truncated(room), n_words=len(vocabulary))
        head = network.output.weight
        vectors = torch.zeros_like(head)
        network.eval()
        for rows in LengthBuckets(data, batch_size=32).batches():
            vectors[rows] = network.text_vectors(data.batch(rows)[0]["ids"].to(head.device))
        network.train()
        # What all labels have in common tells none from another.
        vectors -= vectors.mean(dim=0)
        length = vectors.norm(dim=1, keepdim=True)
        usable = ((token_ids.lengths > 0) & (length.squeeze(1).cpu().numpy() > 1e-6)).nonzero()[0]
        head[usable] = HEAD_LENGTH * (vectors / length)[usable]

    def _net_arguments(self, targets: Targets, encoded: Any) -> dict[str, Any]:
        encoders = {"part": "encoder", "lr": self._encoder_rate()}
        cuda = self._resolve_device().startswith("cuda")
        undecayed = {"weight_decay": 0.0}
        return {
            **super()._net_arguments(targets, encoded),
            "accumulation_steps": self.accumulation_steps,
            "optimizer__param_groups": [
                ("encoder.*bias", encoders | undecayed),
                ("encoder.*[nN]orm*", encoders | undecayed),
                ("encoder.*", encoders),
                ("*bias", undecayed),
            ],
            "iterator_valid__batch_size": 256,
            "iterator_valid__max_tokens": PREDICTION_TOKENS["cuda" if cuda else "cpu"],
            "iterator_valid__tokens_beside": targets.n_labels + 3 if self.joint_embedding else 2,
        }

    def _encoder_rate(self) -> float:
        if isinstance(self.encoder_learning_rate, str):
            fresh = is_configuration(self.encoder)
            return self.learning_rate if fresh else 1e-4
        return float(self.encoder_learning_rate)

    def _learning_rate_of(self, group: dict[str, Any]) -> float:
        if group.get("part") == "encoder":
            return self._encoder_rate()
        return super()._learning_rate_of(group)

    def _step_options(self) -> dict[str, Any]:
        return super()._step_options() | {"accumulation_steps": self.accumulation_steps}

    def _gradient_callbacks(self) -> list[Any]:
        return [] if self.max_grad_norm is None else [GradientClipping(self.max_grad_norm)]

    @property
    def label_embeddings_(self) -> np.ndarray:
        """What the encoder reads for each label, shape ``(n_labels, k)``.

        Without joint embedding, what the words are compared with.
        """
        check_is_fitted(self)
        table = self.net_.module_.label_embedding
        if table is None:
            raise AttributeError(
                "With joint_embedding=False and cross_attention=False the labels have no vectors."
            )
        return table.weight.detach().cpu().numpy().copy()

    # -- persistence -----------------------------------------------------------------------------

    def _state_without_encoder(self) -> dict[str, Any]:
        """What was learnt, but for the weights that a pretrained encoder has anyway."""
        network = self.net_.module_
        frozen = [name for name, p in network.encoder.named_parameters() if not p.requires_grad]
        if not frozen or not isinstance(self.vocabulary_, WordPieces):
            raise ValueError(
                "All weights of this encoder were trained, so there is nothing to take from "
                "elsewhere. Save it with store_encoder=True, or fit it with a pretrained "
                "encoder and freeze_layers='all' (or some layers)."
            )
        state = self._fitted_state()
        weights = state["net_"]["weights"]
        original = pretrained_weights(self.encoder)
        for name in frozen:
            kept = weights.pop(f"encoder.{name}").cpu()
            if name not in original or not torch.equal(kept, original[name]):
                raise ValueError(
                    f"{name} of this model's encoder is not that of {self.encoder!r}: it was "
                    "trained in an earlier fit, or encoder was changed. Save the model with "
                    "store_encoder=True."
                )
        state["net_"]["frozen"] = {name: _digest(original[name]) for name in frozen}
        return state

    def _restore(self, state: dict[str, Any], device: str) -> None:
        parts = state["net_"]
        if frozen := parts.pop("frozen", {}):
            original = pretrained_weights(self.encoder)
            for name, digest in frozen.items():
                if name not in original or _digest(original[name]) != digest:
                    raise OSError(
                        f"The encoder {self.encoder!r} is not the one that the model was trained "
                        f"with: its {name} is another. Give the right one: load(folder, "
                        "encoder='path/to/encoder')."
                    )
                parts["weights"][f"encoder.{name}"] = original[name]
        super()._restore(state, device)


def _digest(tensor: torch.Tensor) -> str:
    return hashlib.sha256(tensor.contiguous().numpy().tobytes()).hexdigest()
