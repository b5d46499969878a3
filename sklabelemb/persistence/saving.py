"""`save` and `load` fitted models."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sklabelemb.persistence.atomic_folder import check_replaceable, new_folder, present_folder
from sklabelemb.persistence.card import model_card
from sklabelemb.persistence.classes import COMPOSED, TRAINED, class_of, known_name
from sklabelemb.persistence.composed import read_composed, writer_of_composed
from sklabelemb.persistence.files import CARD, DESCRIPTION, FILES, read_description
from sklabelemb.persistence.reduction import Reduction
from sklabelemb.persistence.trained import read_trained, writer_of_trained

__all__ = ["check_free", "load", "save"]


def save(
    model: Any,
    folder: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    store_encoder: bool = True,
    dtype: str = "float32",
    prune: float = 0.0,
    card: bool | str = True,
) -> None:
    """Save a fitted estimator to a folder, without pickle.

    Parameters
    ----------
    model : estimator
        Fitted: a classifier of this package, a baseline, a :class:`.ThresholdTuner`, a
        :class:`.LabelwiseCalibrator`; or a scikit-learn pipeline of these and of the vectorizers
        and linear classifiers that baselines support.
    folder : path
        Created if necessary. It appears complete or not at all, even if the process is killed.
    overwrite : bool, default=False
        Whether to replace an existing model, once the new one is complete.
    store_encoder : bool, default=True
        False leaves out the weights of a pretrained encoder that were not trained (``encoder`` of a
        LEAMClassifier; layers frozen by ``freeze_layers`` of a LACOClassifier): :func:`load` reads
        them from the encoder named in the model, and checks that they are the same. Trained
        weights are always stored.
    dtype : {"float32", "float16", "int8"}, default="float32"
        Type of the stored weight tables: word vectors, layers, linear models, and inverse document
        frequencies. "float16" halves their size and did not change a decision on the corpora of
        ``benchmarks/``. "int8" stores integers from -127 to 127 and a scale, one for each row of a
        layer or word table and one for each label of a linear model; it changed 2 decisions of
        100,000 on reuters21578 and 33 on goemotions. All but "float32" are also compressed.
        Thresholds, biases, mixtures, calibration and frozen encoders are never rounded.
    prune : float, default=0.0
        Share of the weights of each linear model over n-grams (the wide path of a network,
        ``coef_`` of a baseline's classifier) that are set to 0, those with the smallest absolute
        values: 0.9 keeps a tenth. Below 1. It pays with ``dtype="int8"``, or with "float32" and
        "float16" from about 0.8 on. Choose it by decisions on held-out texts: rare labels depend on
        few n-grams.
    card : bool or str, default=True
        The text of ``README.md``, for people and model hubs. True: the :func:`model_card` of the
        model. A str: this text, for instance a :func:`model_card` with data and scores. False: no
        card. Models are never read from it, so it may be changed or deleted. `overwrite` replaces
        it along with the model.

    Raises
    ------
    NotFittedError
        When the model has not been fitted.
    TypeError
        When it is, or contains, an estimator that cannot be saved.
    ValueError
        When it depends on something that JSON cannot represent: a custom tokenizer, or classes that
        are neither text nor numbers nor dates. When `store_encoder` is False, but no weights of the
        model can be read from a pretrained encoder. Or when `dtype` or `prune` has another value.
    TypeError
        When `card` is neither True, False nor text.
    FileExistsError
        When the folder contains a model and `overwrite` is False, or contains anything else.

    Warns
    -----
    UserWarning
        Names parameters that cannot be written and are reset to their defaults: vectors given as
        arrays, a `RandomState`, objects in `net_params`. Predictions do not depend on them.

    See Also
    --------
    load : Load it again.
    model_card : The text of the card.

    Notes
    -----
    The folder has three files and the card: ``model.json`` (class, versions, parameters, labels,
    thresholds, history, and the checksums of the other two), ``weights.safetensors`` and
    ``vocabulary.json``. The optimiser's state, callbacks and metadata requests are not saved. A
    tuner or pipeline around a network stores it in a subfolder. Estimators of scikit-learn are
    written as their parameters and arrays; loading them in another version of scikit-learn warns.

    A model written with another `dtype`, or with `prune`, has 32-bit floats again when loaded:
    equally fast, equally large in memory, and ready for ``partial_fit``, but with rounded weights.
    Saving it again with the defaults keeps them as they are.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sklabelemb import LEAMClassifier, load, save
    >>> texts = ["my parcel is late", "my refund is due", "parcel late, refund due"] * 10
    >>> y = [[1, 0], [0, 1], [1, 1]] * 10
    >>> model = LEAMClassifier(max_epochs=20, random_state=0).fit(texts, y)
    >>> with TemporaryDirectory() as parent:
    ...     save(model, Path(parent, "support"))
    ...     print(*sorted(path.name for path in Path(parent, "support").iterdir()))
    ...     again = load(Path(parent, "support"))
    README.md model.json vocabulary.json weights.safetensors
    >>> again.predict(["is my parcel late"])
    array([[1, 0]])

    Save a smaller model:

    >>> with TemporaryDirectory() as parent:
    ...     for name, how in {"whole": {}, "small": {"dtype": "int8", "prune": 0.5}}.items():
    ...         save(model, Path(parent, name), **how)
    ...     sizes = [
    ...         Path(parent, n, "weights.safetensors").stat().st_size for n in ("whole", "small")
    ...     ]
    ...     small = load(Path(parent, "small"))
    >>> sizes[1] < sizes[0], small.predict(["is my parcel late"])
    (True, array([[1, 0]]))
    """
    reduction = Reduction(dtype, prune)
    if not isinstance(card, (bool, str)):
        raise TypeError(f"card must be True, False or the text of the card, got {card!r:.80}.")
    target = Path(os.path.realpath(Path(folder).expanduser()))
    write = _writer(model, store_encoder, reduction)
    check_free(target, overwrite)
    text = model_card(model) if card is True else card
    with new_folder(target) as new:
        write(new)
        if text is not False:
            (new / CARD).write_text(text, encoding="utf-8", newline="\n")


def check_free(folder: Path, overwrite: bool) -> None:
    """Refuse a folder that :func:`save` would not write to."""
    # A README of something else is not replaced.
    there = (present_folder(folder) / DESCRIPTION).is_file()
    check_replaceable(folder, overwrite, (*FILES, CARD) if there else FILES)


def load(
    folder: str | os.PathLike[str],
    *,
    device: str = "auto",
    encoder: Any = None,
) -> Any:
    """Load an estimator that :func:`save` wrote.

    Loading never executes code from the folder: its files contain numbers and text only, and the
    class is looked up among those of this package. Nothing is downloaded, unless the model was
    saved without its encoder, which is then loaded by its name. Predictions are those of the saved
    model, bit for bit on the same kind of machine.

    Parameters
    ----------
    folder : path
    device : str, default="auto"
        Where the model computes, for instance "cpu" or "cuda"; becomes the model's parameter
        `device`. "auto": as before, or on the CPU if that GPU is missing.
    encoder : str, path or object, default=None
        The encoder, for a model that was saved with ``store_encoder=False``, or whose encoder is an
        object of another library; becomes the model's parameter `encoder`. None: as before.

    Returns
    -------
    estimator
        Ready to predict, to be trained further, pickled and cloned.

    Raises
    ------
    FileNotFoundError
        When there is no such folder, or one of its files is missing.
    ValueError
        When a file is damaged, inconsistent with the others, or was written by a newer version.
    TypeError
        When `encoder` is not a name.
    OSError
        When the encoder of a model saved without it cannot be found, or has changed.

    See Also
    --------
    save : Save a model; with an example.
    """
    return _read(present_folder(Path(os.path.realpath(Path(folder).expanduser()))), device, encoder)


def _writer(model: Any, store_encoder: bool, reduction: Reduction) -> Callable[[Path], None]:
    if known_name(model) in TRAINED:
        return writer_of_trained(model, store_encoder, reduction)
    if not store_encoder and known_name(model) in COMPOSED:
        raise ValueError(
            f"A {type(model).__name__} has no pretrained encoder to leave out: save it with "
            "store_encoder=True, or save the classifier inside alone."
        )
    return writer_of_composed(
        model, lambda inner: _writer(inner, store_encoder, reduction), reduction
    )


def _read(folder: Path, device: str, encoder: Any) -> Any:
    description = read_description(folder, [*TRAINED, *COMPOSED])
    name = description["class"]
    if name in COMPOSED:
        return read_composed(folder, description, lambda inner: _read(inner, device, encoder))
    return read_trained(class_of(name), folder, description, device, encoder)
