"""What does a GPU make of the four methods: are they right, how fast, and what holds them up?

Everything in one run that ends within nine minutes, for a GPU that is at hand for a short time.
What is done is written at once, so that a run that is cut off leaves what it found; parts for which
no time is left are named in the results.

1. ``lstm``: in which type an LSTM computes under bfloat16 autocast, and how far padded and unpadded
   texts lie apart. (cuDNN is suspected of half precision, in which gradients need a loss that is
   scaled.)
2. ``tests``: all tests marked ``gpu``, with TF32 off.
3. ``steps``: milliseconds a training step, in the papers' sizes, in float32 and bfloat16. Wall time
   of a clock that waits for the GPU, medians of the steps after the first few.
4. ``syncs``: how often a step makes the processor wait for the GPU, by the profiler.
5. ``aapd``: LACO on all of aapd (``label_correlation.py --full``), if its data are there.

    python benchmarks/gpu.py
    python benchmarks/gpu.py --parts lstm steps --methods LEAM LACO
    python benchmarks/gpu.py --device cpu --small    # tries the script where there is no GPU
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import measure
import numpy as np
import torch
from skorch.callbacks import Callback
from torch.nn.utils.rnn import pack_padded_sequence

from sklabelemb import (
    LACOClassifier,
    LEAMClassifier,
    MTLEClassifier,
    SemanticUnitSeq2SeqClassifier,
    laco,
    leam,
    semantic_unit,
)
from sklabelemb.layers.recurrent import BidirectionalLSTM

ROOT = Path(__file__).resolve().parents[1]
# Seconds that each part may need; it is left out where less is left.
NEEDED = {"lstm": 10, "tests": 60, "steps": 60, "syncs": 30, "aapd": 120}
N_LABELS, N_WORDS, WORDS_A_TEXT = 54, 30_000, 160
BERT_BASE = {"model_type": "bert"}  # whose defaults are bert-base
TINY = {"model_type": "bert", "hidden_size": 16, "num_hidden_layers": 1}
TINY |= {"num_attention_heads": 2, "intermediate_size": 16}
# What the profiler calls a wait of the processor, or what brings one about.
WAITS = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "aten::_local_scalar_dense")


def classifier(name: str, small: bool) -> tuple[Any, int]:
    """A classifier in its paper's size, and how many texts it has in a batch."""
    tiny: dict[str, Any] = {"embedding_dim": 8} if small else {}
    if name == "LEAM":
        model = LEAMClassifier(**{**leam.PAPER_SETTINGS, **tiny})
    elif name == "MTLE":
        model = MTLEClassifier(**({"hidden_size": 8, **tiny} if small else {}), batch_size=32)
    elif name == "semantic units":
        sizes = {"hidden_size": 8, **tiny} if small else {}
        model = SemanticUnitSeq2SeqClassifier(**{**semantic_unit.PAPER_SETTINGS, **sizes})
    else:
        own = {"encoder": TINY if small else BERT_BASE, "batch_size": 32}
        model = LACOClassifier(**{**laco.PAPER_SETTINGS, **own})
    return model, int(model.batch_size)


METHODS = ["LEAM", "MTLE", "semantic units", "LACO"]


