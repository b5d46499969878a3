"""The helper that says how far results may lie apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from .tolerances import close, tolerance


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_orders_of_summation_are_close(dtype):
    random = np.random.default_rng(0)
    for n_terms in (10, 1000, 10_000):
        terms = random.standard_normal((n_terms, 20)).astype(dtype)
        one_by_one = terms.cumsum(axis=0)
        backwards = terms[::-1].sum(axis=0)
        close(one_by_one[-1], backwards, n_terms=n_terms, scale=one_by_one)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_mistake_of_a_ten_thousandth_is_seen(dtype):
    values = np.linspace(-2, 2, 9, dtype=dtype)
    wrong = values.copy()
    wrong[4] += 2e-4
    close(values, values)
    with pytest.raises(AssertionError):
        close(wrong, values)
    with pytest.raises(AssertionError):
        close(values, wrong)


def test_the_coarser_type_counts():
    exact = np.array([1.0, 1 + 1e-6])
    with pytest.raises(AssertionError):
        close(exact, [1.0, 1.0])
    close(exact, np.ones(2, dtype=np.float32))
    close(exact, 1.0, dtype=np.float32)
    close(torch.tensor([1.0, 1 + 1e-6], requires_grad=True), exact)


def test_what_is_not_finite_is_the_same():
    values = [np.nan, np.inf, 1.0]
    close(values, values)
    for wrong in ([0.0, np.inf, 1.0], [np.nan, -np.inf, 1.0], [np.nan, np.inf, np.nan]):
        with pytest.raises(AssertionError):
            close(wrong, values)


def test_shapes_are_the_same():
    with pytest.raises(AssertionError):
        close(np.ones((2, 1)), np.ones(2))


def test_a_tolerance_that_hides_everything_is_refused():
    with pytest.raises(ValueError, match="would hide mistakes"):
        tolerance(np.float32, 10**6, 1.0)
