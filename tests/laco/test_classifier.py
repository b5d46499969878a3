"""LACO as a classifier: what trains, what is read, what is explained, and what is learnt."""

from __future__ import annotations

import math
import pickle
import warnings

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from transformers import AutoModel

from sklabelemb import LACOClassifier
from sklabelemb.laco import LACO, PAPER_SETTINGS
from sklabelemb.laco.readout import LACOReadout
from sklabelemb.laco.recipe import LACORecipe
from sklabelemb.text import TokenIds

from ..tolerances import close
from .literal import (
    PIECES,
    cross_entropy,
    literal_conditional,
    literal_pairwise,
    mean_over_documents,
    write_encoder,
)

BERT = {"model_type": "bert", "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
BERT |= {"intermediate_size": 24, "max_position_embeddings": 64}
BERT |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
SHORT = BERT | {"max_position_embeddings": 32, "num_hidden_layers": 1}

TEXTS = ["my parcel is late again", "my refund is due", "parcel late, refund due today", "all lost"]
TEXTS *= 6
LABELS = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [1, 1, 0, 0], [0, 1, 1, 1]] * 6)
CLASSES = np.array(["late", "due", "both", "lost"] * 6)

ABLATIONS = [(je, ca) for je in (True, False) for ca in (True, False)]
ablations = pytest.mark.parametrize(("joint_embedding", "cross_attention"), ABLATIONS)


def laco(**parameters):
    tiny = {"encoder": BERT, "max_epochs": 1, "device": "cpu", "random_state": 0, "batch_size": 8}
    # The network alone; for the wide path see test_wide.py.
    tiny |= {"wide": False}
    return LACOClassifier(**{**tiny, "dropout": 0.0, "window_size": 1, **parameters})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pretrained encoder; not to be changed."""
    return write_encoder(tmp_path_factory.mktemp("encoders") / "tiny")


class Recorder(Callback):
    """Keeps what a training sees: weights at its start, gradients, batches, losses, step sizes."""

    def on_train_begin(self, net, **kwargs):
        self.start = {n: v.detach().clone() for n, v in net.module_.state_dict().items()}
        self.with_gradient = set()
        self.batches, self.losses, self.outputs, self.rates = [], [], [], []
        self.valid_batches, self.valid_losses, self.valid_outputs = [], [], []

    def on_grad_computed(self, net, named_parameters, **kwargs):
        for name, parameter in named_parameters:
            if parameter.grad is not None and parameter.grad.abs().max() > 0:
                self.with_gradient.add(name)
        self.rates.append(rates_of(net))

    def on_batch_end(self, net, batch, training, loss, y_pred, **kwargs):
        some = [self.batches, self.losses, self.outputs]
        if not training:
            some = [self.valid_batches, self.valid_losses, self.valid_outputs]
        for kept, value in zip(some, (batch, loss.item(), y_pred.detach()), strict=True):
            kept.append(value)


def rates_of(net):
    """The step sizes of the encoder's parameters and of all others."""
    names = {id(p): name for name, p in net.module_.named_parameters()}
    return {
        ("encoder" if names[id(p)].startswith("encoder.") else None, group["lr"])
        for group in net.optimizer_.param_groups
        for p in group["params"]
    }


def recorded(X=TEXTS, y=LABELS, sample_weight=None, **parameters):
    seen = Recorder()
    model = laco(net_params={"callbacks": [seen]}, **parameters)
    return model.fit(X, y, sample_weight), seen


def logits_of(model, ids):
    """Logits of texts that are given as token ids."""
    offsets = np.cumsum([0, *map(len, ids)])
    flat = np.array([i for row in ids for i in row], dtype=np.int32)
    readout = LACOReadout(model.model_)
    return model.net_.predict_logits(
        readout.dataset(TokenIds(flat, offsets), model.model_.own_task)
    )


# -- what trains -----------------------------------------------------------------------------------


@ablations
@pytest.mark.parametrize("cooccurrence", [None, "plcp", "clcp", "both"])
def test_every_parameter_moves_in_one_fit(joint_embedding, cross_attention, cooccurrence):
    """In the released code the heads, the convolution and the tasks never did."""
    model, seen = recorded(
        joint_embedding=joint_embedding, cross_attention=cross_attention, cooccurrence=cooccurrence
    )
    names = {name for name, _ in model.net_.module_.named_parameters()}
    for name, parameter in model.net_.module_.named_parameters():
        # A bias of all keys moves no softmax.
        if not name.endswith("key.bias"):
            assert name in seen.with_gradient, name
            assert not torch.equal(parameter, seen.start[name]), name
    expected = {"output.weight", "output.bias"}
    if not joint_embedding:
        # Nothing is made of the labels that a task could ask about.
        cooccurrence = None
    if joint_embedding or cross_attention:
        expected.add("label_embedding.weight")
    if cross_attention:
        expected |= {"cross_attention.kernel", "cross_attention.bias"}
    if cooccurrence in ("plcp", "both"):
        expected |= {"pairwise.output.weight", "pairwise.output.bias"}
    if cooccurrence in ("clcp", "both"):
        expected |= {"conditional.output.weight", "conditional.output.bias"}
    assert {name for name in names if not name.startswith("encoder.")} == expected


