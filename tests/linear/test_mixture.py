"""How scores are mixed, for all labels alike or for each."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import expit, logit, softmax

from sklabelemb.linear import Mixture

from ..tolerances import close


def two_kinds_of_labels(n_texts, n_labels=6, seed=0):
    """Scores of two paths, each of which knows every other label; and the truth."""
    random = np.random.default_rng(seed)
    truth = random.random((n_texts, n_labels)) < 0.3
    told = 4.0 * truth - 2.0
    noise = random.normal(size=(2, n_texts, n_labels))
    deep, wide = told + noise[0], told + noise[1]
    deep[:, ::2] = 2 * noise[0][:, ::2]
    wide[:, 1::2] = 2 * noise[1][:, 1::2]
    return sp.csr_matrix(truth.astype(np.float64)), deep, wide


def log_loss(truth, logits):
    y = truth.toarray()
    return np.mean(np.logaddexp(0, logits) - y * logits)


def test_each_label_trusts_the_path_that_knows_it():
    truth, deep, wide = two_kinds_of_labels(2000)
    common = Mixture().fitted(truth, deep, wide)
    mixture = common.fitted_by_label(truth, deep, wide)
    assert mixture.by_label.shape == (6, 4)
    of_deep, of_wide = mixture.of_labels("deep"), mixture.of_labels("wide")
    assert (of_wide[::2] > of_deep[::2]).all()
    assert (of_deep[1::2] > of_wide[1::2]).all()
    # What they have in common is told, too.
    assert (mixture.deep, mixture.wide) == (common.deep, common.wide)
    assert common.of_labels("deep") == common.deep
    fresh = two_kinds_of_labels(2000, seed=1)
    assert log_loss(fresh[0], mixture(*fresh[1:])) < log_loss(fresh[0], common(*fresh[1:]))
    assert (mixture.of_labels("encoded") == 0).all()


def test_single_classes_have_weights_of_their_own():
    random = np.random.default_rng(0)
    codes = random.integers(4, size=2000)
    told = 3.0 * np.eye(4)[codes]
    noise = random.normal(size=(2, 2000, 4))
    deep, wide = told + noise[0], told + noise[1]
    wide[:, 0] = 3 * noise[1][:, 0]
    mixture = Mixture().fitted(codes, deep, wide).fitted_by_label(codes, deep, wide)
    of_wide = mixture.of_labels("wide")
    assert of_wide[0] < of_wide[1:].min()
    assert (mixture.of_labels("offset") == 0).all()


def test_few_texts_leave_labels_alike():
    spread = []
    for n_texts in (20, 2000):
        truth, deep, wide = two_kinds_of_labels(n_texts, seed=2)
        mixture = Mixture().fitted(truth, deep, wide).fitted_by_label(truth, deep, wide)
        spread.append(np.abs(mixture.of_labels("deep") - mixture.deep).max())
    assert spread[0] < spread[1]


def test_a_label_without_a_positive_keeps_nearly_the_common_offset():
    truth, deep, wide = two_kinds_of_labels(400)
    truth = truth.tolil()
    truth[:, 0] = 0
    truth = truth.tocsr()
    common = Mixture().fitted(truth, deep, wide)
    offsets = common.fitted_by_label(truth, deep, wide).of_labels("offset")
    assert offsets[0] < common.offset
    assert abs(offsets[0] - common.offset) < 1


def test_the_minimum_is_one():
    truth, deep, wide = two_kinds_of_labels(300)
    mixture = Mixture().fitted(truth, deep, wide)
    best = log_loss(truth, mixture(deep, wide))
    for name in ("deep", "wide", "offset"):
        for away in (-0.3, 0.3):
            other = Mixture(**{**vars(mixture), name: getattr(mixture, name) + away})
            assert log_loss(truth, other(deep, wide)) > best


def test_mixtures_are_equal_by_what_they_weigh():
    truth, deep, wide = two_kinds_of_labels(50)
    one = Mixture().fitted(truth, deep, wide).fitted_by_label(truth, deep, wide)
    assert one == Mixture(**vars(one))
    assert hash(one) == hash(Mixture(**vars(one)))
    assert one != Mixture(one.deep, one.wide, one.offset, one.encoded)
    assert one != Mixture(**{**vars(one), "deep": 7.0})
    assert one != "a mixture"


@pytest.mark.parametrize("by_label", [True, False])
def test_labels_that_are_added_are_mixed_otherwise(by_label):
    truth, deep, wide = two_kinds_of_labels(50, n_labels=2)
    mixture = Mixture().fitted(truth, deep, wide)
    if by_label:
        mixture = mixture.fitted_by_label(truth, deep, wide)
    more = mixture.with_labels(np.array([0, -1, 1]), Mixture(0.0, 0.0, 0.0, 1.0))
    scores = [np.insert(path, 1, 0.0, axis=1) for path in (deep, wide)]
    encoded = np.random.default_rng(1).normal(size=scores[0].shape)
    mixed = more(*scores, encoded)
    close(mixed[:, 1], encoded[:, 1], dtype=np.float32)
    zero = np.zeros_like(encoded)
    close(more(*scores, zero)[:, [0, 2]], mixture(deep, wide), dtype=np.float32)
    assert np.isfinite(expit(mixed)).all()


@pytest.mark.parametrize("multilabel", [False, True])
def test_paths_that_know_nothing_but_shares_give_them(multilabel):
    shares = np.array([0.1, 0.2, 0.7])
    learnt = logit(shares) if multilabel else np.log(shares)
    mixture = Mixture(deep=0.3, wide=1.5, offset=0.4, encoded=0.5).at_shares(shares, multilabel)
    logits = mixture(learnt[None], 2 * shares[None] - 1, learnt[None])
    found = expit(logits) if multilabel else softmax(logits, axis=1)
    close(found[0], shares, scale=1.0)
    # Held-out texts go on from what labels have in common.
    assert (mixture.deep, mixture.wide, mixture.offset, mixture.encoded) == (0.3, 1.5, 0.4, 0.5)


def test_held_out_texts_move_the_weight_of_margins():
    """Margins near -1 are logits of -4 once mixed, where the loss curves little by their weight."""
    random = np.random.RandomState(0)
    present = random.rand(2000, 6) < 0.05
    margins = np.where(present, 1.0, -1.0) + 0.3 * random.randn(2000, 6)
    y = random.rand(2000, 6) < expit(8 * margins)
    mixture = Mixture().fitted(sp.csr_matrix(y.astype(float)), None, margins)
    assert 6.5 < mixture.wide < 9  # from 4
