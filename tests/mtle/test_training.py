"""The loss, the weights, the validation score and the thresholds of several tasks."""

from __future__ import annotations

import copy
import importlib

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch

from sklabelemb import LEAMClassifier
from sklabelemb.decision import tuned_thresholds, validation_score
from sklabelemb.learning.losses import LabelLoss, TaskLoss
from sklabelemb.mtle import PAPER_SETTINGS, MTLEClassifier

from ..tolerances import close

TINY = {
    "encoder": "mean",
    "embedding_dim": 8,
    "matcher_size": 8,
    "max_epochs": 4,
    "batch_size": 8,
    "learning_rate": 0.05,
    "dropout": 0.0,
    "word_dropout": 0.0,
    "patience": 4,
    "validation_fraction": 0,
    "device": "cpu",
    "random_state": 0,
}
TOPICS = {"money": ["refund", "cash"], "staff": ["rude", "angry"], "time": ["late", "slow"]}
NAMES = np.array(list(TOPICS))


def mtle(**parameters):
    return MTLEClassifier(**{**TINY, **parameters})


def write(n, seed):
    """Texts about some of the topics, and an indicator of these."""
    random = np.random.default_rng(seed)
    rows = (random.random((n, 3)) < 0.5).astype(int)
    texts = []
    for row in rows:
        words = list(random.choice(["the", "a", "parcel", "my", "was"], random.integers(1, 6)))
        words += [random.choice(TOPICS[name]) for name in NAMES[row == 1]]
        texts.append(" ".join(random.permutation(words).tolist()))
    return texts, rows


MAILS, SETS = write(60, 0)
LETTERS, LETTER_SETS = write(40, 1)
CLASSES = NAMES[LETTER_SETS.argmax(axis=1)]
NOTES, NOTE_SETS = write(25, 2)
TWO = np.array(["no", "yes"])[NOTE_SETS[:, 0]]
FRAME = pd.DataFrame(SETS, columns=NAMES)
TASKS = {"mail": (MAILS, FRAME), "letters": (LETTERS, CLASSES), "notes": (NOTES, TWO)}
UNSEEN = write(12, 3)[0]


def scores(model):
    return {task: model.decision_function(UNSEEN, task=task) for task in model.tasks_}


def assert_same_scores(model, expected):
    for task, value in expected.items():
        np.testing.assert_array_equal(model.decision_function(UNSEEN, task=task), value)


def logits_of(model, X, task):
    """One logit a label, up to a constant of the text that a softmax does not see."""
    logits = model.decision_function(X, task=task).astype(float)
    return np.stack([np.zeros_like(logits), logits], axis=1) if logits.ndim == 1 else logits


# -- the loss --------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("sample_weight", [None, torch.tensor([0.5, 2.0, 0.0, 1.5])])
def test_the_loss_is_that_of_the_task(weighted, sample_weight):
    random = torch.Generator().manual_seed(0)
    multilabel = [False, True, False]
    weights = {1: np.array([1.0, 3.0, 0.5]), 2: np.array([2.0, 0.1])} if weighted else None
    loss = TaskLoss(
        [
            (LabelLoss, {"multilabel": several, "class_weight": (weights or {}).get(task)})
            for task, several in enumerate(multilabel)
        ]
    )
    for task, n_labels in enumerate([3, 3, 2]):
        logits = torch.randn(4, n_labels, generator=random, requires_grad=True)
        y = torch.randint(0, 2, (4, n_labels) if multilabel[task] else (4,), generator=random)
        target = {"y": y} if sample_weight is None else {"y": y, "sample_weight": sample_weight}
        expected = LabelLoss(multilabel[task], (weights or {}).get(task))(logits, target)
        found = loss(logits, {**target, "task": torch.full((4,), task)})
        assert torch.equal(found, expected)
        one, other = (torch.autograd.grad(value, logits)[0] for value in (found, expected))
        assert torch.equal(one, other)
    assert len(loss.losses) == 3


def test_weights_of_labels_move_with_the_loss():
    weight = np.array([1.0, 2.0])
    loss = TaskLoss(
        [
            (LabelLoss, {"multilabel": False}),
            (LabelLoss, {"multilabel": True, "class_weight": weight}),
        ]
    ).to(torch.float64)
    assert loss.losses[1].class_weight.dtype == torch.float64
    assert loss.losses[0].class_weight is None


