"""Base class of the meta-estimators: cross-validated scores of a wrapped classifier."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import check_cv
from sklearn.utils import Bunch, Tags, get_tags, indexable
from sklearn.utils.metadata_routing import (
    UNUSED,
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from sklabelemb.decision.predicted_labels import check_top_k, labels_by_score
from sklabelemb.decision.responses import label_answers, response_name
from sklabelemb.display import brief_html, brief_repr
from sklabelemb.inspection.explanation import Explanations
from sklabelemb.meta.cross_fit import CrossFit, Scored, fit_and_score
from sklabelemb.model_selection import MultilabelStratifiedKFold, MultilabelStratifiedShuffleSplit
from sklabelemb.progress import progress_bar
from sklabelemb.sklearn_internals import (
    HasMethods,
    Interval,
    StrOptions,
    check_sample_weight,
    fit_context,
    raise_for_params,
)
from sklabelemb.sparse_rows import concatenated
from sklabelemb.targets import Targets, names_of, positions

__all__ = ["LabelMetaEstimator", "estimator_has"]


def estimator_has(method: str) -> Callable[[Any], bool]:
    """Whether the classifier inside has a method, for `available_if`."""

    def check(meta: Any) -> bool:
        return hasattr(getattr(meta, "estimator_", meta.estimator), method)

    return check


class LabelMetaEstimator(ClassifierMixin, MetaEstimatorMixin, BaseEstimator, metaclass=ABCMeta):
    """A multi-label classifier around another, which learns from its cross-validated scores.

    A subclass defines :meth:`_learn`, which is given these scores and the truth, and
    :meth:`predict`.

    Parameters
    ----------
    estimator, label_names, response_method, cv, refit, n_jobs, random_state, verbose
        See the subclasses.
    """

    _parameter_constraints: dict = {
        "estimator": [
            HasMethods(["fit", "predict_proba"]),
            HasMethods(["fit", "decision_function"]),
        ],
        "label_names": ["array-like", None],
        "response_method": [StrOptions({"auto", "predict_proba", "decision_function"})],
        "cv": [
            "cv_object",
            StrOptions({"prefit"}),
            Interval(Real, 0, 1, closed="neither"),
        ],
        "refit": ["boolean"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    estimator: Any
    label_names: Any
    response_method: str
    cv: Any
    refit: bool
    n_jobs: int | None
    random_state: Any
    verbose: int | bool

    # The weights are the classifier's; see get_metadata_routing.
    __metadata_request__fit = {"sample_weight": UNUSED}

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any, sample_weight: Any = None, **params: Any) -> Self:
        """Fit the classifier, and learn from scores of samples that it was not trained on.

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, n_features)
            What the classifier takes: raw texts or features.
        y : indicator of shape (n_samples, n_labels)
            0/1, dense, scipy sparse, or a DataFrame whose columns name the labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights for fitting the classifier.
        **params : dict
            With metadata routing enabled: whatever the classifier's ``fit`` and the splitter's
            ``split`` request, such as `groups`.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ValueError
            When `y` is not an indicator, or `cv`, `refit` and the classifier do not go together.
        """
        X, y = indexable(X, y)
        targets = Targets.infer(y, label_names=self.label_names)
        if not targets.multilabel:
            raise ValueError(
                f"{type(self).__name__} is for label indicators, but y is 1-D: one class per "
                "sample. For classes scikit-learn has TunedThresholdClassifierCV and "
                "CalibratedClassifierCV."
            )
        indicator = targets.encode(y, label_names=self.label_names)
        if sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, X, ensure_non_negative=True)
        routed = self._routed(sample_weight, params)
        cross_fit = self._cross_fit(
            X, y, indicator, targets, routed.estimator.fit, routed.splitter.split
        )
        if not targets.named and (names := names_of(cross_fit.estimator)):
            targets = targets.renamed(names)
        learned = self._learn(cross_fit, targets, indicator)
        # Nothing is set before all is done: a fit that failed does not look fitted.
        estimator = self.estimator_ = cross_fit.estimator
        self.targets_ = targets
        self.classes_ = targets.classes
        self.label_names_ = targets.label_names
        self.response_method_ = cross_fit.method
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
            if hasattr(estimator, name):
                setattr(self, name, getattr(estimator, name))
        for name, value in learned.items():
            setattr(self, name, value)
        return self

    @abstractmethod
    def _learn(
        self, cross_fit: CrossFit, targets: Targets, indicator: sp.csr_matrix
    ) -> dict[str, Any]:
        """Learn from cross-validated scores, and return the attributes to set.

        Parameters
        ----------
        cross_fit : CrossFit
        targets : Targets
            The form of y.
        indicator : csr_matrix of shape (n_samples, n_labels)
            All of y.
        """

    @abstractmethod
    def _scores_and_decisions(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Scores of the labels as decisions were made by them, and these decisions."""

    def _predict(self, X: Any) -> Any:
        check_is_fitted(self)
        _, decisions = self._scores_and_decisions(X)
        return self.targets_.decode(decisions, index=getattr(X, "index", None))

    def predict_labels(
        self, X: Any, top_k: int | None = None, with_scores: bool = False
    ) -> list[tuple[Any, ...]]:
        """Predict label names, the most probable first.

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, n_features)
            What the classifier takes.
        top_k : int, default=None
            Return this many labels with the highest scores, predicted or not. None: those that
            :meth:`predict` predicts, which may be none.
        with_scores : bool, default=False
            Whether each name comes in a pair with its score: a probability, or a decision value
            where the classifier gives no probabilities.

        Returns
        -------
        list of tuple
            For each sample its labels: ``("refund", "delivery")``, or ``(("refund", 0.93), ...)``.
        """
        check_top_k(top_k)
        check_is_fitted(self)
        scores, decisions = self._scores_and_decisions(X)
        return labels_by_score(self.label_names_, scores, decisions, top_k, with_scores)

    @available_if(estimator_has("explain"))
    def explain(self, X: Any) -> Any:
        """Explain predictions, with the decisions of this estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples,)
            Raw texts.

        Returns
        -------
        list of Explanation
            Those of the classifier, with the decisions (and the probabilities) of this estimator.
        """
        check_is_fitted(self)
        explanations = self.estimator_.explain(X)
        _, decisions = self._scores_and_decisions(X)
        proba = self.predict_proba(X)
        names = list(self.label_names_)
        order = names_of(self.estimator_) if self.targets_.named else None
        places = slice(None) if order is None else positions(names, order)
        places = slice(None) if places is None else places
        return Explanations(
            replace(e, predicted=decided[places], proba=p[places])
            for e, decided, p in zip(explanations, decisions, proba, strict=True)
        )

    @available_if(estimator_has("add_labels"))
    def add_labels(self, names: Any, label_texts: Any = "auto") -> Self:
        """Add labels by their texts, without samples, to the wrapped classifier.

        This estimator has learned nothing about them, so the classifier decides: they are predicted
        at a probability of 0.5 or more.

        Parameters
        ----------
        names : sequence
            Names of the new labels, which are appended to the others.
        label_texts : dict, sequence of str, or "auto", default="auto"
            Words or whole sentences for each label; "auto": the names.

        Returns
        -------
        self : estimator
            With a copy of the classifier; the original stays as it is.
        """
        check_is_fitted(self)
        targets, order = self.targets_.with_labels(names)
        # Fitted attributes are replaced, never changed in place.
        estimator = copy(self.estimator_).add_labels(names, label_texts)
        for name, value in self._with_labels(order).items():
            setattr(self, name, value)
        self.estimator_ = estimator
        self.targets_ = targets
        self.classes_ = targets.classes
        self.label_names_ = targets.label_names
        return self

    @abstractmethod
    def _with_labels(self, order: np.ndarray) -> dict[str, Any]:
        """The fitted attributes with additional labels, by name.

        Parameters
        ----------
        order : int ndarray of shape (n_labels,)
            Where each label stood before; -1 for new ones.
        """

    @available_if(estimator_has("transform"))
    def transform(self, X: Any) -> Any:
        """Transform texts by the wrapped classifier, for instance into document vectors.

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, n_features)

        Returns
        -------
        ndarray
        """
        check_is_fitted(self)
        return self.estimator_.transform(X)

    @available_if(estimator_has("count_parameters"))
    def count_parameters(self) -> dict[str, int]:
        """Number of parameters of the network inside.

        Returns
        -------
        dict
            ``"embedding"``, ``"compositional"`` and ``"total"``.
        """
        check_is_fitted(self)
        found: dict[str, int] = self.estimator_.count_parameters()
        return found

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Subset accuracy: the share of the samples whose label set is predicted exactly.

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, n_features)
        y : indicator of shape (n_samples, n_labels)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
        """
        check_is_fitted(self)
        return self.targets_.accuracy(y, self.predict(X), sample_weight)

    def get_metadata_routing(self) -> MetadataRouter:
        """Say where metadata goes: what the classifier and the splitter request.

        Returns
        -------
        MetadataRouter
        """
        return (
            MetadataRouter(owner=self)
            .add(
                estimator=self.estimator,
                method_mapping=MethodMapping().add(caller="fit", callee="fit"),
            )
            .add(
                splitter=self.cv if hasattr(self.cv, "split") else None,
                method_mapping=MethodMapping().add(caller="fit", callee="split"),
            )
        )

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        return brief_repr(self, N_CHAR_MAX)

    _html_repr = brief_html

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags = inner.input_tags
        tags.classifier_tags.multi_label = True
        tags.classifier_tags.multi_class = False
        tags.target_tags.single_output = False
        tags.target_tags.multi_output = True
        return tags

    @property
    def _takes_candidates(self) -> bool:
        """Whether scores may be a sparse matrix of probabilities, with those of some labels."""
        return False

    def _answers(self, X: Any, method: str, keep_sparse: bool = False) -> Any:
        """Output of a method of the fitted classifier, one column per label."""
        check_is_fitted(self)
        names = list(self.label_names_) if self.targets_.named else None
        n_labels = self.targets_.n_labels
        return label_answers(self.estimator_, X, n_labels, method, names, keep_sparse)

    def _routed(self, sample_weight: np.ndarray | None, params: dict[str, Any]) -> Bunch:
        """Arguments for the classifier's fit and the splitter's split."""
        raise_for_params(params, self, None)
        given = {} if sample_weight is None else {"sample_weight": sample_weight}
        if given and isinstance(self.cv, str):
            raise ValueError(
                'With cv="prefit" nothing is fitted with sample_weight; leave the weights out.'
            )
        if get_config()["enable_metadata_routing"]:
            return process_routing(self, "fit", **given, **params)
        if given and not has_fit_parameter(self.estimator, "sample_weight"):
            raise ValueError(
                f"sample_weight was given, but {type(self.estimator).__name__}.fit has no argument "
                "sample_weight. Leave the weights out; or, for a meta-estimator or a pipeline, "
                "enable scikit-learn's metadata routing and let the inner classifier request them."
            )
        return Bunch(estimator=Bunch(fit=given), splitter=Bunch(split={}))

    def _cross_fit(
        self,
        X: Any,
        y: Any,
        indicator: sp.csr_matrix,
        targets: Targets,
        fit_params: dict[str, Any],
        split_params: dict[str, Any],
    ) -> CrossFit:
        """Fit to all samples, and score each sample by a classifier that has not seen it."""
        names = list(targets.label_names) if targets.named else None
        scored = Scored(targets.n_labels, names, self._takes_candidates)
        method = response_name(self.estimator, self.response_method)
        if isinstance(self.cv, str):
            self._check_prefit()
            scores = scored.by(self.estimator, X, method)
            samples = np.arange(indicator.shape[0])
            return CrossFit(self.estimator, method, scores, indicator, samples)
        splits = list(self._splitter().split(X, y, **split_params))
        tests = [np.asarray(test) for _, test in splits]
        if not sum(map(len, tests)):
            raise ValueError(
                "cv gave no sample to test on. A generator of splits is used up after one fit: "
                "pass a list, or a splitter."
            )
        # The last classifier is kept; the others do not come back from their processes.
        fits = [(split, False) for split in splits]
        if self.refit:
            everything = np.arange(indicator.shape[0])
            fits.append(((everything, everything[:0]), True))
        elif len(splits) > 1:
            raise ValueError(
                f"refit=False keeps the one classifier that was fitted, but cv makes {len(splits)}."
                " Pass a float as cv, the share of samples to hold out, or leave refit=True."
            )
        else:
            fits = [(splits[0], True)]
        # One by one only for a bar: not every backend of joblib can.
        returned = "generator" if self.verbose else "list"
        todo = Parallel(n_jobs=self.n_jobs, return_as=returned)(
            delayed(fit_and_score)(
                clone(self.estimator), X, y, fit_params, split, scored, method, keep
            )
            for split, keep in fits
        )
        results = []
        what = f"{type(self).__name__}: fitting {type(self.estimator).__name__}"
        with progress_bar(what, len(fits), "fit", self.verbose) as progress:
            for result in todo:
                results.append(result)
                progress.update()
        return CrossFit(
            estimator=results[-1][0],
            method=method,
            scores=concatenated([scores for _, scores in results if scores is not None]),
            truth=indicator[np.concatenate(tests)],
            samples=np.concatenate(tests),
        )

    def _splitter(self) -> Any:
        if self.cv is None or isinstance(self.cv, Integral):
            return MultilabelStratifiedKFold(
                5 if self.cv is None else int(self.cv),
                shuffle=True,
                random_state=self.random_state,
            )
        if isinstance(self.cv, Real):
            return MultilabelStratifiedShuffleSplit(
                n_splits=1, test_size=float(self.cv), random_state=self.random_state
            )
        return check_cv(self.cv)

    def _check_prefit(self) -> None:
        try:
            check_is_fitted(self.estimator)
        except NotFittedError as error:
            raise NotFittedError(
                'With cv="prefit" the classifier must be fitted already, and to other samples than '
                f"those given now, but this {type(self.estimator).__name__} is not fitted. If it "
                "was: cloning, as in a search, drops fitted attributes; wrap the classifier in "
                "sklearn.frozen.FrozenEstimator."
            ) from error
