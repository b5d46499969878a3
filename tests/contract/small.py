"""Small classifiers of every kind, the texts they learn from, and what tests ask of them."""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import torch
from sklearn.linear_model import LogisticRegression
from skorch.callbacks import Callback

from sklabelemb.baselines import BinaryRelevance, ClassifierChain, LabelPowerset
from sklabelemb.laco import LACOClassifier
from sklabelemb.leam import PAPER_SETTINGS, LEAMClassifier
from sklabelemb.mtle import PRESETS as MULTI_TASK
from sklabelemb.mtle import MTLEClassifier
from sklabelemb.neural import DocumentClassifier
from sklabelemb.semantic_unit import SemanticUnitSeq2SeqClassifier
from sklabelemb.tree import LabelTreeClassifier

# Two epochs of two batches: a fit takes a few hundredths of a second. For those that learn see
# `longer`.
TINY = {
    "embedding_dim": 8,
    "max_epochs": 2,
    "batch_size": 32,
    "learning_rate": 0.1,
    "device": "cpu",
    "random_state": 0,
}


def leam(**parameters):
    return LEAMClassifier(**{**TINY, **parameters})


def leam_of_the_paper(**parameters):
    fast = {"window_size": 1, "head_dropout": 0.0, **TINY, "learning_rate": 0.3}
    return LEAMClassifier(**{**PAPER_SETTINGS, **fast, **parameters})


class WordCounts:
    """A frozen encoder: how often a text has words of each of some kinds, by their letters."""

    def encode(self, texts):
        table = np.zeros((len(texts), 12))
        for row, text in enumerate(texts):
            for word in text.split():
                table[row, sum(map(ord, word)) % 12] += 1
        return table / np.maximum(1, np.linalg.norm(table, axis=1, keepdims=True))


def leam_and_encoder(**parameters):
    return leam(**{"encoder": WordCounts(), "max_epochs": 2, **parameters})


def mtle(**parameters):
    slow = {"hidden_size": 16, "matcher": "bilinear", "learning_rate": 0.08}
    return MTLEClassifier(**{**TINY, "dropout": 0.0, **slow, **parameters})


def mtle_of_means(**parameters):
    fast = {"encoder": "mean", "matcher": "cosine", "matcher_size": 8}
    fast |= {"learning_rate": 0.05}
    return MTLEClassifier(**{**TINY, "dropout": 0.0, **fast, **parameters})


def system_of_tasks(name, **parameters):
    """A multi-task system of the literature, on one task."""
    tiny = {"hidden_size": 16, "n_segments": 3, "segment_size": 4, "learning_rate": 0.03}
    return MTLEClassifier(**{**MULTI_TASK[name], **TINY, "dropout": 0.0, **tiny, **parameters})


def semantic_units(**parameters):
    small = {"hidden_size": 16, "n_layers": 1, "beam_size": 2, "dropout": 0.0, "word_dropout": 0.0}
    small |= {"learning_rate": 0.05}
    return SemanticUnitSeq2SeqClassifier(**{**TINY, **small, **parameters})


def s2s_by_marginals(**parameters):
    other = {"attention": "none", "decision": "marginal", "directions": "sum", "wide": False}
    return semantic_units(**{**other, "label_order": "random", **parameters})


def seq2seq_t(**parameters):
    own = {"architecture": "transformer", "attention": "words", "label_input": "global"}
    own |= {"objective": "completion", "n_heads": 2, "wide": False, "learning_rate": 0.01}
    return semantic_units(**{**own, **parameters})


