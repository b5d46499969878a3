"""Maps from scores to calibrated probabilities, one for each label.

A map is monotone: it never turns the ranking by its label round. Labels are fitted many at a time
and in blocks, so that nothing dense of the size samples × labels is made besides the scores
themselves. Rare labels are drawn towards a map that is common to all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.utils import gen_batches

from sklabelemb.targets import as_indicator

__all__ = [
    "CalibrationMaps",
    "IsotonicMaps",
    "SigmoidMaps",
    "TemperatureMaps",
    "fit_calibration_maps",
]

# Scores are copied for so many numbers at a time (32 MiB of float64), and worked on in pieces that
# stay in the cache.
BLOCK = 4_000_000
PIECE = 32_768
# A product of so many numbers between 1 and 2 does not overflow.
FACTORS = 1000
# Scores beyond this count as infinite: their squares must be numbers still.
LARGEST = 1e100
# expit(36) is the last whole step below 1, expit(-700) is far above 0 still.
LOWEST_LOGIT, HIGHEST_LOGIT = -700.0, 36.0
# log T may be this far from that of the typical size of a score, as in scikit-learn.
LOG_RANGE = 10.0
N_ITERATIONS = 100
# Half the squared Newton decrement, in units of the log-likelihood: parameters are then within a
# hundred-thousandth of their standard error.
TOLERANCE = 1e-10


class CalibrationMaps(ABC):
    """One monotone map from scores to probabilities for each label.

    A subclass defines :meth:`_fit` and :meth:`_map`, which get arguments that have been checked.
    """

    n_labels_: int

    def fit(self, scores: Any, y: Any) -> Self:
        """Fit the maps.

        Parameters
        ----------
        scores : array-like of shape (n_samples, n_labels)
            Logits or decision values of samples that the classifier was not trained on.
        y : indicator of shape (n_samples, n_labels)
            The truth for them, 0/1, dense or sparse.

        Returns
        -------
        self : CalibrationMaps

        Raises
        ------
        ValueError
            When shapes do not agree, `y` is not an indicator or a score is not finite.
        """
        scores = _check_scores(scores)
        indicator = as_indicator(y).tocsc()
        if scores.shape != indicator.shape:
            raise ValueError(
                f"scores have shape {scores.shape}, but y has shape {indicator.shape}; they must "
                "be the same samples (rows) and labels (columns), in the same order."
            )
        self._fit(scores, indicator)
        self.n_labels_ = scores.shape[1]
        return self

    def __call__(self, scores: Any) -> np.ndarray:
        """Probabilities for scores.

        Parameters
        ----------
        scores : array-like of shape (n_samples, n_labels)

        Returns
        -------
        probabilities : ndarray of float64, shape (n_samples, n_labels)
            Above 0 and below 1.

        Raises
        ------
        ValueError
            When there is not one column a label, or a score is not finite.
        """
        scores = _check_scores(scores, empty=True)
        if scores.shape[1] != self.n_labels_:
            raise ValueError(
                f"scores have {scores.shape[1]} columns, but the maps were fitted for "
                f"{self.n_labels_} labels."
            )
        return self._map(scores)

    @abstractmethod
    def _fit(self, scores: np.ndarray, y: sp.csc_matrix) -> None:
        """Learn from scores that have been checked."""

    @abstractmethod
    def _map(self, scores: np.ndarray) -> np.ndarray:
        """Probabilities, for scores that have been checked."""


class SigmoidMaps(CalibrationMaps):
    r"""Platt's sigmoids, drawn towards one that all labels share.

    The probability of label l at score s is :math:`p_l(s) = \sigma(a_l s + b_l)`. The parameters
    minimise

    .. math::
        \sum_i \left[\log(1 + e^{z_i}) - t_i z_i\right]
        + \frac{\tau}{2} (a_l - a_0)^2 v_l, \qquad z_i = a_l s_i + b_l,\ a_l \ge 0

    where :math:`t_i` is :math:`(N_+ + 1) / (N_+ + 2)` for positives and :math:`1 / (N_- + 2)` for
    negatives [1]_, and :math:`v_l` is the variance of the label's scores. The common slope
    :math:`a_0` is that of one sigmoid for all pairs of a sample and a label, fitted in the same way
    without the last term.

    Parameters
    ----------
    shrinkage : float, default=1.0
        τ, the weight of the common slope. 0 is Platt's method, label by label. With 1, the logit is
        expected to rise over one standard deviation of the scores by what the common slope says,
        give or take 1 (a Gaussian prior). That decides where a label has a handful of positives,
        and is swamped where it has hundreds.

    Attributes
    ----------
    slopes_, intercepts_ : ndarrays of shape (n_labels,)
        a and b.
    common_slope_, common_intercept_ : float
        Those of the sigmoid for all pairs.

    See Also
    --------
    sklearn.calibration.CalibratedClassifierCV : Platt's method for classes.

    Notes
    -----
    Only slopes are drawn together. Platt's targets are a prior on a label's frequency already: the
    mean probability of a label without positives among n samples is 1 / (n + 2), whatever the
    classifier's decision values look like. The intercepts of labels with frequencies from one in
    two to one in ten thousand have nothing in common when the scores are those of a support vector
    machine.

    A negative slope would turn the ranking by a label round. It arises from chance where there are
    few positives; scores that are worse than none give no reason to trust their opposite. The
    minimum subject to a ≥ 0 is then at a = 0, the same probability for all samples, for the
    objective is convex.

    Labels are fitted together by Newton's method with Levenberg's damping (a step that does not
    lower the objective is taken back and damped).

    References
    ----------
    .. [1] J. Platt. "Probabilistic outputs for support vector machines and comparisons to
       regularized likelihood methods". Advances in Large Margin Classifiers, 1999, section 2.2.
    .. [2] H.-T. Lin, C.-J. Lin, R. C. Weng. "A note on Platt's probabilistic outputs for support
       vector machines". Machine Learning 68, 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.meta.calibration_maps import SigmoidMaps
    >>> scores = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    >>> maps = SigmoidMaps().fit(scores, np.array([[0], [0], [1], [1]]))
    >>> maps(scores).round(2).ravel()
    array([0.21, 0.34, 0.66, 0.79])
    """

    slopes_: np.ndarray
    intercepts_: np.ndarray
    common_slope_: float
    common_intercept_: float

    def __init__(self, *, shrinkage: float = 1.0) -> None:
        self.shrinkage = _check_shrinkage(shrinkage)

    def _fit(self, scores: np.ndarray, y: sp.csc_matrix) -> None:
        n_samples, n_labels = scores.shape
        means, deviations = _moments(scores)
        scales = np.where(deviations > 0, deviations, 1.0)
        positives = np.diff(y.indptr).astype(np.float64)
        self.common_slope_, self.common_intercept_ = _common_sigmoid(scores, y, means, deviations)
        slopes, intercepts = np.empty(n_labels), np.empty(n_labels)
        for labels in _label_blocks(scores):
            u = _standardised(scores[:, labels], means[labels], scales[labels])
            prior = self.common_slope_ * scales[labels]
            high, low = _platt_targets(positives[labels], n_samples)
            mass = positives[labels] * high + (n_samples - positives[labels]) * low
            # Sums over samples of t u: only the positives need to be looked at one by one.
            mass_u = (high - low) * _sums_of_positives(u, y[:, labels]) + low * u.sum(axis=0)
            flat = logit(mass / n_samples)
            objective = _LabelObjective(u, mass_u, mass, prior, self.shrinkage)
            # Without a slope the curvature is largest: a safe place to start.
            start = np.column_stack([np.zeros_like(flat), flat])
            a, b = _minimise(objective, start).T
            a, b = np.where(a > 0, a, 0.0), np.where(a > 0, b, flat)
            slopes[labels] = a / scales[labels]
            intercepts[labels] = b - slopes[labels] * means[labels]
        self.slopes_, self.intercepts_ = slopes, intercepts

    def _map(self, scores: np.ndarray) -> np.ndarray:
        return _sigmoids(scores, self.slopes_, self.intercepts_)


class TemperatureMaps(CalibrationMaps):
    r"""Temperatures, drawn towards one that all labels share.

    The probability of label l at logit s is :math:`p_l(s) = \sigma(s / T_l)`. The temperature
    minimises

    .. math::
        \sum_i \left[\log(1 + e^{z_i}) - t_i z_i\right]
        + \frac{\tau}{2} (\log T_l - \log T_0)^2, \qquad z_i = s_i / T_l

    with Platt's targets :math:`t_i` as in `SigmoidMaps`. The common temperature :math:`T_0` is
    fitted to all pairs of a sample and a label, without the last term.

    What is on the other side of 0 stays there: decisions at 0.5 do not change, only confidence
    does. Decision values that are 0 elsewhere than where a label is as likely as not want
    `SigmoidMaps`.

    Parameters
    ----------
    shrinkage : float, default=1.0
        τ, the weight of the common temperature. With 1, a label's own temperature is expected to be
        the common one times or divided by e.

    Attributes
    ----------
    temperatures_ : ndarray of shape (n_labels,)
    common_temperature_ : float

    Notes
    -----
    Platt's targets, where [1]_ takes 0 and 1, keep the temperature of logits that separate the
    labels perfectly above 0. Where logits are no better than their opposite, the temperature goes
    as far as it may: ``exp(10)`` times the root mean square of all logits.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger. "On calibration of modern neural networks".
       ICML 2017, section 4.2.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.meta.calibration_maps import TemperatureMaps
    >>> logits = np.array([[-8.0], [-8.0], [-8.0], [8.0], [8.0], [8.0]])
    >>> maps = TemperatureMaps().fit(logits, np.array([[0], [0], [1], [1], [1], [0]]))
    >>> maps(logits[-1:]).round(2)
    array([[0.6]])
    """

    temperatures_: np.ndarray
    common_temperature_: float

    def __init__(self, *, shrinkage: float = 1.0) -> None:
        self.shrinkage = _check_shrinkage(shrinkage)

    def _fit(self, scores: np.ndarray, y: sp.csc_matrix) -> None:
        n_samples, n_labels = scores.shape
        _, sizes = _moments(scores, centre=False)
        unit = float(np.sqrt(np.mean(sizes**2))) or 1.0
        positives = np.diff(y.indptr).astype(np.float64)
        common = _common_log_slope(scores, y, unit)
        log_slopes = np.empty(n_labels)
        for labels in _label_blocks(scores):
            u = _standardised(scores[:, labels], 0.0, unit)
            high, low = _platt_targets(positives[labels], n_samples)
            mass_u = (high - low) * _sums_of_positives(u, y[:, labels]) + low * u.sum(axis=0)
            objective = _LogSlopeObjective(u, mass_u, common, self.shrinkage)
            start = np.full((u.shape[1], 1), common)
            log_slopes[labels] = _minimise(objective, start, LOG_RANGE)[:, 0]
        self.common_temperature_ = float(unit * np.exp(-common))
        self.temperatures_ = unit * np.exp(-log_slopes)

    def _map(self, scores: np.ndarray) -> np.ndarray:
        return _sigmoids(scores, 1 / self.temperatures_, np.zeros(self.n_labels_))


class IsotonicMaps(CalibrationMaps):
    """Isotonic regressions, with sigmoids for rare labels.

    Each label gets scikit-learn's :class:`~sklearn.isotonic.IsotonicRegression`: the monotone
    function with the least squared error, linear between the scores that it was fitted to and
    constant beyond.

    Parameters
    ----------
    min_count : int, default=10
        Labels with fewer positives, or fewer negatives, get the sigmoid of `SigmoidMaps`. An
        isotonic regression may take as many steps as there are positives, and each is the share of
        positives among neighbours: with one or two of them it is chance. A sigmoid has two numbers
        to find, and shares one with the other labels.

    Attributes
    ----------
    sigmoids_ : SigmoidMaps or None
        For the rare labels; None if there is none.
    starts_ : int ndarray of shape (n_labels + 1,)
        The knots of label l are ``knots_[starts_[l]:starts_[l + 1]]``; none for a rare label.
    knots_, values_ : ndarrays
        Scores at which the functions bend, ascending for each label, and the probabilities there.

    Notes
    -----
    A regression reaches 0 below the lowest positive, and one positive more makes an infinite log
    loss of that. Probabilities are kept between Platt's targets 1 / (N₋ + 2) and
    (N₊ + 1) / (N₊ + 2) instead: what the rule of succession says about all negatives, or all
    positives, in one stretch.

    References
    ----------
    .. [1] B. Zadrozny, C. Elkan. "Transforming classifier scores into accurate multiclass
       probability estimates". KDD 2002.
    .. [2] A. Niculescu-Mizil, R. Caruana. "Predicting good probabilities with supervised learning".
       ICML 2005, section 4.2: sigmoids win where there is little data.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.meta.calibration_maps import IsotonicMaps
    >>> scores = np.arange(40.0)[:, None]
    >>> y = (scores % 20 >= np.where(scores < 20, 15, 5)).astype(int)
    >>> maps = IsotonicMaps().fit(scores, y)
    >>> maps([[0.0], [20.0], [39.0]]).round(2).ravel()
    array([0.05, 0.5 , 0.95])
    """

    min_count: int
    sigmoids_: SigmoidMaps | None
    starts_: np.ndarray
    knots_: np.ndarray
    values_: np.ndarray

    def __init__(self, *, min_count: int = 10) -> None:
        if not isinstance(min_count, Integral) or min_count < 1:
            raise ValueError(
                f"min_count must be a whole number of at least 1, but got {min_count!r}."
            )
        self.min_count = int(min_count)

    def _fit(self, scores: np.ndarray, y: sp.csc_matrix) -> None:
        n_samples, n_labels = scores.shape
        positives = np.diff(y.indptr)
        rare = np.minimum(positives, n_samples - positives) < self.min_count
        high, low = _platt_targets(positives, n_samples)
        knots, values = [np.empty(0)], [np.empty(0)]
        counts = np.zeros(n_labels, dtype=np.int64)
        for labels in _label_blocks(scores):
            columns = scores[:, labels].T.astype(np.float64)
            for label in labels.start + np.flatnonzero(~rare[labels]):
                truth = np.zeros(n_samples)
                truth[y.indices[y.indptr[label] : y.indptr[label + 1]]] = 1
                regression = IsotonicRegression(
                    y_min=low[label], y_max=high[label], out_of_bounds="clip"
                ).fit(columns[label - labels.start], truth)
                knots.append(regression.X_thresholds_)
                values.append(regression.y_thresholds_)
                counts[label] = len(knots[-1])
        self.sigmoids_ = SigmoidMaps().fit(scores, y) if rare.any() else None
        self.starts_ = np.concatenate([[0], np.cumsum(counts)])
        self.knots_, self.values_ = np.concatenate(knots), np.concatenate(values)

    def _map(self, scores: np.ndarray) -> np.ndarray:
        rare = self.sigmoids_
        probabilities = np.empty(scores.shape) if rare is None else rare(scores)
        for label in np.flatnonzero(np.diff(self.starts_)):
            own = slice(self.starts_[label], self.starts_[label + 1])
            probabilities[:, label] = np.interp(
                scores[:, label], self.knots_[own], self.values_[own]
            )
        return probabilities


METHODS: dict[str, type[CalibrationMaps]] = {
    "sigmoid": SigmoidMaps,
    "isotonic": IsotonicMaps,
    "temperature": TemperatureMaps,
}


def fit_calibration_maps(method: str, scores: Any, y: Any) -> CalibrationMaps:
    """Fit the maps of a method.

    Parameters
    ----------
    method : {"sigmoid", "isotonic", "temperature"}
    scores : array-like of shape (n_samples, n_labels)
        Logits or decision values.
    y : indicator of shape (n_samples, n_labels)

    Returns
    -------
    CalibrationMaps
        Call it with scores to get probabilities.

    Raises
    ------
    ValueError
        When there is no such method, or the data are not what `CalibrationMaps.fit` takes.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.meta.calibration_maps import fit_calibration_maps
    >>> maps = fit_calibration_maps("sigmoid", np.zeros((8, 1)), np.eye(8, 1, dtype=int))
    >>> maps([[0.0]]).round(3)
    array([[0.181]])
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {sorted(METHODS)}, but got {method!r}.")
    return METHODS[method]().fit(scores, y)


