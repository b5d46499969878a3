"""LabelTreeClassifier: thousands of labels from raw text, in sparse matrices."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.preprocessing import normalize
from sklearn.utils import Tags, check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted

from sklabelemb.clones import KnowsItsOrigin, warning_once_for_clones
from sklabelemb.decision import SHRINKAGES, tuned_thresholds
from sklabelemb.decision.predicted_labels import check_top_k, labels_by_score
from sklabelemb.display import brief_html, brief_repr
from sklabelemb.learning.first_decisions import fewest_labels
from sklabelemb.model_selection.holdout import stratified_holdout
from sklabelemb.sklearn_internals import (
    HasMethods,
    Interval,
    StrOptions,
    check_sample_weight,
    fit_context,
)
from sklabelemb.targets import Targets
from sklabelemb.text import check_documents
from sklabelemb.text.tfidf import fitted_tfidf
from sklabelemb.tree.answers import decided, dense_probabilities, logits, scores_of
from sklabelemb.tree.features import as_indicator, with_constant
from sklabelemb.tree.growth import Growth
from sklabelemb.tree.thresholds import thresholds_at_first

__all__ = ["LabelTreeClassifier"]

# With fewer held-out texts nothing is tuned on them.
FEWEST_HELD_OUT = 10
_AT_LEAST_ONE = Interval(Integral, 1, None, closed="left")


class LabelTreeClassifier(KnowsItsOrigin, ClassifierMixin, BaseEstimator):
    """Extreme multi-label text classifier (thousands of labels): a tree of linear models.

    For thousands of labels, such as medical codes, EuroVoc or product categories. Labels are
    clustered by the mean TF-IDF of their texts and by their own descriptions. A linear model at
    each node of the tree predicts which of its children a text belongs to, and a beam search finds
    the labels of a new text without scoring all of them. A small regression then rescores these
    candidates by the frequency of a label and by how well its description matches, so rare labels,
    and labels without a single training text, are found by their names. Nothing of the size texts ×
    labels is ever dense.

    Parameters
    ----------
    vectorizer : transformer, default=None
        Turns a list of texts into a feature matrix; a clone is fitted, once. None means
        ``TfidfVectorizer(sublinear_tf=True, min_df=2, dtype=np.float32)``. Word pairs
        (``ngram_range=(1, 2)``) usually gain a point, in three times the time.
    C : float, default=1.0
        Inverse regularisation of the linear models, as in :class:`sklearn.svm.LinearSVC`.
    max_children : int, default=100
        Groups with more labels are clustered further.
    beam_size : int, default=10
        Number of groups per level that are searched further. A larger beam finds more labels, and
        takes longer.
    n_candidates : int, default=100
        Largest number of labels that a tree scores per text. All others have probability 0, except
        for the 20 whose descriptions match best.
    min_weight : float, default=0.02
        Smaller weights are dropped, which makes the model several times smaller without a loss in
        scores. 0 keeps all.
    n_trees : int, default=1
        Number of trees, each clustered from another start; their probabilities are averaged.
    label_names : sequence, default=None
        Names of the labels where `y` is an array or a sparse matrix, in the order of its columns,
        such as the ``classes_`` of a ``MultiLabelBinarizer``. For 1-D classes: names for them.
    label_texts : dict, sequence of str, "auto" or None, default="auto"
        A name or description per label, by label name or in the order of the labels. "auto": the
        label names, where they are strings.
    threshold : float, sequence of float, dict, "tuned", "micro" or "macro", default="tuned"
        Probability from which a label is predicted: one number, one per label (a dict by label
        name; 0.5 for labels that it leaves out), or tuned on held-out texts: for micro- and
        macro-F1 together ("tuned"), for micro-F1 alone, or for macro-F1, where rare labels count
        as much as frequent ones. Label sets only.
    threshold_shrinkage : float or "auto", default="auto"
        For tuned thresholds: with this many positives among the held-out texts, a label's threshold
        lies halfway between the one that is best for all labels and the one best for itself.
        "auto": 400, and 5 for "macro".
    min_labels : int or "auto", default="auto"
        Smallest number of labels to predict per text. "auto": the smallest number in the training
        texts.
    validation_fraction : float, default=0.1
        Share of the training texts, iteratively stratified, held out to fit the rescoring of
        candidates and to tune thresholds. If that is fewer than ten texts, none are held out.
    refit : bool, default=True
        Whether to train the trees again on all texts afterwards, which doubles the time. Has no
        effect if ``fit`` gets `X_val`.
    sparse_output : bool, default=False
        Whether :meth:`predict_proba` returns a CSR matrix, in which missing entries are 0.
    n_jobs : int, default=None
        Number of threads that train nodes in parallel. None: one node after the other, each with
        torch's threads.
    random_state : int, RandomState instance or None, default=None
        Draws the first centres of clusters, and the held-out texts.
    verbose : int, default=0
        1 shows a progress bar with the remaining time.

    Attributes
    ----------
    vectorizer_ : transformer
        The fitted vectorizer.
    forest_ : LabelForest
        The trees, ``forest_.trees``, and ``forest_.rescoring``, which scores what they find.
    classes_ : ndarray of shape (n_labels, 2) or (n_classes,)
        ``[0, 1]`` for every label, or the classes of 1-D targets.
    label_names_ : ndarray of object, shape (n_labels,)
        Columns of a DataFrame, or `label_names`, else column numbers; classes of 1-D targets.
    thresholds_ : ndarray of shape (n_labels,), or None for single classes
        May be set after the fit.
    nearest_by_ : {"logits", "scores"}
        How the distance to the threshold is measured to fill a prediction up to `min_labels_`.
    min_labels_ : int
    targets_ : Targets
        The form of `y`.

    See Also
    --------
    BinaryRelevance : A linear model for each label; for tens or hundreds of labels.

    Notes
    -----
    A node's model minimises squared hinge loss on the texts that have a label below the node, in
    the features that occur there, all children at once by Newton's method. The probability of a
    path is the product of ``sigmoid(4 * score)`` along it.

    References
    ----------
    .. [1] Y. Prabhu, A. Kag, S. Harsola, R. Agrawal, M. Varma. "Parabel: Partitioned Label Trees
       for Extreme Classification". WWW 2018.
    .. [2] S. Khandagale, H. Xiao, R. Babbar. "Bonsai: Diverse and Shallow Trees for Extreme
       Multi-label Classification". Machine Learning 109, 2020.

    Examples
    --------
    >>> from sklabelemb import LabelTreeClassifier
    >>> from sklabelemb.datasets import load_support_requests
    >>> from sklabelemb.metrics import precision_at_k
    >>> X, y = load_support_requests(return_X_y=True)
    >>> tree = LabelTreeClassifier(max_children=4, sparse_output=True, random_state=0)
    >>> tree = tree.fit(X[:400], y[:400])
    >>> proba = tree.predict_proba(X[400:])
    >>> type(proba).__name__, round(precision_at_k(y[400:], proba, k=1), 1)
    ('csr_matrix', 0.7)
    """

    _parameter_constraints: dict = {
        "vectorizer": [HasMethods(["fit_transform", "transform"]), None],
        "C": [Interval(Real, 0, None, closed="neither")],
        "max_children": [Interval(Integral, 2, None, closed="left")],
        "beam_size": [_AT_LEAST_ONE],
        "n_candidates": [_AT_LEAST_ONE],
        "min_weight": [Interval(Real, 0, None, closed="left")],
        "n_trees": [_AT_LEAST_ONE],
        "label_names": ["array-like", None],
        "label_texts": [dict, "array-like", StrOptions({"auto"}), None],
        "threshold": [Real, dict, "array-like", StrOptions({"tuned", "micro", "macro"})],
        "threshold_shrinkage": [Interval(Real, 0, None, closed="both"), StrOptions({"auto"})],
        "min_labels": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "refit": ["boolean"],
        "sparse_output": ["boolean"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        vectorizer: Any = None,
        C: float = 1.0,
        max_children: int = 100,
        beam_size: int = 10,
        n_candidates: int = 100,
        min_weight: float = 0.02,
        n_trees: int = 1,
        label_names: Any = None,
        label_texts: Any = "auto",
        threshold: Any = "tuned",
        threshold_shrinkage: float | str = "auto",
        min_labels: int | str = "auto",
        validation_fraction: float = 0.1,
        refit: bool = True,
        sparse_output: bool = False,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int | bool = 0,
    ) -> None:
        self.vectorizer = vectorizer
        self.C = C
        self.max_children = max_children
        self.beam_size = beam_size
        self.n_candidates = n_candidates
        self.min_weight = min_weight
        self.n_trees = n_trees
        self.label_names = label_names
        self.label_texts = label_texts
        self.threshold = threshold
        self.threshold_shrinkage = threshold_shrinkage
        self.min_labels = min_labels
        self.validation_fraction = validation_fraction
        self.refit = refit
        self.sparse_output = sparse_output
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None
    ) -> Self:
        """Fit the vectorizer, cluster the labels, train the trees, and tune the thresholds.

        Parameters
        ----------
        X : list, tuple, array or Series of str, shape (n_samples,)
            Raw texts.
        y : array-like of shape (n_samples,) or indicator of shape (n_samples, n_labels)
            1-D classes; or a 0/1 indicator: dense, scipy sparse, or a DataFrame whose columns name
            the labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the texts in the loss. Only the vectorizer uses texts of weight 0.
        X_val, y_val : as `X` and `y`, default=None
            Texts to tune on, instead of a part of `X`.

        Returns
        -------
        self : estimator
            The fitted estimator.
        """
        documents = check_documents(X)
        targets = Targets.infer(y, label_names=self.label_names)
        target = targets.encode(y, label_names=self.label_names)
        check_consistent_length(documents, target)
        weight = None
        if sample_weight is not None:
            weight = check_sample_weight(sample_weight, documents, ensure_non_negative=True)
        thresholds = thresholds_at_first(self.threshold, targets)
        label_texts = targets.texts_of_labels(self.label_texts)
        held_out = self._check_held_out(targets, X_val, y_val)
        vectorizer, features = self._vectorize(documents, y)
        features = with_constant(features)
        if weight is not None:
            kept = np.flatnonzero(weight)
            features, target, weight = features[kept], target[kept], weight[kept]
            # Only ratios count, so that C means the same at any scale.
            weight = weight / weight.mean()
        if targets.multilabel:
            with warning_once_for_clones(self):
                targets.warn_about_empty_labels(target)
        label_features = None
        if label_texts is not None:
            label_features = with_constant(normalize(vectorizer.transform(label_texts)), 0)
        random = check_random_state(self.random_state)
        indicator = as_indicator(target, targets)
        n_texts = n_train = indicator.shape[0]
        if held_out is None:
            train, cut = self._split(target, random)
            n_train = len(train)
            if len(cut):
                # Held-out texts come last, so that the others need not be copied.
                order = np.concatenate([train, cut])
                features, indicator = features[order], indicator[order]
                weight = None if weight is None else weight[order]
            valid, truth = features[n_train:], indicator[n_train:]
        else:
            texts, truth = held_out
            valid = with_constant(vectorizer.transform(texts))
        grow = self._growth(label_features, random)
        forest = grow(features, indicator, n_train, weight)
        if valid.shape[0] >= FEWEST_HELD_OUT:
            forest = forest.rescored_by(valid, truth)
            if thresholds is not None and isinstance(self.threshold, str):
                thresholds = self._tuned(truth, forest.probabilities(valid))
        if self.refit and n_train < n_texts:
            forest = grow(features, indicator, n_texts, weight).rescored_as(forest)
        # Nothing is set before all is done: a fit that failed does not look fitted.
        self.vectorizer_ = vectorizer
        self.forest_ = forest
        self.targets_ = targets
        self.classes_ = targets.classes
        self.label_names_ = targets.label_names
        self.thresholds_ = thresholds
        self.min_labels_ = fewest_labels(self.min_labels, targets, target, None)
        self.nearest_by_ = "logits"
        self.sparse_output_ = self.sparse_output
        return self

    def predict(self, X: Any) -> Any:
        """Predict labels or classes, in the form that `y` had in :meth:`fit`.

        Parameters
        ----------
        X : list, tuple, array or Series of str, shape (n_samples,)
            Raw texts.

        Returns
        -------
        y : ndarray, sparse matrix or DataFrame
            Classes of shape (n_samples,), or an indicator of shape (n_samples, n_labels) with the
            container and dtype of the `y` that was fitted: CSR for CSR.
        """
        decisions = self._decided(self._scores(X))
        if not self.targets_.multilabel:
            decisions = decisions.indices
        return self.targets_.decode(decisions, index=getattr(X, "index", None))

    def predict_labels(
        self, X: Any, top_k: int | None = None, with_scores: bool = False
    ) -> list[tuple[Any, ...]]:
        """Predict label names, the most probable first.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)
        top_k : int, default=None
            Return this many labels with the highest scores, predicted or not, as far as there are
            candidates. None: the predicted labels, which may be none.
        with_scores : bool, default=False
            Whether each name comes in a pair with its probability.

        Returns
        -------
        list of tuple
            For each text its labels: ``("refund", "delivery")``, or ``(("refund", 0.93), ...)``.
        """
        check_top_k(top_k)
        scores = self._scores(X)
        decisions = self._decided(scores)
        return labels_by_score(self.label_names_, scores, decisions, top_k, with_scores)

    def predict_proba(self, X: Any) -> np.ndarray | sp.csr_matrix:
        """Probability of each label or class.

        Parameters
        ----------
        X : list, tuple, array or Series of str, shape (n_samples,)
            Raw texts.

        Returns
        -------
        probabilities : ndarray, or csr_matrix if `sparse_output`, shape (n_samples, n_labels)
            Multi-label: one probability per label, strictly between 0 and 1; a CSR matrix has those
            of the candidates only. For 1-D targets each row sums to 1.
        """
        scores = self._scores(X)
        return scores if self.sparse_output_ else dense_probabilities(scores, self._multilabel)

    def decision_function(self, X: Any) -> np.ndarray:
        """Logits of the labels, or logarithms of the classes' probabilities: always dense.

        Parameters
        ----------
        X : list, tuple, array or Series of str, shape (n_samples,)
            Raw texts.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_labels)
            Labels that are not candidates have the lowest score, -36. For two classes of 1-D
            targets, shape (n_samples,), the logit of ``classes_[1]``.
        """
        return logits(self._scores(X), self._multilabel)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy; for multi-label targets subset accuracy (all labels of a text right).

        Parameters
        ----------
        X : list, tuple, array or Series of str, shape (n_samples,)
        y : array-like of shape (n_samples,) or indicator of shape (n_samples, n_labels)
            Columns of a DataFrame go by name.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        score : float
        """
        return self.targets_.accuracy(y, self.predict(X), sample_weight)

    @property
    def _multilabel(self) -> bool:
        return self.targets_.multilabel

    def _decided(self, scores: sp.csr_matrix) -> sp.csr_matrix:
        # Trees that were saved before format 7 do not have it.
        nearest_by = getattr(self, "nearest_by_", "scores")
        return decided(scores, self.thresholds_, self.min_labels_, nearest_by)

    def _scores(self, X: Any) -> sp.csr_matrix:
        check_is_fitted(self)
        features = self.vectorizer_.transform(check_documents(X))
        return scores_of(self.forest_, features, self._multilabel)

    def _vectorize(self, documents: Sequence[str], y: Any) -> tuple[Any, Any]:
        if self.vectorizer is None:
            return fitted_tfidf(documents, ngram_range=(1, 1), dtype=np.float32)
        vectorizer = clone(self.vectorizer)
        return vectorizer, vectorizer.fit_transform(documents, y)

    def _check_held_out(
        self, targets: Targets, X_val: Any, y_val: Any
    ) -> tuple[Sequence[str], sp.csr_matrix] | None:
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val go together: give both of them, or neither.")
        if X_val is None:
            return None
        documents = check_documents(X_val)
        truth = as_indicator(targets.encode(y_val, label_names=self.label_names), targets)
        check_consistent_length(documents, truth)
        return documents, truth

    def _split(self, target: Any, random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
        """The texts that trees are first trained on, and the held-out ones."""
        seed = random.randint(2**31 - 1)
        train, cut = stratified_holdout(target, self.validation_fraction, seed)
        if len(cut) < FEWEST_HELD_OUT:
            return np.arange(target.shape[0]), cut[:0]
        return train, cut

    def _tuned(self, truth: sp.csr_matrix, scores: sp.csr_matrix) -> np.ndarray:
        shrinkage = self.threshold_shrinkage
        if isinstance(shrinkage, str):
            shrinkage = SHRINKAGES[self.threshold]
        return tuned_thresholds(truth, scores, shrinkage, self.threshold)

    def _growth(
        self, label_features: sp.csr_matrix | None, random: np.random.RandomState
    ) -> Growth:
        return Growth(
            seeds=random.randint(2**31 - 1, size=self.n_trees),
            label_features=label_features,
            C=self.C,
            max_children=self.max_children,
            beam_size=self.beam_size,
            n_candidates=self.n_candidates,
            min_weight=self.min_weight,
            n_jobs=self.n_jobs,
            verbose=self.verbose,
        )

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        return brief_repr(self, N_CHAR_MAX)

    _html_repr = brief_html

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.sparse = False
        tags.classifier_tags.multi_label = True
        tags.target_tags.one_d_labels = True
        return tags
