"""Static models out of transformers: distillation by the `model2vec` library."""

from __future__ import annotations

import os
from numbers import Integral
from pathlib import Path
from typing import Any

from sklabelemb.encoders.pretrained import pretrained_parts
from sklabelemb.encoders.sentence import pooling_of
from sklabelemb.optional import import_optional

__all__ = ["distill_encoder"]

PURPOSE = "Distillation"
# Names in model2vec. Max pooling over a single piece makes little sense.
POOLINGS = {"cls": "first"}


def distill_encoder(
    encoder: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    dim: int = 256,
    device: str = "cpu",
) -> Path:
    """Distil a sentence transformer into a static embedding model, far faster to run.

    The transformer reads each piece of its vocabulary on its own. PCA reduces the vectors, and
    frequent pieces are weighted down; the vector of a text is then the mean of the vectors of its
    pieces, looked up in a table. This is the distillation of Model2Vec [1]_, by its own library. It
    needs no training texts, and half a minute on one core for a model as small as MiniLM. Context
    and word order are lost.

    Parameters
    ----------
    encoder : str or path
        Folder of a transformer with a fast tokenizer, or its name on the Hub (``name@revision``
        pins a version). The pooling is read from the files of sentence-transformers, if there are
        any; otherwise it is the mean.
    folder : str or path
        Where to write the static model: ``encoder=folder`` takes it. New or empty.
    dim : int, default=256
        Dimensions of a vector, at most those of the transformer. Fewer make a smaller file: two
        bytes per dimension and piece, so 15 MB for the 30,000 pieces of BERT.
    device : str, default="cpu"
        Where the transformer computes.

    Returns
    -------
    folder : Path

    Raises
    ------
    ImportError
        Without the libraries of the extra ``distill``.
    OSError
        When the transformer cannot be read, or `folder` holds files already.
    ValueError
        When `dim` is not a positive integer.

    See Also
    --------
    sklabelemb.LEAMClassifier : Takes the folder as ``encoder=``.

    References
    ----------
    .. [1] S. Tulkens, T. van Dongen. "Model2Vec: Fast State-of-the-Art Static Embeddings". 2024.
       https://github.com/MinishLab/model2vec

    Examples
    --------
    >>> from sklabelemb import LEAMClassifier
    >>> from sklabelemb.encoders import distill_encoder
    >>> minilm = "sentence-transformers/all-MiniLM-L6-v2"
    >>> folder = distill_encoder(minilm, "minilm-static")  # doctest: +SKIP
    >>> model = LEAMClassifier(encoder=folder)  # doctest: +SKIP
    """
    if not isinstance(dim, Integral) or isinstance(dim, bool) or dim < 1:
        raise ValueError(f"dim={dim!r} is not a number of dimensions: give an int from 1 on.")
    path = Path(folder).expanduser()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(
            f"{str(path)!r} is there already. Name a new folder for the static model."
        )
    library = _library()
    model, tokenizer = pretrained_parts(encoder)
    static = library.distill_from_model(
        model,
        tokenizer,
        device=device,
        pca_dims=min(int(dim), model.config.hidden_size),
        pooling=POOLINGS.get(pooling_of(encoder), "mean"),
    )
    # The name is a path, of no use elsewhere.
    static.config["tokenizer_name"] = os.path.basename(os.fspath(encoder))
    static.save_pretrained(path)
    return path


def _library() -> Any:
    """The library's module, or an error that names the missing dependency."""
    import_optional("skeletoken", extra="distill", purpose=PURPOSE)
    import_optional("transformers", extra="distill", purpose=PURPOSE)
    return import_optional("model2vec.distill", extra="distill", purpose=PURPOSE)