@pytest.mark.parametrize("freeze_layers", [0, 1, 2, "all"])
@pytest.mark.parametrize("joint_embedding", [True, False])
@pytest.mark.parametrize("pretrained", [True, False])
def test_frozen_layers_stay_and_all_others_move(folder, freeze_layers, joint_embedding, pretrained):
    model, seen = recorded(
        encoder=folder if pretrained else BERT,
        freeze_layers=freeze_layers,
        joint_embedding=joint_embedding,
        cooccurrence="both",
        label_texts=["late", "due", "lost", "again"],
    )
    n_frozen = 2 if freeze_layers == "all" else freeze_layers
    moved = 0
    for name, parameter in model.net_.module_.named_parameters():
        layer = next((i for i in range(2) if f"encoder.layer.{i}." in name), -1)
        frozen = name.startswith("encoder.") and layer < n_frozen and n_frozen > 0
        frozen |= name == "label_embedding.weight" and joint_embedding and n_frozen > 0
        if frozen:
            assert name not in seen.with_gradient, name
            assert torch.equal(parameter, seen.start[name]), name
        elif not name.endswith("key.bias"):
            moved += 1
            assert not torch.equal(parameter, seen.start[name]), name
    assert moved >= (8 if joint_embedding else 5)


def test_labels_that_no_text_started_learn_their_tokens_below_frozen_layers():
    _, seen = recorded(freeze_layers="all")
    assert "label_embedding.weight" in seen.with_gradient
    assert not any(name.startswith("encoder.") for name in seen.with_gradient)


@pytest.mark.parametrize("pretrained", [True, False])
def test_one_label_that_its_text_did_not_start_is_enough_to_learn_the_tokens(folder, pretrained):
    texts = ["late", "due", "" if pretrained else "unheard-of", "again"]
    encoder = folder if pretrained else BERT
    _, seen = recorded(encoder=encoder, freeze_layers=1, label_texts=texts)
    assert "label_embedding.weight" in seen.with_gradient


# -- the order of the labels -----------------------------------------------------------------------


@ablations
def test_permuted_columns_permute_the_answers(joint_embedding, cross_attention):
    options = {"joint_embedding": joint_embedding, "cross_attention": cross_attention}
    options |= {"learning_rate": 0.02, "max_epochs": 3, "threshold": 0.5, "min_labels": 1}
    order = [2, 0, 3, 1]
    model, other = laco(**options).fit(TEXTS, LABELS), laco(**options).fit(TEXTS, LABELS[:, order])
    state = {name: value.clone() for name, value in model.net_.module_.state_dict().items()}
    for name in ("label_embedding.weight", "output.weight", "output.bias"):
        if name in state:
            state[name] = state[name][order]
    other.net_.module_.load_state_dict(state)
    texts = [*TEXTS[:4], "", "unknown words"]
    logits = model.decision_function(texts)
    close(other.decision_function(texts), logits[:, order])
    assert np.abs(logits - logits[:, order]).max() > 0.01
    close(other.predict_proba(texts), model.predict_proba(texts)[:, order], dtype=np.float32)
    np.testing.assert_array_equal(other.predict(texts), model.predict(texts)[:, order])
    for one, two in zip(model.explain(texts), other.explain(texts), strict=True):
        close(two.contributions, one.contributions[:, order], scale=1, dtype=np.float32)
        if cross_attention:
            close(two.attention, one.attention[:, order], dtype=np.float32)
        if joint_embedding:
            close(two.affinity, one.affinity[order][:, order], dtype=np.float32)


@ablations
def test_a_result_does_not_depend_on_the_company(joint_embedding, cross_attention):
    model = laco(joint_embedding=joint_embedding, cross_attention=cross_attention)
    model.fit(TEXTS, LABELS)
    texts = [*TEXTS[:4], "", "late", "parcel " * 40]
    together = model.decision_function(texts)
    alone = np.concatenate([model.decision_function([text]) for text in texts])
    close(alone, together, dtype=np.float32)
    assert np.isfinite(together).all()


# -- documents with few and with all labels --------------------------------------------------------


@pytest.mark.parametrize("cooccurrence", ["plcp", "clcp", "both"])
@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]], id="one label each"),
        pytest.param([[1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1]], id="all labels"),
        pytest.param([[1, 0, 0], [0, 0, 0], [1, 1, 1], [0, 1, 1]], id="none, one, two, all"),
    ],
)
def test_documents_with_any_number_of_labels_train(cooccurrence, rows):
    model, seen = recorded(y=np.array(rows * 6), cooccurrence=cooccurrence, max_epochs=2)
    assert np.isfinite([row["train_loss"] for row in model.history_]).all()
    assert np.isfinite(model.decision_function(TEXTS)).all()
    if rows[1] == [0, 1, 0]:
        # Nothing is asked of documents with one label: the loss is that of the labels alone.
        of_labels, nothing = literal_loss(model, seen, seen.batches[0], 0.5, 1.0)
        assert nothing == 0
        close(seen.losses[0], of_labels, dtype=np.float32)


@pytest.mark.parametrize("cooccurrence", ["plcp", "clcp", "both"])
def test_single_classes_have_no_tasks(cooccurrence):
    model, seen = recorded(y=CLASSES, cooccurrence=cooccurrence)
    assert all(inputs.keys() == {"ids"} for inputs, _ in seen.batches)
    assert model.net_.module_.pairwise is None
    assert model.net_.module_.conditional is None
    plain = laco(cooccurrence=None).fit(TEXTS, CLASSES)
    np.testing.assert_array_equal(model.predict_proba(TEXTS), plain.predict_proba(TEXTS))
    close(model.predict_proba(TEXTS).sum(axis=1), 1, dtype=np.float32)


