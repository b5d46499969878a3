"""Small models of several tasks, and the texts they learn from."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import scipy.sparse as sp
from skorch.callbacks import Callback

from sklabelemb.mtle import MTLEClassifier

# Small enough that a fit takes a few hundredths of a second, large enough that it learns.
TINY = {
    "encoder": "mean",
    "embedding_dim": 8,
    "hidden_size": 6,
    "matcher_size": 8,
    "max_epochs": 6,
    "batch_size": 8,
    "learning_rate": 0.05,
    "dropout": 0.0,
    "word_dropout": 0.0,
    "validation_fraction": 0,
    "device": "cpu",
    "random_state": 0,
}
FILLERS = [
    "the",
    "a",
    "parcel",
    "i",
    "was",
    "and",
    "my",
    "order",
    "for",
    "today",
    "again",
    "please",
]
OPINIONS = {"neg": ["bad", "awful", "poor", "dull"], "pos": ["good", "great", "lovely", "fine"]}
TOPICS = {
    "money": ["refund", "cash", "paid", "invoice"],
    "staff": ["rude", "shouted", "angry", "driver"],
    "time": ["late", "delayed", "waiting", "slow"],
}


def mtle(**parameters):
    return MTLEClassifier(**{**TINY, **parameters})


def write(classes, n, seed):
    """Texts of one to nine fillers and two words of each text's class, with the classes."""
    random = np.random.default_rng(seed)
    names = list(classes)
    y = np.array([names[i % len(names)] for i in range(n)])
    texts = []
    for name in y:
        words = [*random.choice(FILLERS, random.integers(1, 10)), *random.choice(classes[name], 2)]
        texts.append(" ".join(random.permutation(words).tolist()))
    return texts, y


def write_sets(n, seed):
    """Texts about several topics, with a frame of their labels."""
    random = np.random.default_rng(seed)
    rows = (random.random((n, 3)) < 0.5).astype(int)
    texts = []
    for row in rows:
        words = list(random.choice(FILLERS, random.integers(1, 6)))
        for topic in np.array(list(TOPICS))[row == 1]:
            words += random.choice(TOPICS[topic], 2).tolist()
        texts.append(" ".join(random.permutation(words).tolist()))
    return texts, pd.DataFrame(rows, columns=list(TOPICS))


BOOKS, BOOK_OPINIONS = write(OPINIONS, 40, 0)
DVDS, DVD_OPINIONS = write(OPINIONS, 24, 1)
LETTERS, LETTER_TOPICS = write(TOPICS, 30, 2)
MAILS, MAIL_TOPICS = write_sets(36, 3)
UNSEEN = [*write(OPINIONS, 6, 4)[0], *write(TOPICS, 6, 5)[0], "", "good", "xyzzy plugh", "a " * 50]
ALL_KINDS = {
    "books": (BOOKS, BOOK_OPINIONS),
    7: (DVDS, (DVD_OPINIONS == "pos").astype(int)),
    "mail": (MAILS, MAIL_TOPICS),
    "letters": (LETTERS, LETTER_TOPICS),
    "sparse": (MAILS, sp.csr_array(MAIL_TOPICS.to_numpy())),
}


@functools.cache
def fitted(encoder="mean"):
    """A model of tasks of all kinds that tests look at and do not change."""
    slow = {} if encoder == "mean" else {"max_epochs": 3}
    return mtle(encoder=encoder, **slow).fit_tasks(ALL_KINDS)


def scores(model, tasks=None, X=UNSEEN):
    """The logits of all tasks, a dict."""
    return {task: model.decision_function(X, task=task) for task in tasks or model.tasks_}


def assert_same_scores(model, expected, X=UNSEEN):
    for task, value in expected.items():
        np.testing.assert_array_equal(model.decision_function(X, task=task), value, err_msg=task)


def weights_of(model):
    return {k: v.detach().clone() for k, v in model.net_.module_.state_dict().items()}


def rows_of(model, *words, table="embedding"):
    ids = [model.vocabulary_[word] for word in words]
    return getattr(model.net_.module_, table).weight.detach()[ids].clone()


class Interrupt(Callback):
    """Raises in the middle of an epoch, after some batches of training."""

    def __init__(self, after):
        self.after = after

    def on_train_begin(self, net, **kwargs):
        self.seen_ = 0

    def on_batch_end(self, net, training, **kwargs):
        self.seen_ += training
        if self.seen_ == self.after:
            raise KeyboardInterrupt


SEARCH_X = [*BOOKS, *DVDS[:20]]
SEARCH_Y = np.array([*BOOK_OPINIONS, *DVD_OPINIONS[:20]])
SEARCH_T = np.array(["books", "books", "dvd"] * 20)
FILMS = ["a stale plot", "my quaint plot and the actors", "stale stale actors", "quaint"] * 4
FILM_MOODS = np.array(["dreary", "charming"] * 8)


def vectors_for(*words, seed=0):
    random = np.random.default_rng(seed)
    return {word: 3 * random.standard_normal(6) + 1 for word in words}


DESCRIBED = {"neg": "bad awful poor", "pos": "good great lovely"}


@functools.cache
def described(encoder="mean"):
    """Opinions and topics, with label texts of several words; not to be changed."""
    slow = {} if encoder == "mean" else {"learning_rate": 0.03}
    texts = {"books": DESCRIBED, "letters": {name: " ".join(TOPICS[name][:2]) for name in TOPICS}}
    return mtle(encoder=encoder, label_texts=texts, max_epochs=12, **slow).fit_tasks(
        {"books": (BOOKS, BOOK_OPINIONS), "letters": (LETTERS, LETTER_TOPICS)}
    )