def texts(n: int) -> tuple[list[str], np.ndarray]:
    """Texts of words with the frequencies of a language, and two labels or so for each."""
    random = np.random.default_rng(0)
    ranks = np.minimum(random.zipf(1.3, (n, WORDS_A_TEXT)), N_WORDS)
    lengths = random.integers(WORDS_A_TEXT // 2, WORDS_A_TEXT, n)
    made = [" ".join(f"w{r}" for r in row[:k]) for row, k in zip(ranks, lengths, strict=True)]
    y = (random.random((n, N_LABELS)) < 2 / N_LABELS).astype(int)
    y[np.arange(n), random.integers(N_LABELS, size=n)] = 1
    return made, y


class Clock(Callback):
    """Takes the time of every training step, or lets a profiler look at the last ones."""

    def __init__(self, cuda: bool, profiler: Any = None, first: int = 5) -> None:
        self.cuda = cuda
        self.profiler = profiler
        self.first = first

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        self.ends_: list[float] = []

    def on_batch_end(self, net: Any, training: bool = False, **kwargs: Any) -> None:
        if not training:
            return
        if self.profiler is None and self.cuda:
            torch.cuda.synchronize()
        self.ends_.append(time.perf_counter())
        if self.profiler is not None and len(self.ends_) == self.first:
            self.profiler.start()

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        if self.profiler is not None:
            self.profiler.stop()

    def step_seconds(self) -> list[float]:
        """Seconds of every step after the first few."""
        return np.diff(self.ends_[self.first - 1 :]).tolist()


def trained(name: str, arguments: Any, clock: Clock, mixed: bool = False) -> None:
    """Fit a classifier for one epoch of some steps."""
    model, batch = classifier(name, arguments.small)
    model.set_params(
        device=arguments.device,
        mixed_precision=mixed,
        max_epochs=1,
        validation_fraction=0.0,
        random_state=0,
        net_params={"callbacks": [("clock", clock)]},
    )
    model.fit(*texts(batch * arguments.steps))


# -- the parts -------------------------------------------------------------------------------------


def lstm(arguments: Any, left: float) -> dict[str, Any]:
    """In which type an LSTM computes, and what padding changes."""
    device = arguments.device
    torch.manual_seed(0)
    inputs = torch.randn(8, 40, 64, device=device)
    lengths = torch.arange(40, 0, -5, device=device)
    plain = torch.nn.LSTM(64, 64, batch_first=True).to(device)
    ours = BidirectionalLSTM(64, 64).to(device)
    found: dict[str, Any] = {}
    with torch.autocast(torch.device(device).type, dtype=torch.bfloat16):
        found["type of torch's LSTM"] = str(plain(inputs)[0].dtype)
        packed = pack_padded_sequence(inputs, lengths.cpu(), batch_first=True)
        found["type of torch's LSTM, packed"] = str(plain(packed)[0].data.dtype)
        found["type of ours, padded"] = str(ours.forwards[0](_flagged(inputs))[0].dtype)
        found["type of a linear layer"] = str(torch.nn.Linear(64, 8).to(device)(inputs).dtype)
    for precision in ("float32", "autocast"):
        how = torch.autocast(torch.device(device).type, torch.bfloat16)
        with torch.inference_mode(), how if precision == "autocast" else contextlib.nullcontext():
            together, (states, _) = ours(inputs, lengths)
            alone = [
                ours(inputs[i : i + 1, :n], lengths[i : i + 1])
                for i, n in enumerate(lengths.tolist())
            ]
        apart = max(
            float((final[0][:, 0] - states[:, i]).abs().max()) for i, (_, final) in enumerate(alone)
        )
        found[f"padded and alone lie apart, {precision}"] = apart
        found[f"all finite, {precision}"] = bool(torch.isfinite(together).all())
    return found


def _flagged(inputs: torch.Tensor) -> torch.Tensor:
    return torch.cat([inputs, torch.zeros_like(inputs[..., :1])], dim=2)


def tests(arguments: Any, left: float) -> dict[str, Any]:
    """All tests that need a GPU."""
    # Reading all test files takes longer than running these.
    files = sorted(
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("test_*.py")
        if "mark.gpu" in path.read_text(encoding="utf-8")
    )
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider", *files]
    environment = os.environ | {"NVIDIA_TF32_OVERRIDE": "0"}
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=max(1, min(left, 240)),
        )
    except subprocess.TimeoutExpired as error:
        output = error.stdout or b""
        return {"ended": False, "output": output.decode(errors="replace")[-4000:]}
    return {"ended": True, "status": done.returncode, "output": done.stdout[-4000:]}


def steps(arguments: Any, left: float) -> dict[str, Any]:
    """Milliseconds a training step."""
    end = time.monotonic() + left
    found: dict[str, Any] = {}
    for name in arguments.methods:
        for precision in ("float32", "bfloat16"):
            if time.monotonic() > end - 30:
                found[f"{name}, {precision}"] = "no time left"
                continue
            cuda = arguments.device.startswith("cuda")
            if cuda:
                torch.cuda.reset_peak_memory_stats()
            clock = Clock(cuda)
            with _told(found, f"{name}, {precision}"):
                trained(name, arguments, clock, mixed=precision == "bfloat16")
                figures = measure.spread(clock.step_seconds(), 1e3)
                if cuda:
                    figures["peak GiB"] = round(torch.cuda.max_memory_allocated() / 2**30, 2)
                found[f"{name}, {precision}"] = figures
    return found