ENCODER = {"model_type": "bert", "hidden_size": 16, "num_hidden_layers": 1}
ENCODER |= {"num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 512}
ENCODER |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


def laco(**parameters):
    fast = {name: value for name, value in TINY.items() if name != "embedding_dim"}
    fast |= {"encoder": ENCODER, "learning_rate": 0.03, "dropout": 0.0}
    fast |= {"cooccurrence": "clcp"}
    return LACOClassifier(**{**fast, **parameters})


def bert(**parameters):
    """What is left of LACO without both ablations."""
    plain = {"joint_embedding": False, "cross_attention": False, "cooccurrence": None}
    plain |= {"learning_rate": 0.012, "encoder": {**ENCODER, "hidden_size": 32}}
    plain |= {"wide": False}
    return laco(**{**plain, **parameters})


def seq_tag_bert(**parameters):
    own = {"head": "tagger", "cooccurrence": None, "wide": False, "learning_rate": 0.01}
    own |= {"encoder": {**ENCODER, "hidden_size": 32}}
    return laco(**{**own, **parameters})


def ml_reasoner(**parameters):
    return bert(**{"head": "reasoner", **parameters})


def kim_cnn(**parameters):
    plain = {"hidden_size": 8, "dropout": 0.0, "head_dropout": 0.0, "learning_rate": 0.02}
    return DocumentClassifier(**{**TINY, **plain, **parameters})


def caml(**parameters):
    own = {"pooling": "label_wise", "widths": (4,), "activation": "tanh"}
    return kim_cnn(**{**own, "learning_rate": 0.05, **parameters})


def bigru_lwan(**parameters):
    own = {"encoder": "bigru", "pooling": "label_wise", "wide": True}
    return kim_cnn(**{**own, **parameters})


def lsan(**parameters):
    own = {"encoder": "bilstm", "pooling": "label_specific", "hidden_layers": [16]}
    own |= {"learning_rate": 0.03}
    return kim_cnn(**{**own, **parameters})


def han(**parameters):
    own = {"encoder": "han", "pooling": "attention", "block_length": 4}
    return kim_cnn(**{**own, **parameters})


def vdcnn(**parameters):
    return kim_cnn(**{"encoder": "vdcnn", "pooling": "k_max", "n_parts": 2, **parameters})


def binary_relevance(**parameters):
    return BinaryRelevance(**{"classifier": LogisticRegression(C=10), **parameters})


def classifier_chain(**parameters):
    return ClassifierChain(**{"classifier": LogisticRegression(C=10), **parameters})


def label_powerset(**parameters):
    return LabelPowerset(**{"classifier": LogisticRegression(C=10), **parameters})


def label_tree(**parameters):
    return LabelTreeClassifier(**{"max_children": 2, "random_state": 0, **parameters})


CLASSIFIERS = {
    "LEAM": leam,
    "MTLE": mtle,
    "semantic units": semantic_units,
    "LACO": laco,
    "KimCNN": kim_cnn,
}
# Other networks of the same classes. They are asked what depends on the network only: their
# answers, what makes them the same, copies, and what becomes of them when things go wrong.
VARIANTS = {
    "LEAM of the paper": leam_of_the_paper,
    "LEAM and an encoder": leam_and_encoder,
    "MTLE of means": mtle_of_means,
    "MT-DNN": functools.partial(system_of_tasks, "MT-DNN"),
    "MT-CNN": functools.partial(system_of_tasks, "MT-CNN"),
    "MT-RNN": functools.partial(system_of_tasks, "MT-RNN"),
    "DSM": functools.partial(system_of_tasks, "DSM"),
    "S2S by marginals": s2s_by_marginals,
    "BERT": bert,
    "SeqTagBert": seq_tag_bert,
    "ML-Reasoner": ml_reasoner,
    "CAML": caml,
    "BiGRU-LWAN": bigru_lwan,
    "LSAN": lsan,
    "HAN": han,
    "VDCNN": vdcnn,
    "Seq2Seq_T": seq2seq_t,
}
BASELINES = {
    "BinaryRelevance": binary_relevance,
    "ClassifierChain": classifier_chain,
    "LabelPowerset": label_powerset,
}
TREES = {"LabelTree": label_tree}
EVERY_NEURAL = CLASSIFIERS | VARIANTS
ALL = CLASSIFIERS | BASELINES | TREES
EVERY = EVERY_NEURAL | BASELINES | TREES


# Epochs of four batches until these texts are learnt, with the step sizes above.
ENOUGH = {
    "LEAMClassifier": 3,
    "MTLEClassifier": 10,
    "SemanticUnitSeq2SeqClassifier": 10,
    "LACOClassifier": 12,
    "DocumentClassifier": 8,
}


def longer(model):
    """The classifier, trained long enough for tests that ask whether it has learnt something."""
    if (epochs := ENOUGH.get(type(model).__name__)) is not None:
        model.set_params(max_epochs=epochs, batch_size=16)
    return model


def shared_out(arguments, forms, *, thorough=("LEAM",), names=ALL):
    """Parametrize a test of what one function does for all classifiers.

    It runs with all forms for the classifiers named first, and with one form for each of the
    others, by turns. The test takes `name` or `make`, and the arguments that are named.
    """
    arguments = [arguments] if isinstance(arguments, str) else list(arguments)
    forms = [(form,) if len(arguments) == 1 else tuple(form) for form in forms]
    cases = [(name, *form) for name in thorough for form in forms]
    others = [name for name in names if name not in thorough]
    cases += [(name, *forms[(k + 1) % len(forms)]) for k, name in enumerate(others)]
    return pytest.mark.parametrize(("name", *arguments), cases)


@contextlib.contextmanager
def training_as_in_workers():
    """Undo `_short_wide_path`, where results are compared with those of worker processes."""
    wide = importlib.import_module("sklabelemb.linear.path")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wide, "MIN_STEPS", 400)
        patch.setattr(wide, "MOST_EPOCHS", 8)
        yield


