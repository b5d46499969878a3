"""What explanations say about words, held against decision_function on other texts."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

from sklabelemb.inspection.occlusion import occlusion
from sklabelemb.mtle import MTLE, MTLEClassifier

from ..tolerances import close

TOPICS = {
    "money": ["refund", "cash", "paid"],
    "staff": ["rude", "angry", "driver"],
    "time": ["late", "slow", "waiting"],
}


def write(n, seed):
    random = np.random.default_rng(seed)
    rows = (random.random((n, 3)) < 0.5).astype(int)
    texts = []
    for row in rows:
        words = list(random.choice(["the", "a", "parcel", "my", "was"], random.integers(1, 8)))
        words += [random.choice(TOPICS[name]) for name in np.array(list(TOPICS))[row == 1]]
        texts.append(" ".join(random.permutation(words).tolist()))
    return texts, rows


TEXTS, SETS = write(40, 0)
CLASSES = np.array(list(TOPICS))[SETS.argmax(axis=1)]
TWO = np.array(["no", "yes"])[SETS[:, 0]]
UNSEEN = [*write(8, 1)[0], "late", "xyzzy", "the xyzzy late plugh", "late late late", "the " * 40]
TASKS = {"sets": (TEXTS, SETS), "classes": (TEXTS, CLASSES), "two": (TEXTS, TWO)}
EXACT = [("mean", "cosine"), ("mean", "bilinear")]
OCCLUDED = [
    ("mean", "mlp"),
    ("mean", "concat"),
    ("bilstm", "cosine"),
    ("bilstm", "bilinear"),
    ("bilstm", "mlp"),
    ("bilstm", "concat"),
]


def mtle(encoder, matcher, **parameters):
    model = MTLEClassifier(
        encoder=encoder,
        matcher=matcher,
        embedding_dim=8,
        hidden_size=5,
        matcher_size=8,
        max_epochs=4,
        batch_size=8,
        learning_rate=0.05,
        word_dropout=0.2,
        validation_fraction=0,
        device="cpu",
        random_state=0,
    )
    return model.set_params(**parameters).fit_tasks(TASKS)


@functools.cache
def fitted(encoder, matcher, max_length=None):
    """A model that tests look at and do not change; with dropout, which must not show."""
    return mtle(encoder, matcher, max_length=max_length)


def logits_of(model, X, task):
    """One column per label; of two classes the difference, for both sides."""
    return model.decision_function(X, task=task).astype(float)


def scale_of(model, task):
    """The size of what a logit is made of, which is more than the logit where it is a cosine."""
    return 20 if model.matcher == "cosine" else np.fmax(1, np.abs(logits_of(model, UNSEEN, task)))


def seen(task, contributions):
    """The contributions on the scale of `decision_function`."""
    return contributions[..., 1] - contributions[..., 0] if task == "two" else contributions


# -- the sum over words ----------------------------------------------------------------------------


@pytest.mark.parametrize(("encoder", "matcher"), EXACT)
@pytest.mark.parametrize("task", TASKS)
def test_contributions_and_a_constant_of_the_label_are_the_logit(encoder, matcher, task):
    model = fitted(encoder, matcher)
    sums = [
        seen(task, e.contributions.astype(float)).sum(axis=0) for e in model.explain(UNSEEN, task)
    ]
    rest = logits_of(model, UNSEEN, task) - np.array(sums)
    assert np.abs(sums).max() > 0.5
    # The constant of two texts is that of all others.
    constant = rest[:2].mean(axis=0)
    close(
        rest, np.broadcast_to(constant, rest.shape), scale=scale_of(model, task), dtype=np.float32
    )
    # It is what an empty text has.
    close(logits_of(model, [""], task)[0], constant, scale=scale_of(model, task), dtype=np.float32)
    if matcher == "bilinear" and task != "two":
        assert np.ptp(constant) > 1e-3


@pytest.mark.parametrize(("encoder", "matcher"), EXACT)
def test_contributions_of_a_bilinear_matcher_do_not_depend_on_other_words(encoder, matcher):
    """Of the cosine's they do, by the length of the whole text's vector."""
    model = fitted(encoder, matcher)
    one, other = model.explain(["late parcel", "parcel late"], "sets")
    close(
        one.contributions,
        other.contributions[::-1],
        scale=scale_of(model, "sets"),
        dtype=np.float32,
    )
    twice = model.explain(["late late"], "sets")[0].contributions
    close(twice[0], twice[1], scale=scale_of(model, "sets"), dtype=np.float32)
    once = model.explain(["late"], "sets")[0].contributions
    close(twice.sum(axis=0), once[0], scale=scale_of(model, "sets"), dtype=np.float32)


# -- leaving a word out ----------------------------------------------------------------------------


@pytest.mark.parametrize(("encoder", "matcher"), OCCLUDED)
@pytest.mark.parametrize("task", TASKS)
def test_contributions_are_what_is_lost_without_the_word(encoder, matcher, task):
    model = fitted(encoder, matcher)
    # Texts of one task, so that the first text is shorter than the others.
    for text, explanation in zip(UNSEEN[:12], model.explain(UNSEEN[:12], task), strict=True):
        words = text.split()
        assert explanation.tokens == words
        shorter = [" ".join(words[:i] + words[i + 1 :]) for i in range(len(words))]
        whole, rest = logits_of(model, [text], task), logits_of(model, shorter, task)
        found = seen(task, explanation.contributions.astype(float))
        close(found, whole - rest, scale=scale_of(model, task), dtype=np.float32)
    assert any(np.abs(e.contributions).max() > 0.01 for e in model.explain(UNSEEN, task))


def network(encoder, matcher, seed=0):
    torch.manual_seed(seed)
    options = {"embedding_dim": 5, "hidden_size": 3, "matcher_size": 4}
    labels = [[[2], [3, 4]], [[5], [6], []]]
    return MTLE(12, labels, encoder=encoder, matcher=matcher, **options).double().eval()


@pytest.mark.parametrize(("encoder", "matcher"), [*OCCLUDED, *EXACT])
@pytest.mark.parametrize("max_tokens", [1, 7, 1 << 14])
def test_occlusion_is_a_loop_over_the_words(encoder, matcher, max_tokens):
    with torch.random.fork_rng(devices=[]):
        net = network(encoder, matcher)
    for words in ([], [7], [1, 1], [3, 8, 8, 2, 11, 1, 9]):
        for task in (0, 1):
            found = occlusion(
                lambda ids, _, net=net, task=task: net(ids, task),
                torch.tensor(words, dtype=torch.int64),
                max_tokens,
            )
            assert found.shape == (len(words), 2 + task)
            with torch.no_grad():
                for i in range(len(words)):
                    rest = [*words[:i], *words[i + 1 :]] or [0]
                    expected = net(torch.tensor([words]), task) - net(torch.tensor([rest]), task)
                    torch.testing.assert_close(found[i], expected[0], rtol=1e-9, atol=1e-12)


# -- texts of all kinds ----------------------------------------------------------------------------


@pytest.mark.parametrize(("encoder", "matcher"), [*EXACT, *OCCLUDED])
def test_texts_of_all_kinds(encoder, matcher):
    model = fitted(encoder, matcher)
    for task, n_labels in (("sets", 3), ("classes", 3), ("two", 2)):
        for text, n_tokens in (("", 0), (" \n", 0), ("late", 1), ("xyzzy", 1), ("late, late", 3)):
            (explanation,) = model.explain([text], task)
            assert explanation.text == text
            assert len(explanation.tokens) == len(explanation.spans) == n_tokens
            assert explanation.contributions.shape == (n_tokens, n_labels)
            assert np.isfinite(explanation.contributions).all()
            assert explanation.attention is None
            assert [text[a:b] for a, b in explanation.spans] == explanation.tokens
            proba = model.predict_proba([text], task)[0]
            np.testing.assert_array_equal(explanation.proba, proba)
            assert explanation.label_names == model.tasks_[task].label_names.tolist()
            predicted = model.predict([text], task)[0]
            if task == "sets":
                assert explanation.predicted.tolist() == predicted.astype(bool).tolist()
            else:
                assert explanation.predicted_labels() == [predicted]
    # One text alone and among others.
    for alone, among in zip(
        [model.explain([text], "sets")[0] for text in UNSEEN[:4]],
        model.explain(UNSEEN, "sets"),
        strict=False,
    ):
        close(
            alone.contributions,
            among.contributions,
            scale=scale_of(model, "sets"),
            dtype=np.float32,
        )


@pytest.mark.parametrize(("encoder", "matcher"), [("mean", "bilinear"), ("bilstm", "cosine")])
def test_only_the_first_tokens_are_read(encoder, matcher):
    model = fitted(encoder, matcher, 3)
    text = "late the refund rude cash"
    (explanation,) = model.explain([text], "sets")
    assert explanation.tokens == ["late", "the", "refund"]
    assert explanation.text == text
    (short,) = model.explain(["late the refund"], "sets")
    close(
        explanation.contributions,
        short.contributions,
        scale=scale_of(model, "sets"),
        dtype=np.float32,
    )
    if encoder == "bilstm":
        # The words beyond do not move up when one is left out.
        rest = logits_of(model, ["the refund", "late refund", "late the"], "sets")
        expected = logits_of(model, [text], "sets") - rest
        close(explanation.contributions, expected, scale=scale_of(model, "sets"), dtype=np.float32)


def tokens_of_letters(text):
    return [f"<{word}>" for word in text.upper().split()]


@pytest.mark.parametrize(("encoder", "matcher"), [("mean", "cosine"), ("bilstm", "mlp")])
def test_tokens_are_those_of_the_tokenizer(encoder, matcher):
    model = mtle(encoder, matcher, tokenizer=tokens_of_letters, label_texts=None)
    assert "<LATE>" in model.vocabulary_
    (explanation,) = model.explain(["my late parcel"], "sets")
    assert explanation.tokens == ["<MY>", "<LATE>", "<PARCEL>"]
    assert explanation.contributions.shape == (3, 3)
    if encoder == "bilstm":
        rest = logits_of(model, ["late parcel", "my parcel", "my late"], "sets")
        expected = logits_of(model, ["my late parcel"], "sets") - rest
        close(explanation.contributions, expected, scale=scale_of(model, "sets"), dtype=np.float32)


@pytest.mark.parametrize(("encoder", "matcher"), [("mean", "cosine"), ("bilstm", "cosine")])
def test_the_words_of_a_label_speak_for_it(encoder, matcher):
    model = mtle(encoder, matcher, max_epochs=25, dropout=0.0, word_dropout=0.0)
    (explanation,) = model.explain(["my late the driver parcel"], "sets")
    assert explanation.label_names == [0, 1, 2]
    assert explanation.top(2, 1)[0][0] == "late"
    assert explanation.top(1, 1)[0][0] == "driver"
    contributions = explanation.contributions
    assert contributions[1, 2] > contributions[1, 0]


@pytest.mark.parametrize(("encoder", "matcher"), [("mean", "cosine"), ("bilstm", "mlp")])
def test_explaining_changes_nothing(encoder, matcher):
    model = fitted(encoder, matcher)
    before = logits_of(model, UNSEEN, "sets")
    weights = {k: v.clone() for k, v in model.net_.module_.state_dict().items()}
    torch_state = torch.get_rng_state()
    first = model.explain(UNSEEN, "sets")
    model.net_.module_.train()
    second = model.explain(UNSEEN, "sets")
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.contributions, other.contributions)
    assert torch.equal(torch.get_rng_state(), torch_state)
    np.testing.assert_array_equal(logits_of(model, UNSEEN, "sets"), before)
    assert all(torch.equal(weights[k], v) for k, v in model.net_.module_.state_dict().items())
