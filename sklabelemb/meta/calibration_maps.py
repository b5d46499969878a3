"""Maps from scores to calibrated probabilities, one for each label.

A map is monotone, so it never reverses the ranking by its label. Rare labels are shrunk towards a
map that all labels share. The papers are listed in `LabelwiseCalibrator`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from copy import copy
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from scipy.special import expit, logit

from sklabelemb.targets import as_indicator, rearranged

__all__ = [
    "CalibrationMaps",
    "IsotonicMaps",
    "SigmoidMaps",
    "TemperatureMaps",
    "fit_calibration_maps",
]

# Labels are fitted together, for this many scores at a time (8 MiB of float64).
BLOCK = 1_000_000
# What all labels share is fitted to about this many scores.
N_PAIRS = 4_000_000
# Scores beyond this count as infinite: their squares must be numbers, and float32 must hold it.
LARGEST = 1e30
# log T may be this far from that of the typical size of a score, as in scikit-learn.
LOG_RANGE = 10.0
N_ITERATIONS = 50
# What the last step may promise in log-likelihood: 1e-5 standard errors of the parameters.
TOLERANCE = 1e-10


class CalibrationMaps(ABC):
    """One monotone map from scores to probabilities for each of the ``n_labels_`` labels."""

    def fit(self, scores: Any, y: Any) -> Self:
        """Fit the maps and return them.

        Parameters
        ----------
        scores : array-like of shape (n_samples, n_labels)
            Logits or decision values of samples that the classifier was not trained on.
        y : indicator of shape (n_samples, n_labels)
            The truth for them. A ValueError says where these are not what they should be.
        """
        scores, indicator = _check_scores(scores), as_indicator(y)
        if scores.shape != indicator.shape:
            raise ValueError(
                f"scores have shape {scores.shape}, but y has shape {indicator.shape}; they must "
                "be the same samples (rows) and labels (columns), in the same order."
            )
        if not len(scores):
            raise ValueError("scores have no row: there is no sample to fit the maps to.")
        self._fit(scores, indicator.tocsc())
        self.n_labels_ = scores.shape[1]
        return self

    def __call__(self, scores: Any) -> np.ndarray:
        """Probabilities, above 0 and below 1, for scores of shape (n_samples, n_labels)."""
        scores = _check_scores(scores)
        if scores.shape[1] != self.n_labels_:
            raise ValueError(
                f"scores have {scores.shape[1]} columns, but the maps were fitted for "
                f"{self.n_labels_} labels."
            )
        return self._map(scores)

    def with_labels(self, order: np.ndarray) -> Self:
        """The maps with additional labels, whose logits are left uncalibrated.

        Parameters
        ----------
        order : int ndarray of shape (n_labels,)
            Where each label stood before; -1 for new ones.
        """
        result = copy(self)
        result.n_labels_ = len(order)
        for name, value in self._rearranged(order).items():
            setattr(result, name, value)
        return result

    @abstractmethod
    def _rearranged(self, order: np.ndarray) -> dict[str, Any]: ...

    @abstractmethod
    def _fit(self, scores: np.ndarray, y: sp.csc_matrix) -> None: ...

    @abstractmethod
    def _map(self, scores: np.ndarray) -> np.ndarray: ...


class _DrawnTogether(CalibrationMaps):
    """Maps whose labels borrow from each other."""

    def __init__(self, *, shrinkage: float = 1.0) -> None:
        if not isinstance(shrinkage, Real) or not 0 <= shrinkage < np.inf:
            raise ValueError(
                f"shrinkage must be a finite number of at least 0, but got {shrinkage!r}."
            )
        self.shrinkage: float = float(shrinkage)


class SigmoidMaps(_DrawnTogether):
    r"""Platt's sigmoids, shrunk towards one that all labels share.

    The probability of label l at score s is :math:`\sigma(a_l s + b_l)`. The parameters minimise

    .. math::
        \sum_i \left[\log(1 + e^{z_i}) - t_i z_i\right]
        + \frac{\tau}{2} (a_l - a_0)^2 v_l, \qquad z_i = a_l s_i + b_l,\ a_l \ge 0

    where :math:`t_i` is :math:`(N_+ + 1) / (N_+ + 2)` for positives and :math:`1 / (N_- + 2)` for
    negatives (Platt, 1999, section 2.2), and :math:`v_l` is the variance of the label's scores. The
    common slope :math:`a_0` is that of one sigmoid for all pairs of a sample and a label, without
    the last term (of every k-th sample only, where there are more than four million pairs).

    Parameters
    ----------
    shrinkage : float, default=1.0
        τ. 0 is Platt's method, label by label. With 1, the logit is expected to rise over one
        standard deviation of the scores by what the common slope says, give or take 1: this
        dominates with a handful of positives, and is negligible with hundreds.

    Attributes
    ----------
    slopes_, intercepts_ : ndarrays of shape (n_labels,)
    common_slope_, common_intercept_ : float
        Those of the sigmoid for all pairs.

    Notes
    -----
    Only slopes are shrunk. Platt's targets are already a prior on a label's frequency, and the
    intercepts of frequent and rare labels have nothing in common. Scores that are worse than chance
    are not inverted: then a = 0, the same probability for all samples.
    """

    def _fit(self, scores: np.ndarray, y: sp.csc_matrix) -> None:
        common = _fit_sigmoids(*_all_pairs(scores, y), 0.0, 0.0)
        self.common_slope_, self.common_intercept_ = common[:, 0].tolist()
        found = [
            _fit_sigmoids(*block, self.common_slope_, self.shrinkage)
            for block in _label_blocks(scores, y)
        ]
        self.slopes_, self.intercepts_ = np.hstack(found)

    def _map(self, scores: np.ndarray) -> np.ndarray:
        return _sigmoids(scores, self.slopes_, self.intercepts_)

    def _rearranged(self, order: np.ndarray) -> dict[str, Any]:
        return {
            "slopes_": rearranged(self.slopes_, order, 1.0),
            "intercepts_": rearranged(self.intercepts_, order, 0.0),
        }


class TemperatureMaps(_DrawnTogether):
    r"""Temperatures, shrunk towards one that all labels share.

    The probability of label l at logit s is :math:`\sigma(s / T_l)`. The temperature minimises

    .. math::
        \sum_i \left[\log(1 + e^{z_i}) - t_i z_i\right]
        + \frac{\tau}{2} (\log T_l - \log T_0)^2, \qquad z_i = s_i / T_l

    with the targets :math:`t_i` of `SigmoidMaps` (Guo et al., 2017, section 4.2, take 0 and 1). The
    common temperature :math:`T_0` is fitted to the pairs that the common slope is fitted to there,
    without the last term.

    Decisions at 0.5 do not change, only confidence does. Use `SigmoidMaps` for decision values
    whose 0 does not correspond to a probability of 0.5.

    Parameters
    ----------
    shrinkage : float, default=1.0
        τ. With 1, a label's own temperature is expected to be the common one times or divided by e.

    Attributes
    ----------
    temperatures_ : ndarray of shape (n_labels,)
        At most ``exp(10)`` times the root mean square of the pairs' logits, which is where logits
        go that are no better than their opposite; and at least that divided by ``exp(10)``.
    common_temperature_ : float
    """

    def _fit(self, scores: np.ndarray, y: sp.csc_matrix) -> None:
        pairs, targets = _all_pairs(scores, y)
        unit = float(np.sqrt(np.mean(pairs**2))) or 1.0

        def log_slopes(s: np.ndarray, t: np.ndarray, prior: float, weight: float) -> np.ndarray:
            start = np.array([np.full(len(s), prior), np.zeros(len(s))])
            return _minimise(s / unit, t, start, prior, weight, log=True)[0]

        common = float(log_slopes(pairs, targets, 0.0, 0.0)[0])
        found = [log_slopes(*block, common, self.shrinkage) for block in _label_blocks(scores, y)]
        self.common_temperature_ = float(unit * np.exp(-common))
        self.temperatures_ = unit * np.exp(-np.concatenate(found))

    def _map(self, scores: np.ndarray) -> np.ndarray:
        return _sigmoids(scores, 1 / self.temperatures_, 0.0)

    def _rearranged(self, order: np.ndarray) -> dict[str, Any]:
        return {"temperatures_": rearranged(self.temperatures_, order, 1.0)}


class IsotonicMaps(CalibrationMaps):
    """Isotonic regressions, with sigmoids for rare labels.

    Each label gets scikit-learn's :class:`~sklearn.isotonic.IsotonicRegression`, kept between
    Platt's targets 1 / (N₋ + 2) and (N₊ + 1) / (N₊ + 2): with a probability of 0, one more positive
    would make the log loss infinite.

    Parameters
    ----------
    min_count : int, default=10
        Labels with fewer positives, or fewer negatives, get the sigmoid of `SigmoidMaps`: each step
        of the regression is the share of positives among neighbours, which is noise with only a
        few.

    Attributes
    ----------
    sigmoids_ : SigmoidMaps or None
        For the rare labels, if there are any.
    starts_ : int ndarray of shape (n_labels + 1,)
        The knots of label l are ``knots_[starts_[l]:starts_[l + 1]]``; none for a rare label.
    knots_, values_ : ndarrays
        Scores at which the functions bend, ascending for each label, and the probabilities there.
    """

    def __init__(self, *, min_count: int = 10) -> None:
        if not isinstance(min_count, Integral) or min_count < 1:
            raise ValueError(
                f"min_count must be a whole number of at least 1, but got {min_count!r}."
            )
        self.min_count: int = int(min_count)

    def _fit(self, scores: np.ndarray, y: sp.csc_matrix) -> None:
        positives = np.diff(y.indptr)
        rare = np.minimum(positives, len(scores) - positives) < self.min_count
        curves = [
            np.empty((2, 0)) if few else _isotonic(scores[:, i], y[:, [i]].toarray()[:, 0])
            for i, few in enumerate(rare)
        ]
        self.starts_ = np.cumsum([0] + [curve.shape[1] for curve in curves])
        self.knots_, self.values_ = np.hstack(curves)
        self.sigmoids_ = SigmoidMaps().fit(scores, y) if rare.any() else None

    def _map(self, scores: np.ndarray) -> np.ndarray:
        result = np.empty(scores.shape) if self.sigmoids_ is None else self.sigmoids_(scores)
        for label in np.flatnonzero(np.diff(self.starts_)):
            own = slice(*self.starts_[label : label + 2])
            result[:, label] = np.interp(scores[:, label], self.knots_[own], self.values_[own])
        return result

    def _rearranged(self, order: np.ndarray) -> dict[str, Any]:
        # The sigmoid itself is no straight line between a few knots.
        sigmoids = self.sigmoids_
        if sigmoids is None:
            sigmoids = SigmoidMaps()
            sigmoids.n_labels_ = self.n_labels_
            sigmoids.slopes_, sigmoids.intercepts_ = (
                np.ones(self.n_labels_),
                np.zeros(self.n_labels_),
            )
        spans = [
            slice(0, 0) if place < 0 else slice(*self.starts_[place : place + 2]) for place in order
        ]
        return {
            "sigmoids_": sigmoids.with_labels(order),
            "starts_": np.cumsum([0] + [span.stop - span.start for span in spans]),
            "knots_": np.concatenate([self.knots_[span] for span in spans]),
            "values_": np.concatenate([self.values_[span] for span in spans]),
        }


METHODS: dict[str, type[CalibrationMaps]] = {
    "sigmoid": SigmoidMaps,
    "isotonic": IsotonicMaps,
    "temperature": TemperatureMaps,
}


def fit_calibration_maps(method: str, scores: Any, y: Any) -> CalibrationMaps:
    """Fit the maps of a method, "sigmoid", "isotonic" or "temperature".

    See :meth:`CalibrationMaps.fit`; a ValueError says so when there is no such method.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.meta.calibration_maps import fit_calibration_maps
    >>> scores = np.arange(-20.0, 20.0)[:, None]
    >>> y = (scores % 20 >= np.where(scores < 0, 15, 5)).astype(int)
    >>> for method in ("sigmoid", "isotonic", "temperature"):
    ...     maps = fit_calibration_maps(method, scores, y)
    ...     print(method, maps([[-20.0], [0.0], [19.0]]).round(2).ravel())
    sigmoid [0.03 0.52 0.97]
    isotonic [0.05 0.5  0.95]
    temperature [0.02 0.5  0.97]
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {sorted(METHODS)}, but got {method!r}.")
    return METHODS[method]().fit(scores, y)


