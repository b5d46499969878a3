"""Training: corpora, tasks, recipes, the steps of a fit, and the model that it gives."""

from typing import TYPE_CHECKING

from sklabelemb.lazy import public_names, resolver

if TYPE_CHECKING:
    from sklabelemb.learning.batches import LengthBuckets, TaskBatches, TaskDatasets, TextDataset
    from sklabelemb.learning.corpus import Corpus, read_samples, read_tasks
    from sklabelemb.learning.model import Model
    from sklabelemb.learning.net import TextNet
    from sklabelemb.learning.randomness import isolated_randomness
    from sklabelemb.learning.recipe import Recipe
    from sklabelemb.learning.settings import Budget, Settings
    from sklabelemb.learning.task import Task

__all__ = [
    "Budget",
    "Corpus",
    "LengthBuckets",
    "Model",
    "Recipe",
    "Settings",
    "Task",
    "TaskBatches",
    "TaskDatasets",
    "TextDataset",
    "TextNet",
    "isolated_randomness",
    "read_samples",
    "read_tasks",
]

__getattr__ = resolver(
    __name__,
    {
        "Budget": "settings",
        "Corpus": "corpus",
        "LengthBuckets": "batches",
        "Model": "model",
        "Recipe": "recipe",
        "Settings": "settings",
        "Task": "task",
        "TaskBatches": "batches",
        "TaskDatasets": "batches",
        "TextDataset": "batches",
        "TextNet": "net",
        "isolated_randomness": "randomness",
        "read_samples": "corpus",
        "read_tasks": "corpus",
    },
)

__dir__ = public_names(__name__)
