"""Meta-estimators that tune thresholds and calibrate probabilities of any classifier."""

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
