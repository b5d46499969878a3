"""Maps from scores to probabilities, against their definitions and against scikit-learn."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, logit
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression

from sklabelemb.meta import calibration_maps
from sklabelemb.meta.calibration_maps import (
    CalibrationMaps,
    IsotonicMaps,
    SigmoidMaps,
    TemperatureMaps,
    fit_calibration_maps,
)

METHODS = ["sigmoid", "isotonic", "temperature"]
SEEDS = range(6)


def distorted(
    rng: np.random.Generator, n_samples: int, rates: Any, slopes: Any, offsets: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Scores s of which sigmoid(slope * s + offset) is the truth, and labels drawn from it."""
    logits = rng.normal(size=(n_samples, len(rates))) * 2 + np.asarray(rates)
    y = (rng.random(logits.shape) < expit(logits)).astype(int)
    return (logits - offsets) / slopes, y


def random_problem(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores of all sorts, some tied, with labels from none to all positive."""
    rng = np.random.default_rng(seed)
    n_labels = int(rng.integers(1, 8))
    n_samples = int(rng.integers(20, 200))
    centres = rng.normal(size=n_labels) * 3
    scales = 10 ** rng.uniform(-2, 2, n_labels)
    logits = rng.normal(size=(n_samples, n_labels)) * 2 + centres
    y = (rng.random(logits.shape) < expit(logits)).astype(int)
    scores = logits * scales
    if seed % 2:
        scores = np.round(scores)
    if seed % 3 == 0:
        y[:, 0] = seed % 2
    return scores, y


def platt_targets(y: np.ndarray) -> np.ndarray:
    targets = []
    n_positives = sum(int(value) for value in y)
    for value in y:
        if value:
            targets.append((n_positives + 1) / (n_positives + 2))
        else:
            targets.append(1 / (len(y) - n_positives + 2))
    return np.array(targets)


def literal_sigmoid(
    s: np.ndarray, y: np.ndarray, *, prior: float = 0.0, shrinkage: float = 0.0
) -> tuple[float, float]:
    """Minimise the objective as it stands in the docstring, scores standardised to help scipy."""
    targets, deviation = platt_targets(y), s.std()
    u = (s - s.mean()) / deviation

    def objective(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        a, b = parameters
        z = a * u + b
        off = a / deviation - prior
        value = np.sum(np.logaddexp(0, z) - targets * z) + shrinkage / 2 * off**2 * s.var()
        residual = expit(z) - targets
        return value, np.array([residual @ u + shrinkage * off * deviation, residual.sum()])

    found = minimize(
        objective,
        [0.0, logit(targets.mean())],
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None), (None, None)],
        options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 1000},
    )
    a = found.x[0] / deviation
    return a, found.x[1] - a * s.mean()


def literal_temperature(
    s: np.ndarray, y: np.ndarray, *, prior: float = 1.0, shrinkage: float = 0.0, unit: float = 1.0
) -> float:
    targets = platt_targets(y)

    def objective(log_temperature: float) -> float:
        z = s / np.exp(log_temperature)
        value = np.sum(np.logaddexp(0, z) - targets * z)
        return value + shrinkage / 2 * (log_temperature - np.log(prior)) ** 2

    middle = np.log(unit)
    found = minimize_scalar(objective, bounds=(middle - 10, middle + 10), options={"xatol": 1e-12})
    return float(np.exp(found.x))


def calibration_error(y: np.ndarray, p: np.ndarray, n_bins: int = 15) -> float:
    """Mean over labels of the ECE: bins of equal width, weighted by their share of the samples."""
    errors = []
    for label in range(y.shape[1]):
        error = 0.0
        for k in range(n_bins):
            inside = [i for i in range(len(y)) if min(int(p[i, label] * n_bins), n_bins - 1) == k]
            if inside:
                gap = y[inside, label].mean() - p[inside, label].mean()
                error += len(inside) / len(y) * abs(gap)
        errors.append(error)
    return float(np.mean(errors))


def log_loss(y: np.ndarray, p: np.ndarray) -> float:
    return float(-np.mean(np.where(y == 1, np.log(p), np.log1p(-p))))


# -- sigmoids --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_single_label_is_the_sigmoid_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, y = distorted(rng, 300, [rng.uniform(-3, 1)], 10 ** rng.uniform(-1.5, 1), 0.7)
    theirs = _SigmoidCalibration().fit(scores[:, 0], y[:, 0])
    # One label is all labels: its own slope is the common one, however much it is drawn there.
    for shrinkage in (0.0, 1.0, 100.0):
        ours = SigmoidMaps(shrinkage=shrinkage).fit(scores, y)
        np.testing.assert_allclose(ours.slopes_, [-theirs.a_], rtol=1e-4)
        np.testing.assert_allclose(ours(scores)[:, 0], theirs.predict(scores[:, 0]), atol=1e-5)
        assert ours.common_slope_ == pytest.approx(ours.slopes_[0], rel=1e-6)
        assert ours.common_intercept_ == pytest.approx(ours.intercepts_[0], rel=1e-5)


def test_without_shrinkage_each_label_is_the_sigmoid_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    scores, y = distorted(rng, 400, [-3, -1, 0, 2], [0.3, 1, 2, 5], [-1, 0, 1, 2])
    ours = SigmoidMaps(shrinkage=0).fit(scores, y)(scores)
    for label in range(4):
        theirs = _SigmoidCalibration().fit(scores[:, label], y[:, label])
        np.testing.assert_allclose(ours[:, label], theirs.predict(scores[:, label]), atol=1e-5)


def test_data_swamp_the_prior() -> None:
    rng = np.random.default_rng(1)
    scores, y = distorted(rng, 30_000, [-1, 0], [0.5, 2.0], [0, 1])
    ours = SigmoidMaps().fit(scores, y)(scores)
    for label in range(2):
        theirs = _SigmoidCalibration().fit(scores[:, label], y[:, label])
        np.testing.assert_allclose(ours[:, label], theirs.predict(scores[:, label]), atol=2e-3)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("shrinkage", [0.0, 1.0, 20.0])
def test_sigmoids_minimise_the_penalised_objective(seed: int, shrinkage: float) -> None:
    scores, y = random_problem(seed)
    maps = SigmoidMaps(shrinkage=shrinkage).fit(scores, y)
    common = literal_sigmoid(scores.ravel(), y.ravel())
    np.testing.assert_allclose(
        expit(maps.common_slope_ * scores + maps.common_intercept_),
        expit(common[0] * scores + common[1]),
        atol=1e-5,
    )
    for label in range(scores.shape[1]):
        if scores[:, label].std() == 0:
            continue
        a, b = literal_sigmoid(
            scores[:, label], y[:, label], prior=maps.common_slope_, shrinkage=shrinkage
        )
        np.testing.assert_allclose(
            maps(scores)[:, label], expit(a * scores[:, label] + b), atol=1e-5
        )


@pytest.mark.parametrize("block", [1, 300, 10**6])
def test_blocks_change_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    scores, y = random_problem(4)
    expected = [fit_calibration_maps(method, scores, y)(scores) for method in METHODS]
    monkeypatch.setattr(calibration_maps, "BLOCK", block)
    for method, probabilities in zip(METHODS, expected, strict=True):
        again = fit_calibration_maps(method, scores, y)(scores)
        np.testing.assert_allclose(again, probabilities, rtol=1e-5)


def passes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of what is worked on, one for each pass over a block."""
    shapes: list[tuple[int, ...]] = []
    monkeypatch.setattr(calibration_maps, "expit", lambda z: shapes.append(z.shape) or expit(z))
    return shapes


@pytest.mark.parametrize("maps", [SigmoidMaps(), TemperatureMaps()])
def test_no_copy_is_larger_than_a_block(
    maps: CalibrationMaps, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores, y = distorted(np.random.default_rng(0), 50, np.full(40, -1.0), 1, 0)
    monkeypatch.setattr(calibration_maps, "BLOCK", 50 * 7 + 3)
    monkeypatch.setattr(calibration_maps, "N_PAIRS", 1000)
    shapes = passes(monkeypatch)
    maps.fit(scores, y)
    assert set(shapes) == {(1, 1000), (7, 50), (5, 50)}


@pytest.mark.parametrize("maps", [SigmoidMaps(), TemperatureMaps()])
def test_few_passes_over_the_data(maps: CalibrationMaps, monkeypatch: pytest.MonkeyPatch) -> None:
    scores, y = distorted(np.random.default_rng(0), 3000, np.linspace(-6, 2, 12), 0.5, 1)
    shapes = passes(monkeypatch)
    maps.fit(scores, y)
    assert len(shapes) <= 40


def test_common_map_is_that_of_every_kth_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, y = distorted(np.random.default_rng(0), 900, [-2, 0, 1], [0.5, 1, 2], 0)
    monkeypatch.setattr(calibration_maps, "N_PAIRS", 1000)
    some, rest = (fitted(scores, y) for fitted in (SigmoidMaps().fit, TemperatureMaps().fit))
    slope, intercept = literal_sigmoid(scores[::3].ravel(), y[::3].ravel())
    assert some.common_slope_ == pytest.approx(slope, rel=1e-5)
    assert some.common_intercept_ == pytest.approx(intercept, rel=1e-4)
    expected = literal_temperature(scores[::3].ravel(), y[::3].ravel())
    assert rest.common_temperature_ == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("n_samples", [1, 5, 2000])
def test_label_without_positives_gets_one_in_n_plus_two(n_samples: int) -> None:
    rng = np.random.default_rng(0)
    scores, y = distorted(rng, n_samples, [-1, 0, -3], 1, 0)
    y[:, 2] = 0
    for shrinkage in (0.0, 1.0, 50.0):
        p = SigmoidMaps(shrinkage=shrinkage).fit(scores, y)(scores)
        assert p[:, 2].mean() == pytest.approx(1 / (n_samples + 2), rel=1e-4)


def test_label_with_only_positives_is_likely() -> None:
    scores = np.random.default_rng(0).normal(size=(100, 2))
    y = np.column_stack([np.ones(100, dtype=int), scores[:, 1] > 0])
    p = SigmoidMaps().fit(scores, y)(scores)
    assert p[:, 0].mean() == pytest.approx(101 / 102, rel=1e-4)
    for method in METHODS:
        assert np.all(np.isfinite(fit_calibration_maps(method, scores, y)(scores)))


def test_slope_is_never_negative() -> None:
    rng = np.random.default_rng(0)
    scores, y = distorted(rng, 500, [-1, -1], 1, 0)
    scores[:, 1] *= -1
    maps = SigmoidMaps(shrinkage=0.1).fit(scores, y)
    assert maps.slopes_[0] > 0
    assert maps.slopes_[1] == 0
    # At the bound the best constant is the mean target.
    assert maps(scores)[0, 1] == pytest.approx(platt_targets(y[:, 1]).mean(), rel=1e-9)
    both = SigmoidMaps().fit(-np.abs(scores), (np.abs(scores) > 1).astype(int))
    assert both.common_slope_ == 0
    assert expit(both.common_intercept_) == pytest.approx(
        platt_targets((np.abs(scores) > 1).ravel()).mean()
    )


def test_constant_scores_give_the_frequency() -> None:
    rng = np.random.default_rng(0)
    scores, y = distorted(rng, 200, [-1, 0], 1, 0)
    for constant in (0.0, 0.1, -1e6, 1e20):
        scores[:, 1] = constant
        maps = SigmoidMaps().fit(scores[:, 1:], y[:, 1:])
        expected = platt_targets(y[:, 1]).mean()
        assert maps.slopes_[0] == 0
        np.testing.assert_allclose(maps(scores[:, 1:]), expected)
        if abs(constant) < 1:
            # There is nothing to learn a slope from but the other labels.
            maps = SigmoidMaps().fit(scores, y)
            assert maps.slopes_[1] == pytest.approx(maps.common_slope_, rel=1e-6)
            np.testing.assert_allclose(maps(scores)[:, 1], expected)


# IsotonicRegression takes scores that differ by less than 1e-15 for equal.
@pytest.mark.parametrize(
    ("method", "scale"),
    [(method, scale) for method in METHODS for scale in (1e-6, 1e6, 1e20)]
    + [("sigmoid", 1e-60), ("temperature", 1e-60)],
)
def test_unit_of_the_scores_does_not_matter(method: str, scale: float) -> None:
    rng = np.random.default_rng(2)
    scores, y = distorted(rng, 300, [-4, -2, 0], [0.5, 1, 2], 0)
    expected = fit_calibration_maps(method, scores, y)(scores)
    scaled = fit_calibration_maps(method, scores * scale, y)(scores * scale)
    np.testing.assert_allclose(scaled, expected, rtol=1e-6)


# With rare positives far from all negatives, full steps end where the curvature is nil.
@pytest.mark.parametrize(("n_negatives", "n_positives"), [(50, 5), (20_000, 20), (3000, 1)])
def test_separated_scores_stay_finite(n_negatives: int, n_positives: int) -> None:
    scores = np.concatenate([np.full(n_negatives, -1.0), np.full(n_positives, 1.0)])[:, None]
    y = (scores > 0).astype(int)
    p = SigmoidMaps().fit(scores, y)(scores)
    np.testing.assert_allclose(p[:, 0], platt_targets(y[:, 0]), rtol=1e-5)
    temperature = TemperatureMaps().fit(scores, y)
    assert temperature.temperatures_[0] == pytest.approx(
        literal_temperature(scores[:, 0], y[:, 0]), rel=1e-5
    )


@pytest.mark.parametrize("seed", range(3))
def test_rare_labels_do_not_blow_up(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_samples, n_rare = 2000, 30
    rates = np.concatenate([np.full(n_rare, -9.0), rng.uniform(-4, 0, 10)])
    logits = rng.normal(size=(40_000, 40)) * 3 + rates
    truth = (rng.random(logits.shape) < expit(logits)).astype(int)
    scores = (logits - 0.5) / 1.5
    # Exactly three positives among the samples of each rare label, as many as there are on average
    # in this many fresh ones.
    fitted_scores, fitted_y = scores[:n_samples].copy(), truth[:n_samples].copy()
    for label in range(n_rare):
        positives = np.flatnonzero(truth[:, label])[:3]
        negatives = np.flatnonzero(1 - truth[:, label])[: n_samples - 3]
        chosen = np.concatenate([positives, negatives])
        fitted_scores[:, label], fitted_y[:, label] = scores[chosen, label], truth[chosen, label]
    assert np.all(fitted_y[:, :n_rare].sum(axis=0) == 3)
    fresh, fresh_y = scores[n_samples:, :n_rare], truth[n_samples:, :n_rare]

    def loss(maps: Any) -> float:
        p = maps.fit(fitted_scores, fitted_y)
        padded = np.concatenate([fresh, np.zeros((len(fresh), 10))], axis=1)
        return log_loss(fresh_y, p(padded)[:, :n_rare])

    with_shrinkage, without = loss(SigmoidMaps()), loss(SigmoidMaps(shrinkage=0))
    assert with_shrinkage <= without
    assert loss(IsotonicMaps()) == with_shrinkage
    frequency = np.clip(fresh_y.mean(axis=0), 1e-6, None)
    assert with_shrinkage < log_loss(fresh_y, np.broadcast_to(frequency, fresh_y.shape))


# -- temperatures ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("shrinkage", [0.0, 1.0, 20.0])
def test_temperatures_minimise_the_penalised_objective(seed: int, shrinkage: float) -> None:
    rng = np.random.default_rng(seed)
    scores, y = distorted(rng, 150, rng.uniform(-3, 2, 4), 10 ** rng.uniform(-0.5, 0.5, 4), 0)
    if seed % 2:
        scores = np.round(scores)
    maps = TemperatureMaps(shrinkage=shrinkage).fit(scores, y)
    common = literal_temperature(scores.ravel(), y.ravel())
    assert maps.common_temperature_ == pytest.approx(common, rel=1e-5)
    for label in range(4):
        expected = literal_temperature(
            scores[:, label], y[:, label], prior=maps.common_temperature_, shrinkage=shrinkage
        )
        assert maps.temperatures_[label] == pytest.approx(expected, rel=1e-5)


def test_one_label_has_the_common_temperature() -> None:
    scores, y = distorted(np.random.default_rng(0), 300, [-1], 3, 0)
    maps = TemperatureMaps(shrinkage=7).fit(scores, y)
    assert maps.temperatures_[0] == pytest.approx(maps.common_temperature_, rel=1e-9)
    np.testing.assert_allclose(maps(scores), expit(scores / maps.temperatures_[0]))


def test_temperature_keeps_decisions_and_has_bounds() -> None:
    scores = np.random.default_rng(0).normal(size=(200, 2))
    worse_than_none = (scores < 0).astype(int)
    maps = TemperatureMaps(shrinkage=0).fit(scores, worse_than_none)
    highest = np.exp(10) * np.sqrt(np.mean(scores**2))
    np.testing.assert_allclose(maps.temperatures_, highest)
    assert np.array_equal(maps(scores) > 0.5, scores > 0)


def test_temperature_of_nothing_is_the_unit() -> None:
    maps = TemperatureMaps().fit(np.zeros((5, 2)), np.eye(5, 2, dtype=int))
    assert maps.temperatures_.tolist() == [1, 1]
    assert maps([[0.0, 0.0]]).tolist() == [[0.5, 0.5]]


# -- isotonic --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_isotonic_is_that_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, y = distorted(rng, 200, [-5, -2, 0, 2, 6], 10 ** rng.uniform(-1, 1, 5), 1)
    if seed % 2:
        scores = np.round(scores, 1)
    fresh = rng.normal(size=(100, 5)) * 3 * scores.std(axis=0)
    maps = IsotonicMaps().fit(scores, y)
    sigmoids = SigmoidMaps().fit(scores, y)
    kinds = set()
    for label in range(5):
        s, truth = scores[:, label], y[:, label]
        n_positives, n_negatives = truth.sum(), (1 - truth).sum()
        kinds.add(min(n_positives, n_negatives) < 10)
        if min(n_positives, n_negatives) < 10:
            expected = sigmoids(fresh)[:, label]
        else:
            regression = IsotonicRegression(
                y_min=1 / (n_negatives + 2),
                y_max=(n_positives + 1) / (n_positives + 2),
                out_of_bounds="clip",
            )
            expected = regression.fit(s, truth).predict(fresh[:, label])
        np.testing.assert_allclose(maps(fresh)[:, label], expected, rtol=1e-12)
    assert kinds == {True, False}


def test_sigmoids_are_fitted_only_where_needed() -> None:
    scores, y = distorted(np.random.default_rng(0), 200, [-1, 0], 1, 0)
    assert IsotonicMaps().fit(scores, y).sigmoids_ is None
    rare = IsotonicMaps(min_count=100).fit(scores, y)
    assert np.array_equal(rare(scores), SigmoidMaps().fit(scores, y)(scores))


# -- all of them -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(12))
def test_maps_are_monotone_and_strictly_inside(method: str, seed: int) -> None:
    scores, y = random_problem(seed)
    maps = fit_calibration_maps(method, scores, y)
    rng = np.random.default_rng(seed)
    fresh = np.concatenate([scores, rng.normal(size=scores.shape) * 1000, scores * 0 + 1e29])
    fresh = np.concatenate([fresh, -fresh])
    p = maps(fresh)
    assert p.shape == fresh.shape
    assert p.dtype == np.float64
    assert p.min() > 0
    assert p.max() < 1
    for label in range(scores.shape[1]):
        order = np.argsort(fresh[:, label], kind="stable")
        assert np.all(np.diff(p[order, label]) >= 0)
        ties = np.diff(fresh[order, label]) == 0
        assert np.all(np.diff(p[order, label])[ties] == 0)


@pytest.mark.parametrize(("method", "seed"), list(zip(METHODS, range(len(METHODS)), strict=True)))
def test_calibration_improves_on_fresh_samples(method: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # With this spread of the logits the frequencies are from about 1 % to 50 %.
    rates = np.linspace(-6.5, 0, 12)
    slopes = rng.uniform(0.25, 0.5, 12)
    offsets = 0.0 if method == "temperature" else rng.choice([-1.5, 1.5], 12)
    scores, y = distorted(rng, 6000, rates, slopes, offsets)
    assert y[:, 0].mean() < 0.02
    assert 0.45 < y[:, -1].mean() < 0.55
    maps = fit_calibration_maps(method, scores[:3000], y[:3000])
    before, after, truth = expit(scores[3000:]), maps(scores[3000:]), y[3000:]
    assert calibration_error(truth, after) < 0.7 * calibration_error(truth, before)
    assert log_loss(truth, after) < log_loss(truth, before)


def test_distortion_is_found() -> None:
    rng = np.random.default_rng(0)
    slopes, offsets = np.array([0.3, 1.0, 4.0]), np.array([1.0, 0.0, -2.0])
    scores, y = distorted(rng, 60_000, [-1, 0, 1], slopes, offsets)
    maps = SigmoidMaps().fit(scores, y)
    np.testing.assert_allclose(maps.slopes_, slopes, rtol=0.05)
    np.testing.assert_allclose(maps.intercepts_, offsets, atol=0.06)
    scores, y = distorted(rng, 60_000, [-1, 0, 1], slopes, 0)
    maps = TemperatureMaps().fit(scores, y)
    np.testing.assert_allclose(1 / maps.temperatures_, slopes, rtol=0.05)


@pytest.mark.parametrize("method", METHODS)
def test_forms_of_y_and_scores(method: str) -> None:
    scores, y = distorted(np.random.default_rng(0), 200, [-2, 0, 1], 1, 0)
    expected = fit_calibration_maps(method, scores, y)(scores)
    for form in (sp.csr_matrix, sp.csr_array, sp.csc_matrix, sp.coo_matrix, list, np.float32):
        given = y.tolist() if form is list else form(y)
        assert np.array_equal(fit_calibration_maps(method, scores, given)(scores), expected)
    assert np.array_equal(
        fit_calibration_maps(method, np.asfortranarray(scores), y)(scores.tolist()), expected
    )
    single = scores.astype(np.float32)
    untouched = single.copy()
    p = fit_calibration_maps(method, single, y)(single)
    assert np.array_equal(
        p, fit_calibration_maps(method, single.astype(np.float64), y)(single.astype(np.float64))
    )
    assert np.array_equal(single, untouched)
    whole = np.round(scores).astype(int)
    assert np.array_equal(
        fit_calibration_maps(method, whole, y)(whole),
        fit_calibration_maps(method, whole.astype(float), y)(whole.astype(float)),
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_samples", [1, 2, 3])
@pytest.mark.parametrize("n_labels", [1, 2, 5])
def test_tiny_data(method: str, n_samples: int, n_labels: int) -> None:
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        scores = rng.normal(size=(n_samples, n_labels)) * 5
        y = rng.integers(0, 2, scores.shape)
        p = fit_calibration_maps(method, scores, y)(scores)
        assert np.all((p > 0) & (p < 1))
    maps = fit_calibration_maps(method, scores, np.zeros_like(y))
    assert np.all((maps(scores) > 0) & (maps(scores) < 1))
    assert maps(scores[:0]).shape == (0, n_labels)


@pytest.mark.parametrize("method", METHODS)
def test_pickled_maps_are_the_same_and_small(method: str) -> None:
    scores, y = distorted(np.random.default_rng(0), 3000, [-7, 0], 1, 0)
    maps = fit_calibration_maps(method, scores, y)
    content = pickle.dumps(maps)
    assert len(content) < scores.nbytes
    assert np.array_equal(pickle.loads(content)(scores), maps(scores))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan, 1e200])
def test_scores_must_be_finite(method: str, bad: float) -> None:
    scores, y = distorted(np.random.default_rng(0), 50, [-1, 0, 1], 1, 0)
    maps = fit_calibration_maps(method, scores, y)
    scores[7, 2] = bad
    message = rf"that of label 2 \(column\) for sample 7 \(row\) is {bad:g}".replace("+", r"\+")
    with pytest.raises(ValueError, match=message):
        fit_calibration_maps(method, scores, y)
    with pytest.raises(ValueError, match=message):
        maps(scores)


def test_other_errors() -> None:
    scores, y = np.zeros((4, 2)), np.zeros((4, 2), dtype=int)
    with pytest.raises(ValueError, match=r"method must be one of .*'temperature'.* got 'platt'"):
        fit_calibration_maps("platt", scores, y)
    with pytest.raises(ValueError, match=r"scores have shape \(4, 2\), but y has shape \(3, 2\)"):
        SigmoidMaps().fit(scores, y[:3])
    with pytest.raises(ValueError, match=r"one column per label, but they have shape \(4,\)"):
        SigmoidMaps().fit(scores[:, 0], y)
    with pytest.raises(ValueError, match="scores have no row"):
        SigmoidMaps().fit(scores[:0], y[:0])
    with pytest.raises(ValueError, match="holds 0 and 1 only, but y contains 2"):
        SigmoidMaps().fit(scores, y + 2)
    with pytest.raises(ValueError, match="3 columns, but the maps were fitted for 2 labels"):
        SigmoidMaps().fit(scores, y)(np.zeros((4, 3)))
    for shrinkage in (-1, np.inf, np.nan, "auto"):
        for maps in (SigmoidMaps, TemperatureMaps):
            with pytest.raises(ValueError, match="shrinkage must be a finite number"):
                maps(shrinkage=shrinkage)
    for count in (0, 2.5, "ten"):
        with pytest.raises(ValueError, match="min_count must be a whole number of at least 1"):
            IsotonicMaps(min_count=count)