def _check_scores(scores: Any) -> np.ndarray:
    """Finite scores, of float32 or float64."""
    scores = np.asarray(scores)
    if scores.dtype not in (np.float32, np.float64):
        scores = scores.astype(np.float64)
    if scores.ndim != 2:
        raise ValueError(
            "scores must have one row per sample and one column per label, but they have shape "
            f"{scores.shape}."
        )
    # Comparisons with NaN are false.
    lowest, highest = scores.min(axis=0, initial=0), scores.max(axis=0, initial=0)
    good = (lowest >= -LARGEST) & (highest <= LARGEST)
    if not good.all():
        label = np.argmin(good)
        row = np.argmin(np.abs(scores[:, label]) <= LARGEST)
        raise ValueError(
            f"scores must be finite, but that of label {label} (column) for sample {row} (row) is "
            f"{scores[row, label]:g}. If they are logits of probabilities, keep these off 0 and 1 "
            "first; else look for NaN or infinite values in the classifier that gave them."
        )
    return scores


def _platt_targets(y: np.ndarray) -> np.ndarray:
    """Platt's targets in place of 0 and 1, for labels along the last axis."""
    n = y.sum(axis=-1, keepdims=True, dtype=np.float64)
    return np.where(y, (n + 1) / (n + 2), 1 / (y.shape[-1] - n + 2))