def syncs(arguments: Any, left: float) -> dict[str, Any]:
    """Waits of the processor, a step."""
    end = time.monotonic() + left
    activities = [torch.profiler.ProfilerActivity.CPU]
    if arguments.device.startswith("cuda"):
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    found: dict[str, Any] = {}
    for name in arguments.methods:
        if time.monotonic() > end - 20:
            found[name] = "no time left"
            continue
        profiler = torch.profiler.profile(activities=activities)
        clock = Clock(False, profiler)
        with _told(found, name):
            trained(name, arguments, clock)
            counts = Counter(event.name for event in profiler.events() if event.name in WAITS)
            n_steps = len(clock.ends_) - clock.first
            found[name] = {wait: round(counts[wait] / n_steps, 2) for wait in WAITS}
    return found


def aapd(arguments: Any, left: float) -> dict[str, Any]:
    """LACO on all texts of aapd, as far as there is time."""
    if not (arguments.data / "aapd").is_dir():
        return {"left out": f"there is no folder aapd in {arguments.data.name}"}
    out = arguments.results / "gpu_aapd.jsonl"
    command = [sys.executable, "benchmarks/label_correlation.py", "--full", "--datasets", "aapd"]
    command += ["--variants", "laco", "--seeds", "0", "--out", str(out)]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=max(1, left - 10)
        )
    except subprocess.TimeoutExpired:
        return {"left out": f"it did not end in {left - 10:.0f} seconds"}
    if done.returncode:
        return {"failed": done.stderr[-2000:]}
    result: dict[str, Any] = json.loads(out.read_text().splitlines()[-1])
    return result


@contextlib.contextmanager
def _told(found: dict[str, Any], name: str) -> Any:
    """One failure is a result, and no reason to lose the others."""
    try:
        yield
    except Exception as error:
        found[name] = f"{type(error).__name__}: {error}"[:500]


PARTS: dict[str, Callable[[Any, float], dict[str, Any]]] = {
    "lstm": lstm,
    "tests": tests,
    "steps": steps,
    "syncs": syncs,
    "aapd": aapd,
}


def main() -> None:
    """Run the parts one after the other, as long as there is time."""
    began = time.monotonic()
    options = measure.parser(__doc__)
    options.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    options.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    options.add_argument("--device", default="cuda")
    options.add_argument("--steps", type=int, default=40, help="training steps of a run")
    options.add_argument("--minutes", type=float, default=9.0, help="in which all has to end")
    options.add_argument("--small", action="store_true", help="tiny networks, to try the script")
    arguments = options.parse_args()
    cuda = arguments.device.startswith("cuda")
    if cuda and not torch.cuda.is_available():
        sys.exit(
            "There is no GPU here: torch sees no CUDA device. Nothing was measured; --device cpu "
            "--small tries the script."
        )
    # Agreement to 1e-4 is asked for in float32.
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    host = measure.machine(arguments.threads)
    if cuda:
        host |= {"gpu": torch.cuda.get_device_name(arguments.device), "cuda": torch.version.cuda}
    results: dict[str, Any] = {"machine": host, "device": arguments.device, "parts": {}}
    arguments.results.mkdir(parents=True, exist_ok=True)
    path = arguments.results / "gpu.json"
    for name in arguments.parts:
        left = arguments.minutes * 60 - (time.monotonic() - began)
        start = time.perf_counter()
        if left < NEEDED[name] and not arguments.small:
            part: dict[str, Any] = {"left out": f"{left:.0f} seconds were left"}
        else:
            part = {}
            with _told(part, "failed"):
                part = PARTS[name](arguments, left)
        part["seconds"] = round(time.perf_counter() - start, 1)
        results["parts"][name] = part
        path.write_text(json.dumps(results, indent=1) + "\n")
        print(f"{name}: {json.dumps(part, indent=1)}", flush=True)
    print(f"Ended after {(time.monotonic() - began) / 60:.1f} minutes: {path.name}")


if __name__ == "__main__":
    main()