WORDS = (
    ("late", "delayed", "waiting", "slow"),
    ("money", "refund", "cash", "paid"),
    ("rude", "impolite", "shouted", "angry"),
)

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

NAMES = ["delivery", "refund", "staff"]


def write(rows, seed=0):
    """One text for each row of an indicator: two words for each of its labels, and fillers."""
    random = np.random.default_rng(seed)
    texts = []
    for row in rows:
        words = list(random.choice(FILLERS, 4))
        for label in np.flatnonzero(row):
            words += list(random.choice(WORDS[label], 2))
        texts.append(" ".join(random.permutation(words).tolist()))
    return texts


LABELS = (np.random.default_rng(1).random((60, 3)) < 0.4).astype(np.int64)
LABELS[:2] = 0  # some texts have no label at all
TEXTS = write(LABELS)
UNSEEN = write((np.random.default_rng(2).random((20, 3)) < 0.5).astype(int), seed=3)

# Every class of the single-label targets is one label's words.
CODES = np.arange(60) % 3

CLASSES = np.array(["late", "refund", "rude"])[CODES]
CLASS_TEXTS = write(np.eye(3, dtype=int)[CODES], seed=4)
BINARY = np.array(["no", "yes"])[LABELS[:, 0]]

TARGETS = {
    "labels": (TEXTS, LABELS),
    "two labels": (TEXTS, LABELS[:, :2]),
    "one label": (TEXTS, LABELS[:, :1]),
    "classes": (CLASS_TEXTS, CLASSES),
    "two classes": (TEXTS, BINARY),
}

METHODS = ["predict", "predict_proba", "decision_function", "transform", "explain"]
METHODS += ["predict_sequence"]


@functools.cache
def fitted(name, target="labels"):
    """A fitted classifier that tests look at and do not change."""
    return EVERY[name]().fit(*TARGETS[target])


def dense(y):
    return y.toarray() if sp.issparse(y) else np.asarray(y)


def methods_of(model):
    return [method for method in METHODS if hasattr(model, method)]


def outcome(model, method, X):
    """What a method says about some texts, as an array."""
    result = getattr(model, method)(X)
    if method == "explain":
        return np.array([explanation.proba for explanation in result])
    if method == "predict_sequence":
        return np.array([sequence.probability for sequence in result])
    return dense(result)


@functools.cache
def answers(name, target="labels"):
    """What a fitted classifier says about `UNSEEN`, by method."""
    model = fitted(name, target)
    return {method: outcome(model, method, UNSEEN) for method in methods_of(model)}


def answers_as(model, name, target="labels"):
    """Whether a model says the same, bit for bit, as the fitted one of that name."""
    expected = answers(name, target)
    return methods_of(model) == list(expected) and all(
        np.array_equal(outcome(model, method, UNSEEN), expected[method]) for method in expected
    )


def by_thresholds(make):
    """What makes a classifier decide label by label, where it could also decide otherwise."""
    return {"decision": "marginal"} if "decision" in make().get_params() else {}


def learnt(model):
    """Names of the attributes that only a fit sets."""
    return sorted(k for k in vars(model) if k.endswith("_"))


def same_predictions(first, second, X=UNSEEN):
    return all(
        np.array_equal(outcome(first, method, X), outcome(second, method, X))
        for method in methods_of(first)
    )


class Interrupt(Callback):
    """Raises in the middle of an epoch, after some batches of training."""

    def __init__(self, error, after=3):
        self.error = error
        self.after = after

    def on_train_begin(self, net, **kwargs):
        self.seen_ = 0

    def on_batch_end(self, net, training, **kwargs):
        self.seen_ += training
        if self.seen_ == self.after:
            raise self.error


ODD_TEXTS = ["", "   ", "...", "zzz qqq xxx", "late", "money " * 80, "é 漢字 🙂"]

INDICATORS = {
    "int64": LABELS,
    "int8": LABELS.astype("int8"),
    "bool": LABELS.astype(bool),
    "float32": LABELS.astype("float32"),
    "uint8": LABELS.astype("uint8"),
    "csr_matrix": sp.csr_matrix(LABELS),
    "csr_array": sp.csr_array(LABELS.astype(bool)),
    "pandas": pd.DataFrame(LABELS, columns=NAMES),
    "pandas of bool": pd.DataFrame(LABELS.astype(bool), columns=NAMES),
    "polars": pl.DataFrame(dict(zip(NAMES, LABELS.T, strict=True))),
}


def parameters_of(model):
    return list(inspect.signature(type(model).__init__).parameters)[1:]


def global_states():
    name, keys, *rest = np.random.get_state()
    return name, keys.tobytes(), *rest, torch.get_rng_state().numpy().tobytes()
