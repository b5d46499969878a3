"""Meta-estimators that make better decisions and probabilities of any multi-label classifier."""

from typing import TYPE_CHECKING

from sklabelemb.lazy import public_names, resolver

if TYPE_CHECKING:
    from sklabelemb.meta.labelwise_calibrator import LabelwiseCalibrator
    from sklabelemb.meta.threshold_tuner import ThresholdTuner

__all__ = ["LabelwiseCalibrator", "ThresholdTuner"]

__getattr__ = resolver(
    __name__,
    {
        "LabelwiseCalibrator": "labelwise_calibrator",
        "ThresholdTuner": "threshold_tuner",
    },
)

__dir__ = public_names(__name__)