def _label_blocks(scores: np.ndarray, y: sp.csc_matrix) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Scores and targets of some labels at a time, of shape (n_labels, n_samples)."""
    n_labels = max(1, BLOCK // len(scores))
    for start in range(0, scores.shape[1], n_labels):
        labels = slice(start, start + n_labels)
        block = scores[:, labels].T.astype(np.float64, order="C")
        yield block, _platt_targets(y[:, labels].toarray().T)


def _all_pairs(scores: np.ndarray, y: sp.csc_matrix) -> tuple[np.ndarray, np.ndarray]:
    """Scores and targets of all labels, or every k-th sample of theirs, as if of one label."""
    some = slice(None, None, -(-scores.size // N_PAIRS))
    pairs = scores[some].reshape(1, -1).astype(np.float64)
    return pairs, _platt_targets(y[some].toarray().reshape(1, -1))


def _sigmoids(scores: np.ndarray, slopes: np.ndarray, intercepts: Any) -> np.ndarray:
    result = scores * slopes
    result += intercepts
    # expit(36) is the last whole step below 1, expit(-700) is far above 0 still.
    return expit(np.clip(result, -700, 36, out=result), out=result)


def _isotonic(s: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Knots of a label, and probabilities there, of shape (2, n_knots)."""
    from sklearn.isotonic import IsotonicRegression

    t = _platt_targets(y)
    curve = IsotonicRegression(y_min=t.min(), y_max=t.max()).fit(s.astype(np.float64), y)
    return np.array([curve.X_thresholds_, curve.y_thresholds_])


