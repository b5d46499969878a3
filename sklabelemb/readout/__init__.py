"""From a model to answers: logits, decisions, and what is learnt from held-out texts."""

from sklabelemb.readout.answers import Answers
from sklabelemb.readout.joining import joined
from sklabelemb.readout.readout import Readout

__all__ = ["Answers", "Readout", "joined"]