def _check_scores(scores: Any, *, empty: bool = False) -> np.ndarray:
    """Finite scores, of float32 or float64."""
    scores = np.asarray(scores)
    if scores.dtype not in (np.float32, np.float64):
        scores = scores.astype(np.float64)
    if scores.ndim != 2 or not scores.shape[1]:
        raise ValueError(
            "scores must have one row a sample and one column a label, but they have shape "
            f"{scores.shape}."
        )
    if not len(scores):
        if empty:
            return scores
        raise ValueError("scores have no row: there is no sample to fit the maps to.")
    # Comparisons with NaN are false. No mask of the size of the scores is made.
    lowest, highest = (np.asarray(f(scores, axis=0), np.float64) for f in (np.min, np.max))
    good = (lowest >= -LARGEST) & (highest <= LARGEST)
    if not good.all():
        label = int(np.argmin(good))
        column = scores[:, label].astype(np.float64)
        row = int(np.argmin((column >= -LARGEST) & (column <= LARGEST)))
        raise ValueError(
            f"scores must be finite, but that of label {label} (column) for sample {row} (row) is "
            f"{column[row]:g}. If they are logits of probabilities, keep these off 0 and 1 first; "
            "else look for NaN or infinite values in the classifier that gave them."
        )
    return scores


def _check_shrinkage(shrinkage: float) -> float:
    if not isinstance(shrinkage, Real) or not 0 <= shrinkage < np.inf:
        raise ValueError(f"shrinkage must be a finite number of at least 0, but got {shrinkage!r}.")
    return float(shrinkage)