def _fit_sigmoids(s: np.ndarray, t: np.ndarray, prior: float, shrinkage: float) -> np.ndarray:
    """Slopes and intercepts, of shape (2, n_labels), for scores of shape (n_labels, n_samples)."""
    # The mean of equal scores is that score, rounding aside.
    centre = np.clip(s.mean(axis=1), s.min(axis=1), s.max(axis=1))
    u = s - centre[:, None]
    scale = np.maximum(np.sqrt(np.mean(u**2, axis=1)), 1e-12 * np.abs(centre))
    scale[scale == 0] = 1
    # Without a slope the curvature is largest: a safe place to start.
    flat = np.array([np.zeros(len(u)), logit(t.mean(axis=1))])
    a, b = _minimise(u / scale[:, None], t, flat, prior * scale, shrinkage)
    # The objective is convex: where a is negative, the minimum subject to a ≥ 0 is at 0.
    a, b = np.where(a > 0, [a, b], flat)
    return np.array([a / scale, b - a / scale * centre])


def _minimise(
    u: np.ndarray, t: np.ndarray, start: np.ndarray, prior: Any, shrinkage: float, log: bool = False
) -> np.ndarray:
    """Fit slopes and intercepts of all labels together, by Newton's method with shorter steps.

    Scores `u` and targets `t` have shape (n_labels, n_samples), `start` and the result
    (2, n_labels). `log`: the first row holds logarithms of slopes, and the second stays as it is.
    """
    point = best = start
    step, promise, lowest = np.zeros_like(start), np.zeros(len(u)), np.full(len(u), np.inf)
    for _ in range(N_ITERATIONS):
        a = np.exp(point[0]) if log else point[0]
        z = a[:, None] * u + point[1][:, None]
        p = expit(z)
        residual, weight = p - t, p * (1 - p)
        off = point[0] - prior
        value = (np.logaddexp(0, z) - t * z).sum(axis=1) + shrinkage / 2 * off**2
        ga, gb = (residual * u).sum(axis=1), residual.sum(axis=1)
        haa, hab, hbb = ((weight * v).sum(axis=1) for v in (u**2, u, 1))
        if log:
            # By the chain rule. The second derivative may be negative: what is positive is kept.
            ga, gb = a * ga, 0 * gb
            haa, hab, hbb = a**2 * haa + np.maximum(ga, 0), 0 * hab, np.ones_like(hbb)
        # A parameter that nothing depends on stays where it is.
        ga, haa, hbb = ga + shrinkage * off, haa + shrinkage + 1e-10 * hbb + 1e-30, hbb + 1e-30
        newton = np.array([hab * gb - hbb * ga, hab * ga - haa * gb]) / (haa * hbb - hab**2)
        # Armijo's rule: a quarter of what the gradient promised, rounding aside.
        better = value <= lowest - promise / 4 + 1e-12 * np.abs(lowest)
        best, lowest = np.where(better, point, best), np.where(better, value, lowest)
        point = best + np.where(better, newton, step / 4)
        if log:
            point[0] = np.clip(point[0], -LOG_RANGE, LOG_RANGE)
        step = point - best
        promise = np.where(better, -ga * step[0] - gb * step[1], promise / 4)
        if np.all(promise <= TOLERANCE):
            return point
    return best
