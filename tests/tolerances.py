"""How far two results may lie apart that differ by nothing but rounding."""

from __future__ import annotations

import numpy as np

# Relative to the scale; an error in the code that is smaller than this would not be seen.
WIDEST = 1e-4


def numbers(values) -> np.ndarray:
    """An array of what a test has: numbers, an array, or a tensor with or without a gradient."""
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)


def precision(*arrays: np.ndarray) -> np.dtype:
    """The coarsest float type among the arrays; float64 where none of them is of floats."""
    types = [array.dtype for array in arrays if array.dtype.kind == "f"]
    return max(types, key=lambda dtype: np.finfo(dtype).eps, default=np.dtype(np.float64))


def tolerance(dtype, n_terms, scale) -> float:
    """The largest difference that rounding explains.

    One rounding is wrong by up to half an eps of the number that is rounded. Each addition is
    rounded once, and the errors have either sign, so that of a sum grows like the square root of
    its length, and in proportion to the largest number on the way: the sum itself may be small
    because its terms cancel out. Eight times as much leaves room for the steps before and after.
    """
    relative = 4 * float(np.finfo(dtype).eps) * n_terms**0.5
    if relative > WIDEST:
        raise ValueError(f"a tolerance of {relative:.0e} of the scale would hide mistakes")
    return relative * float(scale)


def close(actual, expected, *, n_terms=1000, scale=None, dtype=None, err_msg="") -> None:
    """Assert that two results are equal but for rounding.

    Processors, batches and paddings have kernels of their own, which add up in another order. So
    no test may ask for more where they differ. Where they do not, as with a model that was saved
    and loaded, results are equal bit for bit: use ``assert_array_equal``.

    Parameters
    ----------
    actual, expected : numbers, arrays or tensors of the same shape
        ``expected`` may be a single number instead. What is not finite has to be the same.
    n_terms : int, default=1000
        How many numbers were added up on the way. The default is more than any network of the
        tests does from a text to its logits.
    scale : number or array, default=None
        The size of the largest numbers on the way; of an array, its largest absolute value. By
        default that of ``expected``, which is too little where terms cancel out: a cosine times
        twenty has the scale 20 also where it is 0.06, and a difference of logits has theirs.
    dtype : default=None
        The float type of the computation. By default the coarser one of the two; to be given where
        results were computed in float32 and are told in float64, as probabilities are.
    err_msg : str, default=""
        Part of the message of a failure.
    """
    actual, expected = numbers(actual), numbers(expected)
    if expected.ndim:
        assert actual.shape == expected.shape
    dtype = precision(actual, expected) if dtype is None else dtype
    scale = np.abs(numbers(expected if scale is None else scale).astype(float))
    scale = scale[np.isfinite(scale)].max(initial=0.0)
    actual, expected = np.broadcast_arrays(actual.astype(float), expected.astype(float))
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(actual[~finite], expected[~finite], err_msg)
    atol = tolerance(dtype, n_terms, scale)
    np.testing.assert_allclose(actual[finite], expected[finite], rtol=0, atol=atol, err_msg=err_msg)
