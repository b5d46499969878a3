"""Where to compute: what is refused, and that a GPU finds what a processor finds."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sklabelemb import LEAMClassifier, load, save
from sklabelemb.device import resolved_device

from .learning.small import CLASSIFIERS, ENCODER, LABELS, TEXTS, UNSEEN


@pytest.mark.parametrize(
    ("n_devices", "device", "told"),
    [
        (1, "cuda:7", "torch sees 1 CUDA device here. Use device='auto', or 'cuda:0'."),
        (2, "cuda:2", "torch sees 2 CUDA devices here. Use device='auto', or 'cuda:0' to 'cuda:1'"),
    ],
)
def test_a_gpu_that_is_not_there(monkeypatch, n_devices, device, told):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: n_devices)
    with pytest.raises(ValueError, match=f"^device='{device}', but {told}"):
        LEAMClassifier(device=device).fit(TEXTS, LABELS)
    last = f"cuda:{n_devices - 1}"
    assert [resolved_device(name) for name in ("cuda", last)] == ["cuda", last]


@pytest.mark.gpu
@pytest.mark.parametrize("mixed_precision", [False, True])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_model_of_the_gpu_answers_alike_on_the_cpu(tmp_path, name, mixed_precision):
    model = CLASSIFIERS[name](device="cuda", mixed_precision=mixed_precision).fit(TEXTS, LABELS)
    assert all(np.isfinite(row["train_loss"]) for row in model.history_)
    save(model, tmp_path / "model")
    again = load(tmp_path / "model", device="cpu")
    # In float32, whatever it was trained in; beams are searched on the GPU, too.
    found, expected = (m.predict_proba(UNSEEN) for m in (model, again))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    if hasattr(model, "predict_sequence"):
        for one, other in zip(*(m.predict_sequence(UNSEEN) for m in (model, again)), strict=True):
            assert one.probability == pytest.approx(other.probability, rel=1e-3, abs=1e-4)


@pytest.mark.gpu
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_first_epoch_on_the_gpu_has_the_loss_of_the_cpu(name):
    """Without dropout, whose masks differ: the same batches give the same gradients."""
    without = {p: 0.0 for p in CLASSIFIERS[name]().get_params() if p.endswith("dropout")}
    if name == "laco":
        without["encoder"] = ENCODER | {"hidden_dropout_prob": 0.0}
    losses = []
    for device in ("cpu", "cuda"):
        model = CLASSIFIERS[name](device=device, max_epochs=1).set_params(**without)
        losses.append(model.fit(TEXTS, LABELS).history_[0]["train_loss"])
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
