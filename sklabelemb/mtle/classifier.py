"""MTLE as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from sklearn.callback import with_callbacks

from sklabelemb.base import ENCODERS, MEMORY, VECTORS, LabelEmbeddingClassifier
from sklabelemb.learning import Task, read_samples, read_tasks
from sklabelemb.learning.task import check_task_mapping
from sklabelemb.mtle.answers_by_task import AnswersByTask
from sklabelemb.mtle.known_by_text import KnownByText
from sklabelemb.mtle.recipe import MTLERecipe
from sklabelemb.sklearn_internals import Interval, StrOptions, fit_context

__all__ = ["MTLEClassifier"]


class MTLEClassifier(KnownByText, AnswersByTask, LabelEmbeddingClassifier):
    """Multi-task and zero-shot text classifier with label embeddings (MTLE).

    A text and the words of each label's name become vectors, and a matcher scores the pair. No
    weight belongs to a label or a task: several tasks share everything they learn, and a further
    task needs nothing but the texts of its labels.

    With one task, use it like any classifier. Several tasks are trained by ``fit(X, y, task=...)``,
    where `task` names each sample's task, or by :meth:`fit_tasks`. Add later tasks with
    :meth:`partial_fit` (Hot Update), with a new :meth:`fit_tasks` on all of them (Cold Update), or
    with :meth:`add_task` without a single sample (Zero Update).

    Parameters
    ----------
    heads : {"label", "task"}, default="label"
        How a text's vector is scored. "label": a matcher, with the texts of labels. "task": a
        linear layer for each task, as in the multi-task systems that label embeddings are compared
        with (:data:`sklabelemb.mtle.PRESETS`). Label texts are then ignored, and tasks or labels
        without samples cannot be added; :meth:`partial_fit` can still add tasks.
    encoder : {"bilstm", "mean", "dnn", "cnn", "shared_layer", "shared_memory"}, str, path or \
            object, default="bilstm"
        How a text becomes a vector: by a BiLSTM over its words (the paper), or as a weighted mean
        of its word vectors, which trains more than ten times as fast but ignores word order. Or a
        pretrained encoder, as in :class:`.LEAMClassifier`, that embeds both texts and label texts
        and is not fine-tuned: labels then start at the vectors of their texts, so few samples are
        enough, and none are required (:meth:`fit_labels`, :meth:`add_task`). A network with the
        mean encoder is trained beside it. The last four names are encoders with task-specific
        layers, for ``heads="task"``; see :class:`.MultiTaskNetwork`.
    memory : path, joblib.Memory or None, default=None
        Folder that caches a pretrained encoder's vectors across fits.
    embedding_dim : int, default=100
        Dimensions of word vectors; the paper has 300.
    hidden_size : int, default=100
        Units per direction of the BiLSTM (the paper's m), and of task-specific layers.
    pooling : {"last", "max", "mean"}, default="max"
        Which of an LSTM's states make the text's vector: each direction's last (the paper), or the
        largest or mean value of each dimension over the text.
    matcher : {"cosine", "bilinear", "mlp", "concat"}, default="cosine"
        What scores a text and a label: their cosine in a common space, an inner product, or a
        hidden layer over both and their product. "concat" is the equation as printed, whose
        decisions never depend on the text; for study only.
    matcher_size : int, default=100
        Dimensions of the common space, and of the hidden layer.
    window_size : int, default=3
        Of the filters of "cnn", in words.
    n_segments : int, default=10
        Of each memory of "shared_memory".
    segment_size : int, default=20
        Dimensions of a segment.
    label_names : sequence, dict of such by task, or None, default=None
        As in :class:`.LEAMClassifier`, for all tasks alike or by the names of tasks.
    label_texts : dict, sequence of str, "auto" or None, default="auto"
        What each label means, in words or whole sentences, by label name or in the order of the
        labels; for all tasks, or a dict of such by the names of tasks. "auto": the label names,
        where they are strings (classes, or columns of a DataFrame). The vector of a label without a
        text gets its meaning from training alone.
    vectors : path, pair, mapping, KeyedVectors or None, default=None
        Pretrained word vectors, see :func:`sklabelemb.text.load_vectors`; of `embedding_dim`
        dimensions or fewer. Both word tables start from them. They are looked up again when new
        words appear, so prefer a path to an array if you want to save the model.
    task_sampling : {"proportional", "uniform"}, default="proportional"
        How each step draws a task: in proportion to its remaining batches, or with equal
        probability among the tasks that have any left. Either way an epoch sees each sample once.
    dropout : float, default=0.3
        On the dimensions of word vectors and of text vectors.
    word_dropout : float, default=0.1
        Probability of dropping a word from a training text.
    tokenizer : callable, default=None
        ``tokenizer(text) -> list of str``, for texts and labels. None:
        :class:`sklabelemb.text.Tokenizer` with the next two options.
    lowercase, mask_numbers, max_features, min_df, max_length
        As in :class:`.LEAMClassifier`; words of label texts are always kept.
    class_weight : dict, sequence of float, "balanced" or None, default=None
        Weights of the classes; for label sets, of the positives of each label. The keys of a dict
        are label names; they apply to every task that has such a label (at least one must).
    threshold, threshold_shrinkage, min_labels
        As in :class:`.LEAMClassifier`, for each task that has label sets.
    max_epochs : int or "auto", default="auto"
        "auto": enough for 1,000 steps, between 3 and 8; with label sets, enough for 4,000 steps,
        between 3 and 30; with few texts, enough for at least 200 steps.
    batch_size : int or "auto", default=32
        Texts per batch, as in the paper.
    learning_rate : float, default=3e-3
        Peak of Adam's step size.
    warmup, weight_decay
        As in :class:`.LEAMClassifier`.
    validation_fraction : float, default=0.1
        Share of each task's training texts, stratified, that is held out to choose thresholds of
        label sets or the best epoch (see `patience`). Nothing is held out of a task if that would
        be fewer than ten texts, or if `fit` gets an `X_val` for it.
    patience : int or None, default=None
        Epochs without improvement of the mean validation score of the tasks before training stops;
        the best epoch's weights are kept. None runs all epochs and keeps the last, because the
        learning rate ends at zero and a small task has no texts to spare.
    warm_start : bool, default=False
        Whether the next fit starts from the current weights. Tasks without samples in that fit are
        kept.
    checkpoint : path or None, default=None
        Folder that lets an interrupted fit resume: `fit` with the same data and parameters
        continues after the last complete epoch and gives the same model, bit for bit on a CPU. Each
        fit has its own subfolder, so all fits of a search can share one. See :ref:`the user guide
        <checkpoints>`.
    device, mixed_precision, random_state, verbose, net_params
        As in :class:`.LEAMClassifier`.

    Attributes
    ----------
    tasks_ : dict of str or int to Task
        Name, classes, label names, label texts and thresholds of every task, in the order in which
        they came. A plain ``fit(X, y)`` has one task, called "default".
    classes_, label_names_, thresholds_, min_labels_
        Those of the only task, or of the task "default". A model of several named tasks does not
        have them; see ``tasks_["books"].classes`` and so on.
    vocabulary_ : Vocabulary
    net_ : TextNet
        The fitted skorch net; ``net_.module_`` is the torch module.
    history_ : list of dict
        Losses, mean validation score and seconds of every epoch.
    n_iter_ : int
        Epochs run.
    best_epoch_ : int
        The epoch whose weights were kept, counted from 1.

    See Also
    --------
    LEAMClassifier : Label-embedding attention for one task; stronger where labels are many.

    Notes
    -----
    Labels and tasks without samples require ``heads="label"``.

    Scores can be compared within a task only. A softmax (for label sets, a sigmoid with thresholds)
    turns them into probabilities among the labels of that task; they cannot be compared with scores
    of another task.

    References
    ----------
    Zhang, H., Xiao, L., Chen, W., Wang, Y. and Jin, Y. (2018). Multi-Task Label Embedding for Text
    Classification. EMNLP.

    Examples
    --------
    >>> from sklabelemb import MTLEClassifier
    >>> books = ["a moving story", "dull and far too long", "i loved this novel"] * 8
    >>> dvds = ["a dull film", "loved the story", "moving pictures, a great film"] * 8
    >>> opinion = {"pro": "good moving loved", "con": "bad dull long"}
    >>> model = MTLEClassifier(
    ...     encoder="mean",
    ...     embedding_dim=16,
    ...     learning_rate=0.05,
    ...     max_epochs=30,
    ...     label_texts=opinion,
    ...     random_state=0,
    ... )
    >>> tasks = {
    ...     "books": (books, ["pro", "con", "pro"] * 8),
    ...     "dvd": (dvds, ["con", "pro", "pro"] * 8),
    ... }
    >>> model = model.fit_tasks(tasks)
    >>> model.predict(["such a moving film", "how dull"], task="dvd")
    array(['pro', 'con'], dtype='<U3')

    Add another task without a single sample:

    >>> model = model.add_task("music", classes=["hit", "miss"], label_texts=["loved", "dull"])
    >>> model.predict(["great, i loved it", "long and dull"], task="music")
    array(['hit', 'miss'], dtype='<U4')
    """

    _recipe = MTLERecipe
    _parameter_constraints: dict[str, Any] = {
        **LabelEmbeddingClassifier._parameter_constraints,
        "heads": [StrOptions({"label", "task"})],
        "encoder": [option for option in ENCODERS if option is not None],
        "memory": MEMORY,
        "embedding_dim": [Interval(Integral, 1, None, closed="left")],
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "pooling": [StrOptions({"last", "max", "mean"})],
        "matcher": [StrOptions({"cosine", "bilinear", "mlp", "concat"})],
        "matcher_size": [Interval(Integral, 1, None, closed="left")],
        "window_size": [Interval(Integral, 1, None, closed="left")],
        "n_segments": [Interval(Integral, 1, None, closed="left")],
        "segment_size": [Interval(Integral, 1, None, closed="left")],
        "label_names": [dict, "array-like", None],
        "vectors": VECTORS,
        "task_sampling": [StrOptions({"uniform", "proportional"})],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "word_dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        *,
        heads: str = "label",
        encoder: Any = "bilstm",
        memory: Any = None,
        embedding_dim: int = 100,
        hidden_size: int = 100,
        pooling: str = "max",
        matcher: str = "cosine",
        matcher_size: int = 100,
        window_size: int = 3,
        n_segments: int = 10,
        segment_size: int = 20,
        label_names: Mapping[Any, Any] | Sequence[Any] | None = None,
        label_texts: Mapping[Any, Any] | Sequence[str] | str | None = "auto",
        vectors: Any = None,
        task_sampling: str = "proportional",
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
        max_epochs: int | str = "auto",
        batch_size: int | str = 32,
        learning_rate: float = 3e-3,
        warmup: float = 0.1,
        weight_decay: float = 0.0,
        validation_fraction: float = 0.1,
        patience: int | None = None,
        device: str = "auto",
        mixed_precision: bool = False,
        warm_start: bool = False,
        checkpoint: Any = None,
        random_state: Any = None,
        verbose: int | bool = 0,
        net_params: dict[str, Any] | None = None,
    ) -> None:
        self.heads = heads
        self.encoder = encoder
        self.memory = memory
        self.embedding_dim = embedding_dim
        self.hidden_size = hidden_size
        self.pooling = pooling
        self.matcher = matcher
        self.matcher_size = matcher_size
        self.window_size = window_size
        self.n_segments = n_segments
        self.segment_size = segment_size
        self.label_names = label_names
        self.label_texts = label_texts
        self.vectors = vectors
        self.task_sampling = task_sampling
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

    # -- fitting ---------------------------------------------------------------------------------

    @fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        task: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        task_val: Any = None,
    ) -> MTLEClassifier:
        """Fit the model to the texts of one task or several.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)
            Raw texts.
        y : array-like of shape (n_samples,), or indicator of shape (n_samples, n_labels)
            Classes; each task has the classes that occur in its samples. Or a 0/1 label indicator
            whose columns are the labels of every task (if the label sets differ, see
            :meth:`fit_tasks`).
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples' losses; only their ratios matter.
        task : str, int, or array-like of these, shape (n_samples,), default=None
            The task of each sample, or one for all. With scikit-learn's metadata routing it is
            split like the samples: ``set_fit_request(task=True)`` and, for the default scorer,
            ``set_score_request(task=True)``. None: one task, "default".
        X_val : list, array or Series of str, shape (n_val,), default=None
            Raw texts of a validation set, which is never trained on: words that `X` lacks stay
            unknown. Thresholds and mixtures, and with `patience` the best epoch, are chosen on
            them, however few there are. Nothing is held out of tasks that have validation texts;
            `validation_fraction` applies to the others.
        y_val : like `y`, of n_val samples, default=None
            Their classes or labels. A DataFrame's columns go by name.
        task_val : str, int, or array-like of these, shape (n_val,), default=None
            Their tasks; not needed if all texts belong to one.

        Returns
        -------
        self : MTLEClassifier
            If anything goes wrong, or is interrupted, the estimator is left unfitted (with
            ``warm_start``: as it was).

        Raises
        ------
        ValueError, TypeError
            When an argument or a parameter cannot be used; the message says where and what to do.
        FloatingPointError
            When the loss is no longer a number.
        MemoryError
            When the GPU's memory is exhausted.
        """
        validation = {"X_val": X_val, "y_val": y_val, "task_val": task_val}
        return self._fit(read_samples, X, y, X, y, sample_weight, task=task, **validation)

    @fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def fit_tasks(
        self,
        tasks: Mapping[Any, Any],
        weights: Mapping[Any, float] | None = None,
        label_names: Mapping[Any, Any] | None = None,
        *,
        tasks_val: Mapping[Any, Any] | None = None,
    ) -> MTLEClassifier:
        """Fit the model to several tasks, each with texts and targets of its own.

        Parameters
        ----------
        tasks : dict
            ``{name: (X, y)}`` with `X` and `y` as in :meth:`fit`. Tasks may be multi-class and
            multi-label, with classes of any kind.
        weights : dict, default=None
            The λ of each task in the sum of the losses; 1 for tasks that are not listed. Only
            ratios matter.
        label_names : dict, default=None
            ``{name: names}``: label names for tasks whose targets have none. For tasks that are not
            listed, the parameter `label_names` applies.
        tasks_val : dict, default=None
            ``{name: (X_val, y_val)}``, validation sets as in :meth:`fit`, for some tasks or all.

        Returns
        -------
        self : MTLEClassifier
        """
        check_task_mapping(tasks, weights)
        if tasks_val is not None:
            check_task_mapping(tasks_val, None, "tasks_val")
        X = {name: texts for name, (texts, _) in tasks.items()}
        y = {name: targets for name, (_, targets) in tasks.items()}
        return self._fit(read_tasks, X, y, tasks, weights, label_names, tasks_val=tasks_val)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
        task: Any = None,
    ) -> MTLEClassifier:
        """Train for one epoch on new texts (incremental training, Hot Update).

        A new task gets its labels from `y` (or `classes`) and their texts from `label_texts`,
        unless :meth:`add_task` has added it. New words get their vectors from `vectors`, or random
        ones; existing vectors keep their values until they are trained. Nothing is held out,
        thresholds stay as they are (0.5 at first, unless `threshold` says otherwise), and the
        learning rate is constant.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)
        y : array-like of shape (n_samples,), or indicator of shape (n_samples, n_labels)
        classes : array-like of shape (n_classes,), or dict of such by task, default=None
            For the first call with a single-label `y` of a task: every class that will ever occur.
        sample_weight : array-like of shape (n_samples,), default=None
        task : str, int, or array-like of these, shape (n_samples,), default=None
            As in :meth:`fit`. Only these tasks are trained, but the shared weights change for all.

        Returns
        -------
        self : MTLEClassifier
        """
        return self._partial_fit(X, y, sample_weight, classes=classes, task=task)

    @property
    def tasks_(self) -> Mapping[Any, Task]:
        """Labels, label texts and thresholds of every task, in the order in which they came."""
        return self._fitted_model().tasks