def literal_loss(model, tasks, weights, class_weight):
    """The mean over all samples, each weighted by its task's λ and its class's weight."""
    total = mass = 0.0
    for name, (X, y) in tasks.items():
        logits = logits_of(model, X, name)
        names = list(model.tasks_[name].label_names)
        own = np.array([class_weight.get(label, 1.0) for label in names])
        for values, target in zip(logits, np.asarray(y), strict=True):
            if np.ndim(target):
                p = 1 / (1 + np.exp(-values))
                one = -(own * target * np.log(p) + (1 - target) * np.log(1 - p)).mean()
            else:
                k = names.index(target)
                one = own[k] * (np.log(np.exp(values).sum()) - values[k])
            total += weights.get(name, 1.0) * one
            mass += weights.get(name, 1.0)
    return total / mass


@pytest.mark.parametrize("weights", [{}, {"letters": 5.0}, {"mail": 0.1, "letters": 2, "notes": 7}])
@pytest.mark.parametrize("class_weight", [{}, {"money": 3.0, "yes": 0.25}])
@pytest.mark.parametrize("sampling", ["uniform", "proportional"])
def test_the_loss_of_an_epoch_is_the_weighted_mean_over_all_samples(
    weights, class_weight, sampling
):
    # So slow that nothing moves in the epoch.
    model = mtle(learning_rate=1e-30, max_epochs=1, task_sampling=sampling)
    model.set_params(class_weight=class_weight or None).fit_tasks(TASKS, weights=weights)
    expected = literal_loss(model, TASKS, weights, class_weight)
    close(model.history_[0]["train_loss"], expected, dtype=np.float32)


@pytest.mark.parametrize("validation_fraction", [0, 0.3])
@pytest.mark.parametrize("weights", [{"letters": 3.0}, {"mail": 0.1, "letters": 2, "notes": 7}])
def test_weights_of_tasks_are_weights_of_their_samples(weights, validation_fraction):
    """Bit for bit."""
    tasks = {"mail": (MAILS, SETS), "letters": (LETTERS, LETTER_SETS), "notes": (NOTES, NOTE_SETS)}
    options = {"validation_fraction": validation_fraction}
    by_task = mtle(**options).fit_tasks(tasks, weights=weights)
    names = np.repeat(list(tasks), [60, 40, 25])
    by_sample = mtle(**options).fit(
        [*MAILS, *LETTERS, *NOTES],
        np.vstack([SETS, LETTER_SETS, NOTE_SETS]),
        sample_weight=[weights.get(name, 1) for name in names],
        task=names,
    )
    assert_same_scores(by_sample, scores(by_task))
    for task in tasks:
        thresholds = by_task.tasks_[task].thresholds
        np.testing.assert_array_equal(by_sample.tasks_[task].thresholds, thresholds)
    plain = mtle(**options).fit_tasks(tasks)
    assert not np.array_equal(scores(plain)["letters"], scores(by_task)["letters"])


def test_only_the_ratios_of_weights_matter():
    one = mtle().fit_tasks(TASKS, weights={"mail": 2, "notes": 4})
    other = mtle().fit_tasks(TASKS, weights={"mail": 0.5, "notes": 1, "letters": 0.25})
    assert_same_scores(other, scores(one))
    even = mtle().fit_tasks(TASKS, weights=dict.fromkeys(TASKS, 3.0))
    assert_same_scores(even, scores(mtle().fit_tasks(TASKS)))


@pytest.mark.parametrize("classifier", [MTLEClassifier, LEAMClassifier])
@pytest.mark.parametrize("partial", [False, True])
def test_texts_of_weight_zero_do_not_count_for_the_fewest_labels(classifier, partial):
    rows = SETS.copy()
    rows[rows.sum(axis=1) == 0, 0] = 1
    rows[:7] = 0
    weight = np.repeat([0.0, 1.0], [7, 53])

    def learnt(sample_weight):
        model = classifier(embedding_dim=8, max_epochs=1, random_state=0, device="cpu")
        learn = model.partial_fit if partial else model.fit
        return learn(MAILS, rows, sample_weight=sample_weight)

    model = learnt(weight)
    assert fewest_labels(model) == [1]
    assert model.predict(["", "xyzzy"]).sum(axis=1).min() >= 1
    assert fewest_labels(learnt(None)) == [0]
    # One that counts for a little is enough.
    weight[3] = 0.1
    assert fewest_labels(learnt(weight)) == [0]


