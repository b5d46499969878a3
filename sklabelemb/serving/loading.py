"""`load` a saved model to predict with NumPy and SciPy alone."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from sklabelemb.persistence.atomic_folder import present_folder
from sklabelemb.persistence.classes import COMPOSED, INSIDE, TRAINED, class_of
from sklabelemb.persistence.consistency import check_parts
from sklabelemb.persistence.files import (
    AGAIN,
    DESCRIPTION,
    VOCABULARY,
    WEIGHTS,
    check_file,
    read_arrays,
    read_description,
    read_json,
)
from sklabelemb.persistence.upgrades import up_to_date
from sklabelemb.persistence.values import Attachments, decode
from sklabelemb.serving.composed import SavedEstimator, served
from sklabelemb.serving.leam import LEAMNetwork
from sklabelemb.serving.mtle import MTLENetwork
from sklabelemb.serving.refusing import refuse
from sklabelemb.serving.served import ServedClassifier, ServedModel
from sklabelemb.targets import FRAMES
from sklabelemb.text import UNKNOWN_ID, TokenIds, Tokenizer, Vocabulary

__all__ = ["load"]

NETWORKS: dict[str, Any] = {"LEAMClassifier": LEAMNetwork, "MTLEClassifier": MTLENetwork}
# A text of one unknown word.
ONE_WORD = TokenIds(np.array([UNKNOWN_ID], np.int32), np.array([0, 1]))
# Objects that only hold numbers, and compute without scikit-learn.
NUMBERS_ONLY = (
    *("IsotonicMaps", "SigmoidMaps", "TemperatureMaps"),
    *("LabelForest", "LabelTree", "Level", "Rescoring"),
)


def load(folder: str | os.PathLike[str], *, encoder: Any = None) -> Any:
    """Load a saved classifier for deployment, without torch and scikit-learn.

    For environments where these are too large or too slow to start: containers, serverless
    functions, phones. The folder is one that :func:`sklabelemb.save` wrote, in any format version,
    exact or reduced.

    Supported are :class:`.LEAMClassifier`, in all variants; :class:`.MTLEClassifier` unless a
    BiLSTM reads its texts; the baselines :class:`.BinaryRelevance`, :class:`.ClassifierChain` and
    :class:`.LabelPowerset` over a TfidfVectorizer or CountVectorizer and a LinearSVC,
    LogisticRegression, RidgeClassifier or naive Bayes classifier; :class:`.LabelTreeClassifier`
    over such a vectorizer; :class:`.ThresholdTuner` and :class:`.LabelwiseCalibrator` around these.

    Parameters
    ----------
    folder : path
    encoder : object, default=None
        For models that were fitted with a pretrained ``encoder``: an object whose ``encode(texts)``
        returns the same vectors as in the fit, as an array of shape (n_texts, n_dimensions). It may
        be a client of an embedding service.

    Returns
    -------
    object
        With ``predict``, ``predict_proba``, ``decision_function``, ``predict_labels``,
        ``label_names_`` and ``classes_``, as far as the saved classifier has them.

    Raises
    ------
    FileNotFoundError
        When there is no such folder, or one of its files is missing.
    TypeError
        When the classifier, or one that it wraps, is not supported; the message says why. Or when
        `encoder` has no ``encode``.
    ValueError
        When a file is damaged, or was written by a newer version. Or when an encoder is needed but
        missing, or passed but not needed.

    See Also
    --------
    sklabelemb.save : Write the folder.
    sklabelemb.load : The classifier itself, for training or explanations.

    Notes
    -----
    Decisions are those of the saved classifier, and so are probabilities, up to rounding in 32-bit
    floats. Everything but the network is computed by the same code; the network's forward pass is
    reimplemented in NumPy, with the equations' numbers.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sklabelemb import LEAMClassifier, save, serving
    >>> texts = ["my parcel is late", "my refund is due", "parcel late, refund due"] * 10
    >>> y = [[1, 0], [0, 1], [1, 1]] * 10
    >>> names = ["delivery", "refund"]
    >>> model = LEAMClassifier(max_epochs=20, label_names=names, random_state=0).fit(texts, y)
    >>> with TemporaryDirectory() as parent:
    ...     save(model, Path(parent, "support"))
    ...     served = serving.load(Path(parent, "support"))
    >>> served.predict_labels(["is my parcel late", "a refund please"])
    [('delivery',), ('refund',)]
    >>> difference = served.predict_proba(texts) - model.predict_proba(texts)
    >>> bool(abs(difference).max() < 1e-6)
    True
    """
    # Text has a method of that name, too.
    if isinstance(encoder, str) or not (encoder is None or hasattr(encoder, "encode")):
        raise TypeError(
            f"encoder={type(encoder).__name__} has no encode(texts): give an object that turns a "
            "list of texts into vectors. Names and folders of encoders are for sklabelemb.load, "
            "which has the libraries to read them."
        )
    return _read(present_folder(Path(os.path.realpath(Path(folder).expanduser()))), encoder)


def _read(folder: Path, encoder: Any) -> Any:
    description = read_description(folder, [*TRAINED, *COMPOSED])
    name = description["class"]
    if name in TRAINED:
        _check_served(name)
    for file in (WEIGHTS, VOCABULARY):
        check_file(folder / file, description["files"])
    arrays = read_arrays(folder, description.get("reduced", {}))
    words = read_json(folder / VOCABULARY)
    if name in COMPOSED:
        return _composed(folder, description, Attachments(arrays, words["words"]), encoder)
    return _classifier(folder, description, arrays, words, encoder)


def _check_served(name: str) -> None:
    if name not in NETWORKS:
        reads = {
            "DocumentClassifier": "an encoder of convolutions, recurrence or self-attention",
            "LACOClassifier": "a transformer, or a network over one sequence of words and labels,",
            "SemanticUnitSeq2SeqClassifier": "a recurrent encoder and a decoder with beam search",
        }
        refuse(name, f"{reads[name]} would be too slow in NumPy")


def _composed(
    folder: Path, description: dict[str, Any], attachments: Attachments, encoder: Any
) -> Any:
    """A baseline or meta-estimator."""
    inner = []
    for number, expected in enumerate(description.get("models", [])):
        own = folder / "models" / str(number)
        check_file(own / DESCRIPTION, {DESCRIPTION: expected})
        inner.append(_read(own, encoder))
    if encoder is not None and not inner:
        _refuse_encoder(folder, description["class"])

    def object_of(tag: str, content: Any, own: Attachments) -> Any:
        if tag == "$model":
            return inner[content]
        if tag not in ("$estimator", "$unfitted"):
            raise ValueError(f"{tag!r} is not a kind of value that a saved model may hold")
        name, saved = content
        if name not in TRAINED | COMPOSED | INSIDE:
            raise ValueError(f"{name!r} is not a class that a saved model may hold")
        attributes = {key: decode(value, own) for key, value in saved.items()}
        if name not in NUMBERS_ONLY:
            return SavedEstimator(name, attributes)
        whole = object.__new__(class_of(name))
        whole.__dict__.update(attributes)
        return whole

    attachments.objects = object_of
    try:
        return served(decode(description["estimator"], attachments))
    except (ValueError, LookupError, AttributeError) as error:
        _damaged(folder, description["class"], error)


def _classifier(
    folder: Path,
    description: dict[str, Any],
    arrays: dict[str, np.ndarray],
    words: dict[str, Any],
    encoder: Any,
) -> ServedClassifier:
    """A classifier with a network."""
    name = description["class"]
    try:
        description = up_to_date(description, arrays)
        parameters = decode(description["parameters"], Attachments())
        parameters |= decode(description["fitted_parameters"], Attachments())
        tokenizer = parameters["tokenizer"] or Tokenizer(
            parameters["lowercase"], parameters["mask_numbers"]
        )
        vocabulary = Vocabulary.from_dict(words["vocabulary"])
        parts = decode(description["model"], Attachments(arrays, words["words"]))
        check_parts(parts, vocabulary)
        tasks = {task: _without_frame(own) for task, own in parts["tasks"].items()}
        needed = parts["encoder"]
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        _damaged(folder, name, error)
    if parameters.get("heads") == "task":
        refuse(name, 'it has an output layer for each task (heads="task")')
    if parts["module"].get("encoder") == "bilstm":
        refuse(name, 'a BiLSTM reads its texts (encoder="bilstm"); encoder="mean" is served')
    if needed is not None and encoder is None:
        kind = {"sentence": "a transformer", "static": "a static encoder"}.get(needed["kind"])
        known = needed.get("description", {}).get("class") or kind
        raise ValueError(
            f"This {name} reads texts with a frozen encoder, {known}, which needs libraries of its "
            "own. Hand over an object whose encode(texts) gives the vectors of that encoder: "
            "load(folder, encoder=...)."
        )
    if needed is None and encoder is not None:
        _refuse_encoder(folder, name)
    try:
        network = NETWORKS[name](parts["module"], parts["weights"])
        for number, task in enumerate(tasks.values()):
            _check_logits(network(ONE_WORD, number), task.targets.n_labels)
    except (ValueError, TypeError, LookupError) as error:
        _damaged(folder, name, error)
    max_length = parameters["max_length"]
    model = ServedModel(tasks, vocabulary, tokenizer, max_length, network, encoder)
    return ServedClassifier(model, name)


def _check_logits(logits: np.ndarray, n_labels: int) -> None:
    if logits.shape != (1, n_labels):
        raise ValueError(f"a text gets logits of shape {logits.shape} for {n_labels} labels")


def _without_frame(task: Any) -> Any:
    """The task, with arrays instead of DataFrames."""
    if task.targets.container not in FRAMES:
        return task
    return replace(task, targets=replace(task.targets, container="array"))


def _refuse_encoder(folder: Path, name: str) -> NoReturn:
    raise ValueError(
        f"{folder} holds a {name} that was fitted without a pretrained encoder: leave out encoder."
    )


def _damaged(folder: Path, name: str, error: Exception) -> NoReturn:
    reason = f"no entry {error}" if isinstance(error, KeyError) else str(error)
    raise ValueError(
        f"The files in {folder} do not make a {name}: {reason.rstrip('.')}. They were changed, or "
        f"belong to different models. {AGAIN}"
    ) from error
