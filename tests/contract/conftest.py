"""Every classifier is held to one contract; a new one joins by adding its factory to small.py.

There is a file for each promise. Their numbers are those of "The estimator contract" in
``docs/architecture.rst``.
"""

from __future__ import annotations

import pytest

from .small import ALL, CLASSIFIERS, EVERY, EVERY_NEURAL


@pytest.fixture(params=ALL)
def name(request):
    """Name of a classifier of the package."""
    return request.param


@pytest.fixture
def make(name):
    """Factory of a classifier of the package, baselines included."""
    return EVERY[name]


@pytest.fixture(params=CLASSIFIERS)
def neural_name(request):
    """Name of a classifier that trains a network."""
    return request.param


@pytest.fixture
def neural(neural_name):
    """Factory of a classifier that trains a network."""
    return CLASSIFIERS[neural_name]


@pytest.fixture(params=EVERY)
def every_name(request):
    """Name of a classifier of the package, or of a variant of one."""
    return request.param


@pytest.fixture
def every(every_name):
    """Factory of a classifier of the package, or of a variant of one."""
    return EVERY[every_name]


@pytest.fixture(params=EVERY_NEURAL)
def every_neural_name(request):
    """Name of a classifier that trains a network, or of a variant of one."""
    return request.param


@pytest.fixture
def every_neural(every_neural_name):
    """Factory of a classifier that trains a network, or of a variant of one."""
    return EVERY_NEURAL[every_neural_name]