def test_weights_of_zero_count_in_their_own_task_only():
    mail, notes = SETS.copy(), NOTE_SETS.copy()
    for rows in (mail, notes):
        rows[rows.sum(axis=1) == 0, 0] = 1
    mail[:7] = 0
    names = np.repeat(["mail", "notes"], [60, 25])

    def fewest(without):
        weight = np.ones(85)
        weight[without] = 0
        model = mtle(max_epochs=1).fit(
            [*MAILS, *NOTES], np.vstack([mail, notes]), sample_weight=weight, task=names
        )
        return dict(zip(model.tasks_, fewest_labels(model), strict=True))

    assert fewest([]) == {"mail": 0, "notes": 1}
    assert fewest(range(7)) == {"mail": 1, "notes": 1}
    notes[5] = 0
    assert fewest(range(7)) == {"mail": 1, "notes": 0}
    assert fewest([65]) == {"mail": 0, "notes": 1}


def fewest_labels(model):
    if isinstance(model, MTLEClassifier):
        return [task.min_labels for task in model.tasks_.values()]
    return [model.min_labels_]


def test_a_heavy_task_gets_its_way():
    """Two tasks of the same texts and words that contradict each other."""
    tasks = {"straight": (NOTES, TWO), "crooked": (NOTES, np.where(TWO == "yes", "no", "yes"))}
    for heavy, light in (("straight", "crooked"), ("crooked", "straight")):
        model = mtle(max_epochs=12).fit_tasks(tasks, weights={heavy: 20.0})
        assert model.score(*tasks[heavy], task=heavy) > 0.8
        assert model.score(*tasks[light], task=light) < 0.2


# -- weights of classes ----------------------------------------------------------------------------


def weights_in(model):
    found = [loss.class_weight for loss in model.net_.criterion_.losses]
    return [None if weight is None else weight.tolist() for weight in found]


def test_a_dict_of_class_weights_goes_by_names_over_all_tasks():
    model = mtle(max_epochs=1, class_weight={"money": 3.0, "yes": 0.25}).fit_tasks(TASKS)
    assert weights_in(model) == [[3, 1, 1], [3, 1, 1], [1, 0.25]]
    assert weights_in(mtle(max_epochs=1, class_weight={"yes": 2}).fit_tasks(TASKS)) == [
        [1, 1, 1],
        [1, 1, 1],
        [1, 2],
    ]


def test_balanced_classes_are_balanced_in_each_task():
    model = mtle(max_epochs=1, class_weight="balanced").fit_tasks(TASKS)
    positives = SETS.sum(axis=0)
    expected = [
        (60 - positives + 1) / (positives + 1),
        [40 / (3 * np.sum(name == CLASSES)) for name in NAMES],
        [25 / (2 * np.sum(name == TWO)) for name in ("no", "yes")],
    ]
    for found, wanted in zip(weights_in(model), expected, strict=True):
        close(found, wanted, dtype=np.float32)


def test_class_weights_of_no_label():
    with pytest.raises(ValueError, match=r"class_weight names labels that y does not have.*'cash'"):
        mtle(class_weight={"cash": 2.0, "money": 1.0}).fit_tasks(TASKS)


@pytest.mark.parametrize("class_weight", [{"money": 3.0, "yes": 0.25}, "balanced"])
def test_updates_of_other_tasks_do_not_lose_class_weights(class_weight):
    model = mtle(max_epochs=1, class_weight=class_weight).fit_tasks(TASKS)
    before = weights_in(model)
    model.partial_fit(["entirely new", "words again"], ["x", "y"], task="new")
    assert weights_in(model)[:3] == before
    model.partial_fit(MAILS, FRAME, task="mail")
    assert weights_in(model)[0] == before[0]


@pytest.mark.parametrize("new_words", [False, True])
def test_a_task_that_was_added_is_trained_with_class_weights(new_words):
    model = mtle(max_epochs=1, class_weight={"money": 3.0}).fit_tasks(TASKS)
    texts = {"money": "cash", "other": "late"}
    model.add_task("added", ["money", "other"], texts)
    X = [f"{text} novelty" for text in NOTES] if new_words else NOTES
    model.partial_fit(X, np.where(TWO == "yes", "money", "other"), task="added")
    assert weights_in(model)[3] == [3, 1]


