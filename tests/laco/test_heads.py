"""SeqTagBert and ML-Reasoner: their equations, what must hold for any text, and as a classifier."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sklabelemb import load, save
from sklabelemb.laco import PRESETS
from sklabelemb.laco.readout import LACOReadout
from sklabelemb.laco.reasoning import Reasoning
from sklabelemb.laco.tagging import LabelTagger

from ..tolerances import close
from .literal_heads import (
    literal_emissions,
    literal_field,
    literal_reasoner,
    literal_tagger,
)
from .test_classifier import BERT, CLASSES, LABELS, TEXTS, recorded
from .test_classifier import laco as classifier
from .test_network import TEXTS as IDS
from .test_network import laco as network_of
from .test_network import literal, numbers, padded, read

N, K = 5, 6
heads = pytest.mark.parametrize("head", ["tagger", "reasoner"])
# What each label weighs in a reasoner is told where the encoder does not read labels.
UNREAD = {"joint_embedding": False, "cross_attention": False}


def random(module, seed=0):
    """The module in float64, its parameters drawn anew."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.double().parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return module


def states(*shape, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def parameters_of(module, prefix=""):
    return {
        name.removeprefix(prefix): value
        for name, value in numbers(module).items()
        if name.startswith(prefix)
    }


# -- the equations ---------------------------------------------------------------------------------


@pytest.mark.parametrize("n_labels", [1, 2, N])
def test_the_tagger_gives_the_marginals_of_its_field(n_labels):
    tagger, labels = random(LabelTagger(K)), states(3, n_labels, K)
    found = tagger(labels).detach()
    for row, own in zip(found, labels.numpy(), strict=True):
        close(row, literal_tagger(parameters_of(tagger), own))


def test_its_loss_is_the_likelihood_of_the_whole_sequence():
    tagger, labels = random(LabelTagger(K)), states(1, N, K)
    p = parameters_of(tagger)
    field = literal_field(literal_emissions(p, labels[0].numpy()), p["transitions"])
    assert max(field.values()) < 0.9
    for tags, probability in field.items():
        present = torch.tensor([tags], dtype=torch.float64)
        logits = tagger(labels, present).detach()
        loss = F.binary_cross_entropy_with_logits(logits, present, reduction="sum")
        close(loss, -math.log(probability), scale=10)


@pytest.mark.parametrize("n_rounds", [2, 3, 6])
def test_the_reasoner_follows_the_equations(n_rounds):
    reasoning = random(Reasoning(N, K, n_rounds))
    texts, labels, weight, bias = states(3, 4), states(3, N, K, seed=2), states(N, 4), states(N)
    logits, attention = reasoning(texts @ weight.T + bias, labels)
    for i in range(3):
        wanted = literal_reasoner(
            texts[i].numpy(),
            labels[i].numpy(),
            of_text=weight.numpy(),
            of_labels=reasoning.feedback.weight.detach().numpy(),
            bias=bias.numpy(),
            # What the text and a constant add to the scores leaves the attention as it is.
            score_text=np.array([0.7, -1.3, 0.2, 2.0]),
            score_label=reasoning.score.weight[0].detach().numpy(),
            score_bias=-0.4,
            n_rounds=n_rounds,
        )
        close(logits[i], wanted[0])
        close(attention[i], wanted[1])
    assert (logits - texts @ weight.T - bias).abs().max() > 0.1


@pytest.mark.parametrize("block_size", [None, 2])
def test_seq_tag_bert_tags_what_the_encoder_makes_of_the_labels(block_size):
    network = network_of(N, head="tagger", cross_attention=False, block_size=block_size)
    logits = network(padded(IDS)).detach()
    p = parameters_of(network, "output.")
    for i, ids in enumerate(IDS):
        wanted = literal_tagger(p, literal_states(network, ids))
        np.testing.assert_allclose(logits[i], wanted, rtol=1e-6, atol=1e-7)


def literal_states(network, ids):
    """What the transcription makes of the labels; its own head is left aside."""
    linear = network_of(N, cross_attention=False, block_size=network.block_size)
    linear.encoder.load_state_dict(network.encoder.state_dict())
    linear.label_embedding.load_state_dict(network.label_embedding.state_dict())
    return literal(linear, ids)["labels"]


@pytest.mark.parametrize("joint_embedding", [True, False])
def test_ml_reasoner_reasons_from_the_logits_of_the_text(joint_embedding):
    options = {"joint_embedding": joint_embedding, "cross_attention": joint_embedding}
    network = network_of(N, head="reasoner", n_rounds=3, **options)
    logits = network(padded(IDS)).detach()
    for i, ids in enumerate(IDS):
        wanted = literal(network, ids)
        labels = wanted["labels"] if joint_embedding else network.label_embedding.weight.detach()
        # Whatever made the logits of the first round, they are its constant.
        last, _ = literal_reasoner(
            np.zeros(1),
            np.asarray(labels),
            of_text=np.zeros((N, 1)),
            of_labels=network.reasoning.feedback.weight.detach().numpy(),
            bias=wanted["logits"],
            score_text=np.zeros(1),
            score_label=network.reasoning.score.weight[0].detach().numpy(),
            score_bias=0.0,
            n_rounds=3,
        )
        np.testing.assert_allclose(logits[i], last, rtol=1e-6, atol=1e-7)


# -- what must hold for any text -------------------------------------------------------------------


@heads
@pytest.mark.parametrize("block_size", [None, 2])
def test_padding_and_batch_do_not_change_a_result(head, block_size):
    network = network_of(N, head=head, block_size=block_size)
    together, wider = read(network, padded(IDS)), read(network, padded(IDS, extra=6))
    close(wider.logits, together.logits)
    for i, ids in enumerate(IDS):
        close(read(network, padded([ids])).logits[0], together.logits[i])
    assert len(np.unique(together.logits.numpy().round(6), axis=0)) == len(IDS)


@pytest.mark.parametrize("joint_embedding", [True, False])
def test_permuted_labels_permute_the_outputs_of_the_reasoner(joint_embedding):
    options = {"head": "reasoner", "joint_embedding": joint_embedding}
    network, other = network_of(N, **options), network_of(N, **options)
    order = torch.tensor([4, 0, 2, 1, 3])
    state = {name: value.clone() for name, value in network.state_dict().items()}
    for name in ("label_embedding.weight", "output.weight", "output.bias"):
        state[name] = state[name][order]
    state["reasoning.feedback.weight"] = state["reasoning.feedback.weight"][order]
    other.load_state_dict(state)
    with torch.no_grad():
        one, two = network(padded(IDS)), other(padded(IDS))
    close(two, one[:, order])
    assert (one - one[:, order]).abs().max() > 1e-2


@heads
@pytest.mark.parametrize("block_size", [None, 2])
def test_every_parameter_gets_a_gradient(head, block_size):
    network = network_of(N, head=head, block_size=block_size).train()
    logits = network(padded(IDS), present=states(len(IDS), N) > 0)
    (logits * states(*logits.shape, seed=3)).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        # A bias of all keys moves no softmax.
        if not name.endswith("key.bias"):
            assert parameter.grad.abs().max() > 1e-9, name
    own = {name.split(".")[0] for name, _ in network.named_parameters()}
    beside = {"cross_attention", "reasoning"} if head == "reasoner" else set()
    assert own == {"encoder", "label_embedding", "output"} | beside


# -- the classifier --------------------------------------------------------------------------------


def test_the_tagger_learns_from_the_true_tags_and_is_judged_by_marginals():
    model, seen = recorded(head="tagger", max_epochs=2)
    for inputs, target in seen.batches:
        assert torch.equal(inputs["present"], target["y"].float())
    assert all(inputs.keys() == {"ids"} for inputs, _ in seen.valid_batches)
    inputs, target = seen.batches[0]
    network = model.net_.module_
    network.load_state_dict(seen.start)
    p = parameters_of(network, "output.")
    with torch.no_grad():
        labels = network.states(inputs["ids"])[1].double().numpy()
    losses = []
    for own, y in zip(labels, target["y"].tolist(), strict=True):
        field = literal_field(literal_emissions(p, own), p["transitions"])
        losses.append(-math.log(field[tuple(map(int, y))]) / len(y))
    close(seen.losses[0], np.mean(losses), dtype=np.float32)


@heads
def test_a_head_learns_what_the_labels_are(head):
    options = {"max_epochs": 25, "learning_rate": 0.01, "threshold": 0.5}
    model = classifier(head=head, **options).fit(TEXTS, LABELS)
    np.testing.assert_array_equal(model.predict(TEXTS), LABELS)


def test_the_tagger_starts_from_how_many_labels_texts_have():
    _, seen = recorded(head="tagger")
    bias = float(seen.start["output.emission.bias"])
    rare = np.zeros_like(LABELS)
    rare[:8] = [*np.eye(4, dtype=int)] * 2
    _, seen = recorded(y=rare, head="tagger")
    assert float(seen.start["output.emission.bias"]) < bias - 1


@heads
def test_single_classes_have_the_linear_head(head):
    found = classifier(head=head).fit(TEXTS, CLASSES).predict_proba(TEXTS)
    plain = classifier().fit(TEXTS, CLASSES).predict_proba(TEXTS)
    np.testing.assert_array_equal(found, plain)


def test_tags_need_labels_that_have_seen_the_text():
    with pytest.raises(ValueError, match="head='tagger' decides from the labels' states"):
        classifier(head="tagger", joint_embedding=False).fit(TEXTS, LABELS)


@heads
def test_labels_are_not_added_to_a_head_that_would_change_the_others(head):
    model = classifier(head=head, label_names=["a", "b", "c", "d"]).fit(TEXTS, LABELS)
    before = model.decision_function(TEXTS)
    with pytest.raises(ValueError, match=f"head='{head}' the score of a label depends on all"):
        model.add_labels(["lost"], {"lost": "lost parcel"})
    np.testing.assert_array_equal(model.decision_function(TEXTS), before)


@heads
def test_going_on_with_another_head_is_refused(head):
    model = classifier(warm_start=True).fit(TEXTS, LABELS)
    with pytest.raises(ValueError, match="only one of the two networks has"):
        model.set_params(head=head).fit(TEXTS, LABELS)


@heads
def test_contributions_are_what_leaving_out_a_word_costs(head):
    model = classifier(head=head, max_epochs=3, learning_rate=0.01).fit(TEXTS, LABELS)
    [explanation] = model.explain(TEXTS[:1])
    words = TEXTS[0].split()
    shorter = [" ".join(words[:i] + words[i + 1 :]) for i in range(len(words))]
    lost = model.decision_function(TEXTS[:1]) - model.decision_function(shorter)
    close(explanation.contributions, lost, scale=1, dtype=np.float32)
    assert np.abs(lost).max() > 1e-3
    # The encoder has read the labels; words are weighed unless the labels are tagged.
    close(explanation.affinity.sum(axis=1), 1, dtype=np.float32)
    assert (explanation.attention is None) == (head == "tagger")


def test_a_reasoner_tells_what_each_label_weighed():
    model = classifier(head="reasoner", n_rounds=3, **UNREAD).fit(TEXTS, LABELS)
    network = model.net_.module_
    with torch.no_grad():
        # Vectors of the length that they have after a longer training.
        network.label_embedding.weight.mul_(50)
    for text, explanation in zip(TEXTS[:4], model.explain(TEXTS[:4]), strict=True):
        ids = torch.from_numpy(LACOReadout(model.model_).encode([text]).row(0).astype(np.int64))
        with torch.no_grad():
            _, _, first = network.states(ids.unsqueeze(0))
            of_text = network.output(first[:, 0])
            _, weighed = network.reasoning(of_text, network.label_embedding.weight.unsqueeze(0))
        close(explanation.affinity, weighed.expand(4, -1), dtype=np.float32)
        assert explanation.attention is None
    assert np.ptp(explanation.affinity[0]) > 1e-2


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_fits_and_comes_back_from_disk(name, tmp_path):
    small = {"encoder": BERT, "max_length": 20, "max_epochs": 2, "device": "cpu"}
    model = classifier(**PRESETS[name] | small).fit(TEXTS, LABELS)
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    for answers in ("predict_proba", "predict"):
        np.testing.assert_array_equal(
            getattr(again, answers)(TEXTS), getattr(model, answers)(TEXTS)
        )
    for one, other in zip(again.explain(TEXTS[:3]), model.explain(TEXTS[:3]), strict=True):
        np.testing.assert_array_equal(one.contributions, other.contributions)
        np.testing.assert_array_equal(one.affinity, other.affinity)
    assert again.get_params() == model.get_params() | {"device": again.device}


def test_presets_are_the_systems_that_they_name():
    made = {
        name: classifier(**settings | {"encoder": BERT, "max_length": 20, "max_epochs": 1})
        for name, settings in PRESETS.items()
    }
    modules = {
        name: {part for part, _ in model.fit(TEXTS, LABELS).net_.module_.named_children()}
        for name, model in made.items()
    }
    bert = {"encoder", "dropout", "output"}
    assert modules == {
        "LACO": bert | {"label_embedding", "cross_attention"},
        "LACO+plcp": bert | {"label_embedding", "cross_attention", "pairwise"},
        "LACO+clcp": bert | {"label_embedding", "cross_attention", "conditional"},
        "BERT": bert,
        "SeqTagBert": bert | {"label_embedding"},
        "ML-Reasoner": bert | {"label_embedding", "reasoning"},
    }
    assert isinstance(made["SeqTagBert"].net_.module_.output, LabelTagger)
