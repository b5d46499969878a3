"""From a model to predictions: logits, decisions, and tuning on held-out texts."""

from typing import TYPE_CHECKING

from sklabelemb.lazy import public_names, resolver

if TYPE_CHECKING:
    from sklabelemb.readout.answers import Answers
    from sklabelemb.readout.joining import joined
    from sklabelemb.readout.readout import Readout

__all__ = ["Answers", "Readout", "joined"]

__getattr__ = resolver(
    __name__,
    {
        "Answers": "answers",
        "Readout": "readout",
        "joined": "joining",
    },
)

__dir__ = public_names(__name__)