# -- the validation split --------------------------------------------------------------------------


@pytest.fixture
def held_out(monkeypatch):
    """Hold out the last samples of each task; tells what was asked for."""
    calls = []

    def last(targets, fraction, seed):
        n = targets.shape[0]
        n_kept = n - round(n * fraction)
        calls.append((n, fraction, seed))
        return np.arange(n_kept), np.arange(n_kept, n)

    # The package has a function of the name of the module.
    module = importlib.import_module("sklabelemb.learning.fit")
    monkeypatch.setattr(module, "stratified_holdout", last)
    return calls


def encoded(y, rows):
    y = np.asarray(y)[rows]
    return (
        sp.csr_matrix(y, dtype=np.float32) if y.ndim == 2 else np.unique(y, return_inverse=True)[1]
    )


@pytest.mark.parametrize("batch_size", [8, 100])
def test_the_validation_score_is_the_mean_over_the_tasks(held_out, batch_size):
    options = {"validation_fraction": 0.4, "patience": 9, "threshold": 0.5}
    for epochs in (1, 3):
        model = mtle(max_epochs=epochs, batch_size=batch_size, **options).fit_tasks(TASKS)
        each = []
        for name, (X, y) in TASKS.items():
            rows = slice(len(X) - round(0.4 * len(X)), None)
            each.append(validation_score(encoded(y, rows), logits_of(model, X[rows], name)))
        assert len(set(each)) == 3
        found = model.history_[model.best_epoch_ - 1]["valid_score"]
        close(found, np.mean(each), dtype=np.float32)
    # Each task has its own split, by the same seed.
    assert [call[:2] for call in held_out] == [(60, 0.4), (40, 0.4), (25, 0.4)] * 2
    assert len({seed for *_, seed in held_out}) == 1


def test_texts_that_are_held_out_are_not_trained_on(held_out):
    # One epoch, among which there is nothing to choose.
    options = {"validation_fraction": 0.4, "max_epochs": 1, "threshold": 0.5}
    model = mtle(**options).fit_tasks(TASKS)
    cut = {name: round(0.6 * len(X)) for name, (X, _) in TASKS.items()}
    y = FRAME.copy()
    y.iloc[cut["mail"] :] = 1 - y.iloc[cut["mail"] :]
    other = mtle(**options).fit_tasks({**TASKS, "mail": (MAILS, y)})
    assert_same_scores(other, scores(model))


def test_small_tasks_are_held_out_in_no_part(held_out):
    options = {"validation_fraction": 0.3, "max_epochs": 1}
    model = mtle(**options).fit_tasks(TASKS)
    # Of 25 notes, 7.5 would be too few to tell anything.
    assert [call[0] for call in held_out] == [60, 40]
    each = [
        validation_score(
            encoded(y, slice(-round(0.3 * len(X)), None)), logits_of(model, X, name)[-k:]
        )
        for name, k in (("mail", 18), ("letters", 12))
        for X, y in [TASKS[name]]
    ]
    close(model.history_[0]["valid_score"], np.mean(each), dtype=np.float32)


def test_without_any_validation_split():
    model = mtle(validation_fraction=0.1, threshold=0.5).fit_tasks(TASKS)
    assert "valid_score" not in model.history_[-1]
    assert model.best_epoch_ == model.n_iter_ == 4
    assert model.tasks_["mail"].thresholds.tolist() == [0.5] * 3


def test_the_best_epoch_is_kept(held_out):
    options = {"validation_fraction": 0.4, "learning_rate": 0.3, "threshold": 0.5}
    model = mtle(max_epochs=15, patience=3, **options).fit_tasks(TASKS)
    found = [row["valid_score"] for row in model.history_]
    assert model.best_epoch_ == np.argmax(found) + 1
    assert model.n_iter_ == min(15, model.best_epoch_ + 3)
    each = [
        validation_score(encoded(y, slice(cut, None)), logits_of(model, X[cut:], name))
        for name, (X, y) in TASKS.items()
        for cut in [len(X) - round(0.4 * len(X))]
    ]
    close(max(found), np.mean(each), dtype=np.float32)


# -- thresholds ------------------------------------------------------------------------------------