def _platt_targets(
    positives: np.ndarray | float, n_samples: float
) -> tuple[np.ndarray, np.ndarray]:
    """Targets of the positives and of the negatives."""
    n = np.asarray(positives, dtype=np.float64)
    return (n + 1) / (n + 2), 1 / (n_samples - n + 2)


def _sigmoids(scores: np.ndarray, slopes: np.ndarray, intercepts: np.ndarray) -> np.ndarray:
    """Sigmoids of lines, strictly between 0 and 1, with no copy besides the result."""
    result = np.multiply(scores, slopes, dtype=np.float64)
    result += intercepts
    np.clip(result, LOWEST_LOGIT, HIGHEST_LOGIT, out=result)
    return expit(result, out=result)


def _label_blocks(scores: np.ndarray) -> Iterator[slice]:
    n_samples, n_labels = scores.shape
    return gen_batches(n_labels, max(1, BLOCK // n_samples))


def _standardised(scores: np.ndarray, centre: Any, scale: Any) -> np.ndarray:
    result = np.subtract(scores, centre, dtype=np.float64, order="C")
    result /= scale
    return result


def _moments(scores: np.ndarray, *, centre: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Mean (or 0) of each label's scores, and the root mean square around it."""
    means, deviations = np.zeros(scores.shape[1]), np.empty(scores.shape[1])
    for labels in _label_blocks(scores):
        block = scores[:, labels].astype(np.float64, order="C")
        if centre:
            means[labels] = block.mean(axis=0)
            block -= means[labels]
        deviations[labels] = np.sqrt(np.einsum("ij,ij->j", block, block) / len(block))
    return means, np.where(_is_rounding(deviations, means), 0.0, deviations)


def _is_rounding(deviations: Any, means: Any) -> Any:
    """Tell whether deviations are what remains of equal scores."""
    return deviations <= np.maximum(1e-100, 1e-13 * np.abs(means))


def _sums_of_positives(u: np.ndarray, y: sp.csc_matrix) -> np.ndarray:
    """For each label the sum of `u` over its positives."""
    columns = np.repeat(np.arange(y.shape[1]), np.diff(y.indptr))
    return np.bincount(columns, weights=u[y.indices, columns], minlength=y.shape[1])


def _logistic_sums(u: np.ndarray, a: np.ndarray, b: np.ndarray | float) -> np.ndarray:
    """Sums over samples that a logistic likelihood and its derivatives consist of.

    Parameters
    ----------
    u : ndarray of shape (n_samples, n_labels)
    a, b : ndarrays of shape (n_labels,)

    Returns
    -------
    ndarray of shape (6, n_labels)
        With z = a u + b, p = sigmoid(z) and w = p (1 - p), the sums of log(1 + exp(z)), p, p u, w,
        w u and w u².
    """
    n_samples, n_labels = u.shape
    sums = np.zeros((6, n_labels))
    for rows in gen_batches(n_samples, max(1, PIECE // n_labels)):
        v = u[rows]
        z = v * a
        z += b
        e = np.abs(z)
        np.exp(np.negative(e, out=e), out=e)
        q = e + 1
        # The sum of logarithms is that of products: far fewer logarithms.
        products = np.multiply.reduceat(q, np.arange(0, len(v), FACTORS), axis=0)
        sums[0] += np.log(products).sum(axis=0) + np.maximum(z, 0).sum(axis=0)
        np.divide(1, q, out=q)
        # w = e q², and p is q or e q = 1 - q, as z is positive or negative.
        e *= q
        e *= q
        q -= 0.5
        np.copysign(q, z, out=q)
        q += 0.5
        sums[1] += q.sum(axis=0)
        sums[2] += np.einsum("ij,ij->j", q, v)
        sums[3] += e.sum(axis=0)
        e *= v
        sums[4] += e.sum(axis=0)
        sums[5] += np.einsum("ij,ij->j", e, v)
    return sums


# The value of an objective at parameters of shape (n, n_parameters), for those problems out of
# many that an index array names; its gradient; and a positive definite stand-in for its Hessian.
Objective = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


class _Columns:
    """Columns of a matrix, copied together as fewer and fewer of them are wanted."""

    def __init__(self, u: np.ndarray) -> None:
        self.u = u
        self.labels = np.arange(u.shape[1])

    def take(self, labels: np.ndarray) -> np.ndarray:
        if len(labels) < len(self.labels):
            self.u = self.u[:, np.searchsorted(self.labels, labels)]
            self.labels = labels
        return self.u


class _LabelObjective:
    """That of sigmoids, in standardised scores, for a block of labels."""

    def __init__(
        self,
        u: np.ndarray,
        mass_u: np.ndarray,
        mass: np.ndarray,
        prior: np.ndarray,
        shrinkage: float,
    ) -> None:
        self.columns = _Columns(u)
        self.mass = np.column_stack([mass_u, mass])
        self.prior = prior
        self.shrinkage = shrinkage

    def __call__(
        self, parameters: np.ndarray, labels: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        sums = _logistic_sums(self.columns.take(labels), *parameters.T)
        value, gradient, hessian = _sigmoid_objective(sums, parameters, self.mass[labels])
        off = parameters[:, 0] - self.prior[labels]
        value += 0.5 * self.shrinkage * off**2
        gradient[:, 0] += self.shrinkage * off
        hessian[:, 0, 0] += self.shrinkage
        return value, gradient, hessian


def _sigmoid_objective(
    sums: np.ndarray, parameters: np.ndarray, mass: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    value = sums[0] - np.einsum("ij,ij->i", parameters, mass)
    gradient = sums[[2, 1]].T - mass
    hessian = sums[[5, 4, 4, 3]].T.reshape(-1, 2, 2).copy()
    return value, gradient, hessian


def _common_sigmoid(
    scores: np.ndarray, y: sp.csc_matrix, means: np.ndarray, deviations: np.ndarray
) -> tuple[float, float]:
    """Slope and intercept of one sigmoid for all pairs."""
    centre = float(means.mean())
    scale = float(np.sqrt(np.mean(deviations**2 + (means - centre) ** 2)))
    if _is_rounding(scale, centre):
        scale = 1.0
    point, flat = np.empty((0, 2)), 0.0
    for pairs in _all_pairs(scores, y, centre, scale):
        flat = float(logit(pairs.mass / pairs.scores.size))
        point = _minimise(
            partial(_common_sigmoid_objective, pairs),
            point if len(point) else np.array([[0.0, flat]]),
        )
    a, b = point[0]
    if a <= 0:
        return 0.0, flat
    return float(a / scale), float(b - a * centre / scale)


def _common_sigmoid_objective(
    pairs: _Pairs, parameters: np.ndarray, _: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    a, b = parameters[0]
    masses = np.array([[pairs.mass_u, pairs.mass]])
    return _sigmoid_objective(pairs.sums(a, b), parameters, masses)


class _Pairs:
    """All pairs of a sample and a label, with one line for all of them."""

    def __init__(self, scores: np.ndarray, y: sp.csc_matrix, centre: float, scale: float) -> None:
        self.scores, self.centre, self.scale = scores, centre, scale
        high, low = _platt_targets(float(y.nnz), float(scores.size))
        self.mass = float(y.nnz * high + (scores.size - y.nnz) * low)
        self.mass_u = 0.0
        for labels in _label_blocks(scores):
            u = _standardised(scores[:, labels], centre, scale)
            positive = _sums_of_positives(u, y[:, labels]).sum()
            self.mass_u += float((high - low) * positive + low * u.sum())

    def sums(self, a: float, b: float) -> np.ndarray:
        """`_logistic_sums` over all labels, of shape (6, 1)."""
        sums = np.zeros((6, 1))
        for labels in _label_blocks(self.scores):
            u = _standardised(self.scores[:, labels], self.centre, self.scale)
            sums += _logistic_sums(u, np.full(u.shape[1], a), b).sum(axis=1, keepdims=True)
        return sums


def _all_pairs(
    scores: np.ndarray, y: sp.csc_matrix, centre: float, scale: float
) -> Iterator[_Pairs]:
    """The pairs; and before them those of every so-many-th sample, if there are many.

    A minimum for some is a good place to look for that of all, which then takes two or three passes
    over the data instead of ten.
    """
    if scores.size > BLOCK:
        some = slice(None, None, min(len(scores), -(-scores.size // BLOCK)))
        yield _Pairs(np.ascontiguousarray(scores[some]), y[some], centre, scale)
    yield _Pairs(scores, y, centre, scale)


class _LogSlopeObjective:
    """That of temperatures, as logarithms of 1 / T, for a block of labels."""

    def __init__(self, u: np.ndarray, mass_u: np.ndarray, prior: float, shrinkage: float) -> None:
        self.columns = _Columns(u)
        self.mass_u = mass_u
        self.prior = prior
        self.shrinkage = shrinkage

    def __call__(
        self, parameters: np.ndarray, labels: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        sums = _logistic_sums(self.columns.take(labels), np.exp(parameters[:, 0]), 0.0)
        value, gradient, hessian = _log_slope_objective(sums, parameters, self.mass_u[labels])
        off = parameters[:, 0] - self.prior
        value += 0.5 * self.shrinkage * off**2
        gradient[:, 0] += self.shrinkage * off
        hessian += self.shrinkage
        return value, gradient, hessian


def _log_slope_objective(
    sums: np.ndarray, parameters: np.ndarray, mass_u: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    slopes = np.exp(parameters[:, 0])
    value = sums[0] - slopes * mass_u
    gradient = slopes * (sums[2] - mass_u)
    # The second derivative is this plus the gradient, which may be negative; without that part it
    # is the curvature at the minimum still.
    hessian = slopes**2 * sums[5] + np.maximum(gradient, 0)
    return value, gradient[:, None], hessian[:, None, None]


def _common_log_slope(scores: np.ndarray, y: sp.csc_matrix, unit: float) -> float:
    """Logarithm of 1 / T of one temperature for all pairs, of scores in units."""
    point = np.zeros((1, 1))
    for pairs in _all_pairs(scores, y, 0.0, unit):
        point = _minimise(partial(_common_log_slope_objective, pairs), point, LOG_RANGE)
    return float(point[0, 0])


def _common_log_slope_objective(
    pairs: _Pairs, parameters: np.ndarray, _: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sums = pairs.sums(float(np.exp(parameters[0, 0])), 0.0)
    return _log_slope_objective(sums, parameters, np.array([pairs.mass_u]))


def _minimise(objective: Objective, start: np.ndarray, bound: float = np.inf) -> np.ndarray:
    """Newton's method with Levenberg's damping, for many small problems at once.

    Parameters
    ----------
    objective : callable
        See `Objective`.
    start : ndarray of shape (n_problems, n_parameters)
    bound : float, default=inf
        The parameters lie between ``-bound`` and ``bound``.

    Returns
    -------
    ndarray of shape (n_problems, n_parameters)
        Of each problem the best point found.
    """
    result = start.copy()
    open_ = np.arange(len(start))
    at, damping = start, np.zeros(len(start))
    value, gradient, hessian = objective(at, open_)
    diagonal = np.arange(start.shape[1])
    for _ in range(N_ITERATIONS):
        damped = hessian.copy()
        sizes = hessian[:, diagonal, diagonal]
        # A parameter that nothing depends on stays where it is.
        sizes = np.maximum(sizes, 1e-12 * sizes.max(axis=1, keepdims=True) + 1e-200)
        damped[:, diagonal, diagonal] = sizes * (1 + 1e-14 + damping[:, None])
        step = -np.linalg.solve(damped, gradient[:, :, None])[:, :, 0]
        proposal = np.clip(at + step, -bound, bound)
        decrement = -np.einsum("ij,ij->i", gradient, proposal - at) / 2
        new_value, new_gradient, new_hessian = objective(proposal, open_)
        # Near the minimum values differ by rounding.
        better = new_value <= value + 1e-13 * np.abs(value)
        at = np.where(better[:, None], proposal, at)
        result[open_] = at
        value = np.where(better, new_value, value)
        gradient = np.where(better[:, None], new_gradient, gradient)
        hessian = np.where(better[:, None, None], new_hessian, hessian)
        # Damping makes a step, and what it promises, smaller by that factor.
        done = (decrement * (1 + damping) <= TOLERANCE) | (damping > 1e12)
        damping = np.where(better, damping / 10, np.maximum(10 * damping, 0.1))
        damping[damping < 1e-3] = 0
        if done.all():
            break
        keep = ~done
        open_, at, damping = open_[keep], at[keep], damping[keep]
        value, gradient, hessian = value[keep], gradient[keep], hessian[keep]
    return result