# -- more labels than positions --------------------------------------------------------------------


def many_labels(n_labels=60, n_texts=60):
    """Texts with three labels each, none without a text."""
    y = np.zeros((n_texts, n_labels), dtype=int)
    for i in range(n_texts):
        y[i, [i % n_labels, (7 * i + 1) % n_labels, (3 * i + 2) % n_labels]] = 1
    return [f"word{i % 9} and word{i % 5}" for i in range(n_texts)], y


def test_more_labels_than_positions_go_through_in_blocks():
    texts, y = many_labels()
    model = laco(encoder=SHORT, cooccurrence="both").fit(texts, y)
    assert model.model_.options["block_size"] == 12
    logits = model.decision_function(texts)
    assert logits.shape == (60, 60)
    assert np.isfinite(logits).all()
    assert model.predict(texts).shape == (60, 60)
    [explanation, empty] = model.explain([texts[0], ""])
    words = texts[0].split()
    shorter = [" ".join(words[:i] + words[i + 1 :]) for i in range(len(words))]
    lost = logits[0] - model.decision_function(shorter)
    close(explanation.contributions, lost, scale=1, dtype=np.float32)
    close(explanation.attention.sum(axis=0), 1, dtype=np.float32)
    close(explanation.affinity.sum(axis=1), 1, dtype=np.float32)
    of_block = np.arange(60) // 12
    apart = of_block[:, None] != of_block
    assert not explanation.affinity[apart].any()
    assert (explanation.affinity[~apart] > 0).all()
    assert empty.contributions.shape == (0, 60)


def recipe_of(**parameters):
    return LACORecipe.of(laco(**parameters).get_params(deep=False))