def test_thresholds_are_tuned_for_each_task(held_out):
    tasks = {"mail": (MAILS, FRAME), "letters": (LETTERS, LETTER_SETS), "classes": (NOTES, TWO)}
    options = {"validation_fraction": 0.4, "threshold_shrinkage": 2.0}
    model = mtle(**options).fit_tasks(tasks)
    found = {name: task.thresholds for name, task in model.tasks_.items()}
    assert found["classes"] is None
    for name in ("mail", "letters"):
        X, y = tasks[name]
        cut = len(X) - round(0.4 * len(X))
        logits = model.decision_function(X[cut:], task=name)
        expected = tuned_thresholds(encoded(y, slice(cut, None)), logits, 2.0)
        close(found[name], expected, dtype=np.float32)
        predicted = np.asarray(model.predict(UNSEEN, task=name))
        wanted = model.predict_proba(UNSEEN, task=name) >= found[name]
        np.testing.assert_array_equal(predicted.astype(bool), wanted)
    assert not np.allclose(found["mail"], found["letters"])
    # Updates leave them as they are.
    model.partial_fit(LETTERS, LETTER_SETS, task="letters").partial_fit(
        MAILS, SETS[:, :2], task="x"
    )
    np.testing.assert_array_equal(model.tasks_["letters"].thresholds, found["letters"])
    np.testing.assert_array_equal(model.tasks_["mail"].thresholds, found["mail"])
    assert model.tasks_["x"].thresholds.tolist() == [0.5, 0.5]


def test_a_threshold_for_each_label():
    tasks = {"mail": (MAILS, FRAME), "letters": (LETTERS, LETTER_SETS)}
    model = mtle(threshold=[0.2, 0.5, 0.9]).fit_tasks(tasks)
    for name in tasks:
        assert model.tasks_[name].thresholds.tolist() == [0.2, 0.5, 0.9]
        predicted = np.asarray(model.predict(UNSEEN, task=name))
        wanted = model.predict_proba(UNSEEN, task=name) >= [0.2, 0.5, 0.9]
        np.testing.assert_array_equal(predicted.astype(bool), wanted)


def test_thresholds_of_another_number_name_the_task():
    tasks = {"mail": (MAILS, FRAME), "pairs": (LETTERS, LETTER_SETS[:, :2])}
    with pytest.raises(ValueError, match="one number per label; y has 2 labels") as raised:
        mtle(threshold=[0.2, 0.5, 0.9]).fit_tasks(tasks)
    assert "'pairs'" in str(raised.value)


def test_thresholds_may_be_set_afterwards():
    model = mtle().fit(MAILS, SETS, task="mail")
    model.thresholds_ = [0.1, 0.2, 0.3]
    model.min_labels_ = 2
    assert model.thresholds_.tolist() == model.tasks_["mail"].thresholds.tolist() == [0.1, 0.2, 0.3]
    assert model.predict(UNSEEN).sum(axis=1).min() >= 2
    other = copy.deepcopy(model)
    other.thresholds_ = np.array([0.9, 0.9, 0.9])
    assert model.thresholds_.tolist() == [0.1, 0.2, 0.3]
    several = mtle(max_epochs=1).fit_tasks(TASKS)
    with pytest.raises(AttributeError, match=r"3 tasks.*See tasks_\[name\]"):
        several.thresholds_ = [0.1, 0.2, 0.3]


def test_labels_without_positives_are_named_with_their_task():
    with pytest.warns(UserWarning, match=r"1 of 3 labels have no positive.*\('staff'\)"):
        model = mtle(max_epochs=1).fit_tasks({**TASKS, "mail": (MAILS, FRAME.assign(staff=0))})
    assert np.isfinite(scores(model)["mail"]).all()


def test_the_papers_settings_train_by_plain_gradient_descent():
    texts = [f"{word} {word} today" for words in TOPICS.values() for word in words] * 5
    y = np.repeat(NAMES, 2).tolist() * 5
    small = {"embedding_dim": 8, "hidden_size": 8, "batch_size": 8, "device": "cpu"}
    model = MTLEClassifier(**PAPER_SETTINGS | small, random_state=0).fit(texts, y)
    [group] = model.net_.optimizer_.param_groups
    assert isinstance(model.net_.optimizer_, torch.optim.SGD)
    assert (group["momentum"], group["weight_decay"]) == (0, 1e-5)
    assert (model.predict(texts) == y).mean() > 0.9
