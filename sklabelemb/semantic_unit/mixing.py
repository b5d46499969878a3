"""The wide path beside the decoder: how the two are mixed, and what that adds at every step.

A linear model over n-grams knows words that are too rare for an encoder. Its scores do not depend
on what was emitted, so they are a constant of the text at every step:

    logits_t = deep * decoder_t + wide * scores,    and for the end  deep * decoder_t + offset.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import log_softmax

from sklabelemb.device import explained_memory_errors
from sklabelemb.learning import LengthBuckets, TextNet
from sklabelemb.linear import Mixture, WidePath
from sklabelemb.semantic_unit.network import SemanticUnitNetwork
from sklabelemb.semantic_unit.sequences import SequenceDataset
from sklabelemb.text import TokenIds, Vocabulary

__all__ = ["UNMIXED", "Evidence", "fitted_mixture"]

# The mixture without held-out texts: within the range learned on the corpora of ``benchmarks/``,
# and close to those with few texts, where the wide path counts most.
UNMIXED = Mixture(deep=0.6, wide=2.5, offset=-0.3)
# Penalty on the squared distance from it: without it, a few texts that are separated perfectly
# would drive all probabilities to 0 or 1.
RIDGE = 1.0
# Numbers that a fit of the mixture looks at.
MIXTURE_ELEMENTS = 1 << 22


@dataclass(frozen=True)
class Evidence:
    """What the wide path knows of a text.

    Attributes
    ----------
    wide : WidePath
    mixture : Mixture
    vocabulary : Vocabulary
    ends : bool
        Whether there is an end, which is the last column; not for single classes.
    """

    wide: WidePath
    mixture: Mixture
    vocabulary: Vocabulary
    ends: bool = True

    def bias(self, texts: TokenIds) -> torch.Tensor:
        """What is added to the logits of each text, shape (n_texts, L + 1)."""
        scores = self.mixture.wide * self.wide.scores(texts, self.vocabulary)
        return self._with_end(scores, self.mixture.offset)

    def shares(self, texts: TokenIds) -> torch.Tensor:
        """What each token adds to that, shape (n_tokens, L + 1)."""
        shares = self.mixture.wide * self.wide.contributions(texts, self.vocabulary)
        return self._with_end(shares, 0.0)

    def _with_end(self, values: np.ndarray, end: float) -> torch.Tensor:
        if self.ends:
            values = np.pad(values, ((0, 0), (0, 1)), constant_values=end)
        return torch.from_numpy(values.astype(np.float32))


def fitted_mixture(
    net: TextNet, valid: SequenceDataset, wide: WidePath, vocabulary: Vocabulary
) -> Mixture:
    """The mixture under which the sequences of held-out texts are most probable.

    Parameters
    ----------
    net : TextNet
        Trained, without these texts.
    valid : SequenceDataset
    wide : WidePath
        Trained without these texts as well.
    vocabulary : Vocabulary

    Returns
    -------
    Mixture
        Neither path counts against what it says; with few texts it stays near `UNMIXED`.
    """
    steps, deep, scores = _steps(net, valid, wide.scores(valid.token_ids, vocabulary))
    start = np.array([UNMIXED.deep, UNMIXED.wide, UNMIXED.offset])
    rows = np.arange(len(steps))
    end = np.zeros(deep.shape[1])
    end[-1] = 1.0
    emitted = np.isneginf(deep)
    deep = np.where(emitted, 0.0, deep)

    def objective(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        z = parameters[0] * deep + parameters[1] * scores + parameters[2] * end
        z[emitted] = -np.inf
        log_probs = log_softmax(z, axis=1)
        residual = np.exp(log_probs)
        residual[rows, steps] -= 1
        gradient = [(residual * deep).sum(), (residual * scores).sum(), residual[:, -1].sum()]
        away = parameters - start
        loss = RIDGE * away @ away - log_probs[rows, steps].sum()
        return float(loss) / len(rows), (np.array(gradient) + 2 * RIDGE * away) / len(rows)

    bounds = [(0, None), (0, None), (None, None)]
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return Mixture(deep=float(found[0]), wide=float(found[1]), offset=float(found[2]))


def _steps(
    net: TextNet, valid: SequenceDataset, scores: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every step of every text: what was emitted, the decoder's logits, the wide scores."""
    network: SemanticUnitNetwork = net.module_
    network.eval()
    n_labels = network.n_labels
    n_steps = MIXTURE_ELEMENTS // (n_labels + 1)
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    iterator = LengthBuckets(valid, **net.get_params_for("iterator_valid"))
    batches = list(iterator.batches())
    for number in torch.randperm(len(batches)).tolist():
        inputs, target = valid.batch(batches[number])
        labels = target["y"]
        with torch.inference_mode(), explained_memory_errors(net.device):
            ids, known = inputs["ids"].to(net.device), labels.to(net.device)
            logits = network(ids, known).double().cpu().numpy()
        lengths = (labels >= 0).sum(dim=1)
        with_end = torch.nn.functional.pad(labels, (0, 1), value=-1)
        emitted = with_end.scatter(1, lengths.unsqueeze(1), n_labels).numpy()
        texts, places = np.nonzero(emitted >= 0)
        wide = np.pad(scores[batches[number]][texts], ((0, 0), (0, 1)))
        found.append((emitted[texts, places], logits[texts, places], wide.astype(np.float64)))
        n_steps -= len(texts)
        if n_steps <= 0:
            break
    steps, deep, own = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return steps, deep, own