@pytest.mark.parametrize("positions", [8, 32, 33, 512])
def test_labels_leave_the_text_half_of_the_positions(positions):
    recipe = recipe_of()
    configuration = {"model_type": "bert", "max_position_embeddings": positions}
    free = positions - 3
    for n_labels in [*range(1, 40), 103, 255, 1000]:
        room, [block] = recipe._division(configuration, [n_labels])
        # As few blocks as leave a text half of the positions, and labels spread evenly over them.
        n_blocks = next(g for g in range(1, n_labels + 1) if -(-n_labels // g) <= free // 2)
        assert block == math.ceil(n_labels / n_blocks)
        assert room == free - block >= free // 2
    assert recipe_of(joint_embedding=False)._division(configuration, [1000]) == (
        positions - 2,
        [1000],
    )


def test_short_texts_leave_labels_more_than_half_of_the_positions():
    configuration = {"model_type": "bert", "max_position_embeddings": 512}
    assert recipe_of(max_length=48)._division(configuration, [300]) == (209, [300])
    assert recipe_of(max_length=48)._division(configuration, [461]) == (48, [461])
    assert recipe_of(max_length=48)._division(configuration, [462]) == (278, [231])
    assert recipe_of(max_length=None)._division(configuration, [300]) == (359, [150])
    assert recipe_of(max_length=400)._division(configuration, [300]) == (359, [150])


# -- parameters that are changed after a fit -------------------------------------------------------


def test_what_was_fitted_answers_whatever_the_parameters_are_by_now(folder):
    for encoder in (folder, BERT):
        model = laco(encoder=encoder).fit(TEXTS, LABELS)
        texts = [*TEXTS[:3], "late " * 100]
        proba = model.predict_proba(texts)
        tokens = [explanation.tokens for explanation in model.explain(texts)]
        model.set_params(encoder="nobody/nothing", joint_embedding=False, cross_attention=False)
        model.set_params(window_size=4, freeze_layers=1, device="cuda", batch_size=1)
        np.testing.assert_array_equal(model.predict_proba(texts), proba)
        assert [explanation.tokens for explanation in model.explain(texts)] == tokens


def test_going_on_with_another_shape_or_kind_of_encoder_is_refused(folder):
    for window_size in (0, 3):
        model = laco(warm_start=True).fit(TEXTS, LABELS).set_params(window_size=window_size)
        with pytest.raises(ValueError, match=r"Cannot go on .*: cross_attention\.kernel had shape"):
            model.fit(TEXTS, LABELS)
    for before, after in ((BERT, folder), (folder, BERT)):
        model = laco(encoder=before).fit(TEXTS, LABELS)
        proba = model.predict_proba(TEXTS)
        with pytest.raises(ValueError, match="Cannot go on from the previous fit: encoder="):
            model.set_params(encoder=after).partial_fit(TEXTS, LABELS)
        np.testing.assert_array_equal(model.predict_proba(TEXTS), proba)


@pytest.mark.parametrize("further", ["fit", "partial_fit"])
def test_going_on_with_another_pretrained_encoder_is_refused(folder, tmp_path, further):
    other = write_encoder(tmp_path / "other", seed=1)
    model = laco(encoder=folder, warm_start=True).fit(TEXTS, LABELS)
    assert model.encoder_name_ == str(folder)
    proba = model.predict_proba(TEXTS)
    with pytest.raises(ValueError, match=r"it was of the encoder '.*tiny', and encoder is '.*oth"):
        getattr(model.set_params(encoder=other), further)(TEXTS, LABELS)
    np.testing.assert_array_equal(model.predict_proba(TEXTS), proba)
    # The same folder, named in another way.
    getattr(model.set_params(encoder=str(folder)), further)(TEXTS, LABELS)
    assert laco().fit(TEXTS, LABELS).encoder_name_ is None


def test_each_update_draws_other_questions():
    recorder = Recorder()
    model = laco(cooccurrence="clcp", batch_size=len(TEXTS), net_params={"callbacks": [recorder]})
    given = []
    for _ in range(3):
        model.partial_fit(TEXTS, LABELS)
        given.append(recorder.batches[-1][0]["given"].numpy().tolist())
    assert given[0] != given[1] != given[2]


def test_positions_that_are_never_used_do_not_count():
    roberta = {"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}
    assert recipe_of()._division(roberta, [54]) == (512 - 3 - 54, [54])


@pytest.mark.parametrize("weight", [None, 0.5, 1.0])
def test_the_labels_weigh_what_they_shall(weight):
    models = [laco(label_token_weight=some).fit(TEXTS, LABELS) for some in (weight, 3.0)]
    assert models[0].net_.module_.label_token_weight == weight
    logits, other = (model.decision_function(TEXTS) for model in models)
    assert np.abs(logits - other).max() > 1e-5
    for model in models:
        # Nothing but the weight of the labels differs.
        model.net_.module_.label_token_weight = 2.0
        model.net_.module_.load_state_dict(models[0].net_.module_.state_dict())
    np.testing.assert_array_equal(*(model.decision_function(TEXTS) for model in models))


@pytest.mark.parametrize("weight", [0.0, -1.0, "one"])
def test_a_weight_of_labels_that_is_none(weight):
    with pytest.raises(ValueError, match="The 'label_token_weight' parameter"):
        laco(label_token_weight=weight).fit(TEXTS, LABELS)


def test_a_huge_weight_of_the_labels_is_a_number():
    proba = laco(label_token_weight=1e300).fit(TEXTS, LABELS).predict_proba(TEXTS)
    assert np.isfinite(proba).all()


def test_label_texts_are_checked_before_the_encoder_is_looked_for():
    with pytest.raises(ValueError, match="label_texts has no text for 3 of 4 labels"):
        laco(encoder="no/such-encoder", label_texts={0: "late"}).fit(TEXTS, LABELS)


def test_the_papers_320_tokens():
    assert LACOClassifier(**PAPER_SETTINGS).max_length + 54 + 3 == 320


def test_the_text_is_cut_first_and_one_warning_says_so():
    texts, y = many_labels()
    texts[3], texts[8] = "word " * 18, "word " * 500
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = laco(encoder=SHORT, max_epochs=2).fit(texts, y)
    [warning] = caught
    assert warning.category is UserWarning
    assert str(warning.message) == (
        "The encoder reads 2 of 60 texts only up to token 17: the 60 labels share its positions "
        "with them. A smaller max_length makes the cut without this warning, and "
        "joint_embedding=False leaves all positions to the text."
    )
    # Predictions are cut as well, and say nothing: what is behind is not read.
    long = ["word " * 17 + "word1", "word " * 400]
    close(model.decision_function(long), model.decision_function(["word " * 17] * 2))
    assert model.predict(long).shape == (2, 60)
    assert [len(e.tokens) for e in model.explain(long)] == [17, 17]


def test_a_smaller_max_length_or_no_labels_beside_the_text_give_no_warning():
    texts, y = many_labels()
    texts[3] = "word " * 500
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        short = laco(encoder=SHORT, max_length=17).fit(texts, y)
        # As long as the room, not longer.
        laco(encoder=SHORT).fit([" ".join(["word"] * 17), *texts[:3], *texts[4:]], y)
    with pytest.warns(UserWarning, match="1 of 60 texts .* token 30: it has no positions"):
        plain = laco(encoder=SHORT, joint_embedding=False, max_length=None).fit(texts, y)
    assert [len(e.tokens) for e in short.explain(texts[3:4])] == [17]
    assert [len(e.tokens) for e in plain.explain(texts[3:4])] == [30]


def test_updates_cut_texts_as_well():
    texts, y = many_labels()
    model = laco(encoder=SHORT).fit(texts, y)
    with pytest.warns(UserWarning, match="The encoder reads 60 of 60 texts only up to token 17"):
        model.partial_fit(["word1 " * 30] * 60, y)


# -- randomness ------------------------------------------------------------------------------------


def without_seconds(history):
    return [{key: value for key, value in row.items() if key != "dur"} for row in history]


@ablations
def test_same_seed_same_model_bit_for_bit(joint_embedding, cross_attention):
    options = {"joint_embedding": joint_embedding, "cross_attention": cross_attention}
    options |= {"cooccurrence": "both", "dropout": 0.3, "max_epochs": 2}
    options |= {"encoder": BERT | {"hidden_dropout_prob": 0.2}, "validation_fraction": 0.45}
    one, two, other = (
        laco(**options | {"random_state": seed}).fit(TEXTS, LABELS) for seed in (3, 3, 4)
    )
    first, second, third = (model.net_.module_.state_dict() for model in (one, two, other))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert without_seconds(one.history_) == without_seconds(two.history_)
    np.testing.assert_array_equal(one.thresholds_, two.thresholds_)
    assert not torch.equal(first["output.weight"], third["output.weight"])


def test_what_the_tasks_ask_is_new_in_every_epoch():
    y = np.zeros((24, 12), dtype=int)
    y[:, :6] = 1
    y[::2, 6:] = np.eye(6, dtype=int)[np.arange(12) % 6]
    options = {"cooccurrence": "both", "max_epochs": 3, "batch_size": 24, "learning_rate": 1e-5}
    (_, seen), (_, again), (_, other) = (
        recorded(y=y, **options, random_state=seed) for seed in (0, 0, 1)
    )
    # Sorted by length and drawn anew, texts may stand in any order; sets of questions may not.
    asked = [
        [
            {tuple(row) for row in inputs["given"].int().tolist()},
            {tuple(map(tuple, row)) for row in inputs["pairs"].tolist()},
        ]
        for some in (seen, again, other)
        for inputs, _ in some.batches
    ]
    first, same, another = asked[:3], asked[3:6], asked[6:]
    assert same == first
    assert all(a != b for a, b in zip(first, another, strict=True))
    for one, two in [(0, 1), (1, 2), (0, 2)]:
        assert first[one][0] != first[two][0]
        assert not first[one][1] & first[two][1]


# -- the loss --------------------------------------------------------------------------------------


def literal_loss(model, seen, batch, alpha, weight):
    """Equation 8 for a batch, with the weights that the training started from."""
    network = LACO(**model.model_.options)
    network.load_state_dict(seen.start)
    network.eval()
    inputs, target = batch
    with torch.no_grad():
        _, labels, _ = network.states(inputs["ids"])
        logits = network(inputs["ids"]).double().numpy()
    y = target["y"].numpy()
    weights = target["sample_weight"].tolist() if "sample_weight" in target else [1.0] * len(y)
    documents = [
        sum(cross_entropy(z, t) for z, t in zip(row, truth, strict=True)) / len(row)
        for row, truth in zip(logits, y, strict=True)
    ]
    of_labels = sum(w * x for w, x in zip(weights, documents, strict=True)) / len(y)
    p = {name: value.double().numpy() for name, value in seen.start.items()}
    states = labels.detach().double().numpy()
    of_pairs = of_given = 0.0
    if "pairs" in inputs:
        of_pairs = mean_over_documents(
            [
                literal_pairwise(
                    p["pairwise.output.weight"][0],
                    p["pairwise.output.bias"][0],
                    states[i],
                    inputs["pairs"][i].tolist(),
                    inputs["together"][i].tolist(),
                )
                for i in range(len(y))
            ],
            weights,
        )
    if "given" in inputs:
        of_given = mean_over_documents(
            [
                literal_conditional(
                    p["conditional.output.weight"][0],
                    p["conditional.output.bias"][0],
                    states[i],
                    inputs["given"][i].tolist(),
                    y[i],
                )
                for i in range(len(y))
            ],
            weights,
        )
    of_tasks = (alpha * of_pairs + (1 - alpha) * of_given) / y.shape[1]
    return of_labels, weight * of_tasks


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize(
    ("cooccurrence", "share"), [("plcp", 1.0), ("clcp", 0.0), ("both", 0.2), (None, 0.5)]
)
@pytest.mark.parametrize("joint_embedding", [True, False])
def test_the_loss_of_a_training_is_that_of_the_paper(
    cooccurrence, share, joint_embedding, weighted
):
    sample_weight = np.linspace(1, 3, len(TEXTS)) if weighted else None
    model, seen = recorded(
        sample_weight=sample_weight,
        cooccurrence=cooccurrence,
        alpha=0.2,
        cooccurrence_weight=1.5,
        joint_embedding=joint_embedding,
        batch_size=len(TEXTS),
    )
    [batch], [loss] = seen.batches, seen.losses
    if weighted:
        # Only ratios matter: the mean weight of the training texts is one.
        close(
            sorted(batch[1]["sample_weight"]),
            sample_weight / sample_weight.mean(),
            dtype=np.float32,
        )
    of_labels, of_tasks = literal_loss(model, seen, batch, share, 1.5)
    assert (of_tasks > 0.1) == (cooccurrence is not None and joint_embedding)
    close(loss, of_labels + of_tasks, dtype=np.float32)
    close(model.history_[0]["train_loss"], loss, dtype=np.float32)


def test_the_loss_of_the_validation_has_no_tasks():
    model, seen = recorded(cooccurrence="both", validation_fraction=0.45, max_epochs=2)
    assert seen.valid_batches
    for (inputs, target), loss, output in zip(
        seen.valid_batches, seen.valid_losses, seen.valid_outputs, strict=True
    ):
        assert inputs.keys() == {"ids"}
        losses = [
            cross_entropy(float(z), float(t))
            for z, t in zip(output.flatten(), target["y"].flatten(), strict=True)
        ]
        close(loss, np.mean(losses), dtype=np.float32)
    close(
        model.history_[-1]["valid_loss"],
        np.average(
            seen.valid_losses[len(seen.valid_losses) // 2 :],
            weights=[len(b[0]["ids"]) for b in seen.valid_batches[len(seen.valid_batches) // 2 :]],
        ),
        dtype=np.float32,
    )


def test_tasks_of_weight_zero_leave_the_labels_loss():
    model, seen = recorded(cooccurrence="both", cooccurrence_weight=0.0, batch_size=len(TEXTS))
    of_labels, nothing = literal_loss(model, seen, seen.batches[0], 0.5, 0.0)
    assert nothing == 0
    assert seen.losses == [pytest.approx(of_labels, rel=1e-5)]


# -- step sizes and updates ------------------------------------------------------------------------


def test_encoder_and_heads_have_step_sizes_of_their_own(folder):
    model, seen = recorded(learning_rate=0.01, encoder_learning_rate=0.002, max_epochs=5)
    for rates in seen.rates:
        parts = dict(rates)
        assert parts.keys() == {"encoder", None}
        # Whatever the schedule, a fifth.
        assert parts["encoder"] == pytest.approx(0.2 * parts[None])
    heads = [dict(rates)[None] for rates in seen.rates]
    assert max(heads) == pytest.approx(0.01)
    # A rise in the first tenth of 15 steps, a fall to nearly zero.
    assert heads[0] == pytest.approx(0.005)
    assert heads[-1] == pytest.approx(0.01 / 13)
    for encoder, rate in [(BERT, 0.03), (folder, 1e-4)]:
        model = laco(encoder=encoder, learning_rate=0.03).partial_fit(TEXTS, LABELS)
        assert rates_of(model.net_) == {("encoder", rate), (None, 0.03)}


def test_biases_and_normalisations_do_not_decay():
    rates = {"learning_rate": 0.01, "encoder_learning_rate": 0.002}
    model = laco(weight_decay=0.1, **rates).partial_fit(TEXTS, LABELS)
    names = {id(p): name for name, p in model.net_.module_.named_parameters()}
    found = {}
    for group in model.net_.optimizer_.param_groups:
        for parameter in group["params"]:
            found[names[id(parameter)]] = (group["lr"], group["weight_decay"])
    assert found.keys() == set(names.values())
    for name, (rate, decay) in found.items():
        assert rate == (0.002 if name.startswith("encoder.") else 0.01), name
        assert decay == (0.0 if "bias" in name or "LayerNorm" in name else 0.1), name


def test_updates_have_constant_step_sizes_that_may_be_changed():
    model = laco(learning_rate=0.01, encoder_learning_rate=0.002).fit(TEXTS, LABELS)
    model.partial_fit(TEXTS, LABELS)
    assert rates_of(model.net_) == {("encoder", 0.002), (None, 0.01)}
    model.set_params(learning_rate=0.1, encoder_learning_rate=0.05).partial_fit(TEXTS, LABELS)
    assert rates_of(model.net_) == {("encoder", 0.05), (None, 0.1)}


def test_an_update_takes_its_batches_in_parts():
    model = laco().fit(TEXTS, LABELS).set_params(accumulation_steps=3).partial_fit(TEXTS, LABELS)
    assert model.net_.accumulation_steps == 3


def test_a_step_size_of_the_net_is_not_the_encoders():
    model = laco(encoder_learning_rate=0.002, net_params={"lr": 0.01})
    for _ in range(3):
        model.partial_fit(TEXTS, LABELS)
        assert rates_of(model.net_) == {("encoder", 0.002), (None, 0.01)}


def test_new_words_get_rows_and_old_ones_keep_theirs():
    model = laco().fit(TEXTS, LABELS)
    before = model.decision_function(TEXTS[:4])
    table = model.net_.module_.embedding.weight.detach().clone()
    words, marks = dict(model.vocabulary_.to_dict()), dict(model.model_.options)
    # Steps so small that nothing but the new rows is new.
    model.set_params(learning_rate=1e-12, weight_decay=0.0)
    model.partial_fit(["brandnew parcel arrived"] * 24, LABELS)
    assert len(model.vocabulary_) == len(table) + 2
    assert model.vocabulary_["brandnew"] >= len(table)
    grown = model.net_.module_.embedding.weight.detach()
    assert len(grown) == len(table) + 2
    np.testing.assert_allclose(grown[: len(table)], table, atol=1e-9)
    close(model.decision_function(TEXTS[:4]), before)
    assert model.model_.options["cls_id"] == marks["cls_id"]
    assert model.model_.options["sep_id"] == marks["sep_id"]
    assert words["words"] == model.vocabulary_.to_dict()["words"][: len(words["words"])]
    # And what is new is learnt: the word alone has become another than the unknown one.
    model.set_params(learning_rate=0.01).partial_fit(["brandnew parcel arrived"] * 24, LABELS)
    one, other = model.decision_function(["brandnew", "neverseen"])
    assert np.abs(one - other).max() > 1e-4


def test_updates_of_a_pretrained_encoder_keep_its_pieces(folder):
    model = laco(encoder=folder).fit(TEXTS, LABELS)
    pieces = model.vocabulary_
    model.partial_fit(["brandnew parcel"] * 24, LABELS)
    assert model.vocabulary_ is pieces
    assert model.net_.module_.embedding.num_embeddings == len(PIECES)


# -- explanations ----------------------------------------------------------------------------------


@pytest.mark.parametrize("y", [LABELS, CLASSES], ids=["labels", "classes"])
@pytest.mark.parametrize("pretrained", [True, False])
@pytest.mark.parametrize("joint_embedding", [True, False])
def test_contributions_are_what_is_lost_without_the_word(folder, joint_embedding, pretrained, y):
    model = laco(
        encoder=folder if pretrained else BERT,
        joint_embedding=joint_embedding,
        learning_rate=0.02,
        max_epochs=3,
    ).fit(TEXTS, y)
    texts = [*TEXTS[:4], "", "unpaid parcels, refunded", "late " * 90]
    logits = model.decision_function(texts)
    for text, explanation, row in zip(texts, model.explain(texts), logits, strict=True):
        if text and len(text) < 90:
            shorter = [text[:a] + text[b:] for a, b in explanation.spans]
            lost = row - model.decision_function(shorter)
            close(explanation.contributions, lost, scale=1, dtype=np.float32)
        assert explanation.text == text
        if pretrained:
            assert [text[a:b] for a, b in explanation.spans] == explanation.tokens
        if explanation.tokens:
            close(explanation.attention.sum(axis=0), 1, dtype=np.float32)
        assert explanation.attention.shape == explanation.contributions.shape
        assert len(explanation.attention) == len(explanation.tokens)
        if joint_embedding:
            close(explanation.affinity.sum(axis=1), 1, dtype=np.float32)
        else:
            assert explanation.affinity is None


def test_pieces_are_shown_as_words(folder):
    model = laco(encoder=folder).fit(TEXTS, LABELS)
    text = "Unpaid parcels are LATE."
    [explanation] = model.explain([text])
    assert explanation.tokens == ["Unpaid", "parcels", "are", "LATE", "."]
    assert explanation.spans == [(0, 6), (7, 14), (15, 18), (19, 23), (23, 24)]
    # The pieces of a word are left out together.
    without = ["parcels are LATE.", "Unpaid are LATE.", "Unpaid parcels LATE."]
    lost = model.decision_function([text]) - model.decision_function(without)
    close(explanation.contributions[:3], lost, scale=1, dtype=np.float32)
    ids = model.vocabulary_.encode([text])
    network = model.net_.module_
    reading = network.read(torch.from_numpy(ids.padded([0])), None)
    owners = [0, 0, 1, 1, 2, 3, 4]
    # Nor does a word get more attention because it has more pieces.
    attention = reading.attention[0].numpy()
    means = np.array([attention[np.array(owners) == word].mean(axis=0) for word in range(5)])
    close(explanation.attention, means / means.sum(axis=0), dtype=np.float32)


@pytest.mark.parametrize("joint_embedding", [True, False])
@pytest.mark.parametrize("pretrained", [True, False])
def test_without_cross_attention_words_are_left_out_and_there_is_no_attention(
    folder, joint_embedding, pretrained
):
    model = laco(
        encoder=folder if pretrained else BERT,
        joint_embedding=joint_embedding,
        cross_attention=False,
        learning_rate=0.02,
        max_epochs=3,
    ).fit(TEXTS, LABELS)
    texts = ["my unpaid parcels", "late", "", "due " * 30]
    for text, explanation in zip(texts, model.explain(texts), strict=True):
        ids = (
            model.vocabulary_.encode([text], model.model_.recipe.settings.text_tokenizer)
            .row(0)
            .tolist()
        )
        owners = list(range(len(ids)))
        if pretrained:
            owners = model.vocabulary_.words_of(text)[2]
        [whole] = logits_of(model, [ids])
        wanted = np.zeros((len(explanation.tokens), 4))
        for word in range(len(wanted)):
            left = [i for i, owner in zip(ids, owners, strict=True) if owner != word]
            wanted[word] = whole - logits_of(model, [left])[0]
        close(explanation.contributions, wanted, scale=1, dtype=np.float32)
        assert explanation.attention is None
        assert (explanation.affinity is not None) == joint_embedding


def test_labels_that_were_read_beside_a_label():
    model = laco().fit(TEXTS, LABELS)
    [explanation] = model.explain(TEXTS[:1])
    found = explanation.read_beside(2)
    row = explanation.affinity[2]
    assert found == sorted(
        ((k, pytest.approx(row[k])) for k in (0, 1, 3)), key=lambda pair: -row[pair[0]]
    )
    assert explanation.read_beside(2, n=1) == found[:1]
    [without] = laco(joint_embedding=False).fit(TEXTS, LABELS).explain(TEXTS[:1])
    with pytest.raises(
        ValueError, match=r"does not read the labels\. Fit with joint_embedding=True"
    ):
        without.read_beside(0)
    with pytest.raises(ValueError, match="The model has no label 'x'; its labels are"):
        explanation.read_beside("x")


def test_an_explanation_changes_nothing():
    model = laco().fit(TEXTS, LABELS)
    before, size = model.decision_function(TEXTS), len(pickle.dumps(model))
    explained = model.explain(TEXTS)
    np.testing.assert_array_equal(model.decision_function(TEXTS), before)
    assert len(pickle.dumps(model)) == size
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.explain(TEXTS)[0].affinity, explained[0].affinity)
    # Nor is it in the way of training on.
    model.partial_fit(TEXTS, LABELS)


def test_vectors_of_the_labels():
    model = laco().fit(TEXTS, LABELS)
    assert model.label_embeddings_.shape == (4, 16)
    before = model.label_embeddings_
    before[:] = 0
    assert model.label_embeddings_.any()
    plain = laco(joint_embedding=False, cross_attention=False, cooccurrence=None)
    plain.fit(TEXTS, LABELS)
    with pytest.raises(AttributeError, match="cross_attention=False the labels have no vectors"):
        plain.label_embeddings_  # noqa: B018
    assert not hasattr(plain, "label_embeddings_")


# -- learning --------------------------------------------------------------------------------------


def told_by_words(n, seed):
    """Three labels by a word each; the fourth where the first two come together."""
    random = np.random.default_rng(seed)
    y = (random.random((n, 3)) < 0.5).astype(int)
    filler = ["the", "of", "to", "and", "on", "at"]
    texts = []
    for row in y:
        words = [w for w, there in zip(("parcel", "refund", "lost"), row, strict=True) if there]
        words += list(random.choice(filler, size=4))
        texts.append(" ".join(random.permutation(words)))
    return texts, np.column_stack([y, y[:, 0] * y[:, 1]])


@pytest.mark.parametrize(("joint_embedding", "cross_attention"), [(True, True), (False, False)])
def test_learns_what_words_and_other_labels_tell(joint_embedding, cross_attention):
    X, y = told_by_words(400, 0)
    model = laco(
        encoder=BERT | {"num_hidden_layers": 1},
        joint_embedding=joint_embedding,
        cross_attention=cross_attention,
        cooccurrence="both" if joint_embedding else None,
        learning_rate=0.005,
        max_epochs=11,
        patience=None,
        batch_size=16,
        threshold=0.5,
    ).fit(X, y)
    unseen, truth = told_by_words(200, 1)
    accuracy = (model.predict(unseen) == truth).mean(axis=0)
    # The commonest answer is right in a half of the first three, and in three quarters of the last.
    if cross_attention:
        assert accuracy.min() > 0.95, accuracy
    else:
        # A fresh [CLS] has to learn first where to look, and does not always find every word. The
        # commonest answers are right in 0.56 of the cases, and one word makes it 0.69.
        assert accuracy.mean() > 0.65, accuracy


def test_learns_classes_from_a_pretrained_encoder(folder):
    random = np.random.default_rng(0)
    classes = random.integers(0, 3, size=200)
    texts = [
        " ".join(random.permutation([("parcel", "refund", "bill")[c], "my", "is", "the"]))
        for c in classes
    ]
    model = laco(encoder=folder, learning_rate=0.01, encoder_learning_rate=0.003, max_epochs=6)
    model.fit(texts[:120], classes[:120])
    assert model.score(texts[120:], classes[120:]) > 0.9
    frozen = laco(encoder=folder, learning_rate=0.03, freeze_layers="all", max_epochs=15)
    assert frozen.fit(texts[:120], classes[:120]).score(texts[120:], classes[120:]) > 0.8


# -- where training starts -------------------------------------------------------------------------


def untrained(**parameters):
    still = {"learning_rate": 1e-12, "encoder_learning_rate": 1e-12, "weight_decay": 0.0}
    return laco(**{**still, "validation_fraction": 0, **parameters}).fit(TEXTS, LABELS)


@pytest.mark.parametrize("cross_attention", [True, False])
@pytest.mark.parametrize("joint_embedding", [True, False])
def test_the_head_starts_from_the_texts_of_the_labels(folder, joint_embedding, cross_attention):
    label_texts = ["late parcel", "refund", "", "a bill that is due"]
    model = untrained(
        encoder=folder,
        label_texts=label_texts,
        joint_embedding=joint_embedding,
        cross_attention=cross_attention,
    )
    encoder = AutoModel.from_pretrained(folder).eval()
    tokens = model.vocabulary_
    vectors = []
    with torch.no_grad():
        for text in label_texts:
            pieces = [i - 1 for i in tokens.encode([text]).row(0)]
            ids = torch.tensor([[tokens.cls_id, *pieces, tokens.sep_id]])
            hidden = encoder(ids).last_hidden_state[0]
            if cross_attention:
                vectors.append(hidden[1:-1].mean(dim=0) if pieces else torch.zeros(len(hidden[0])))
            else:
                vectors.append(hidden[0])
    expected = torch.stack(vectors)
    expected = torch.nn.functional.normalize(expected - expected.mean(dim=0), dim=1)
    head = model.net_.module_.output.weight.detach()
    told = [0, 1, 3]
    close(head[told], expected[told], dtype=np.float32)
    # What has no text starts anywhere.
    assert not np.allclose(head[2], expected[2], atol=1e-2)


def test_without_texts_the_head_starts_anywhere(folder):
    for parameters in (
        {"encoder": folder, "label_texts": None},
        {"label_texts": ["a", "b", "c", "d"]},
    ):
        norms = untrained(**parameters).net_.module_.output.weight.detach().norm(dim=1)
        assert not np.allclose(norms, 1, atol=1e-3)


def test_frozen_layers_have_no_dropout(folder):
    model = laco(encoder=folder, freeze_layers=1).fit(TEXTS, LABELS)
    network = model.net_.module_.train()
    assert not network.encoder.embeddings.training
    layers = network.encoder.encoder.layer
    assert [layer.training for layer in layers] == [False] + [True] * (len(layers) - 1)
    assert network.dropout.training
