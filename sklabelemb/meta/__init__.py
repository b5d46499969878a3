"""Meta-estimators that make better decisions and probabilities of any multi-label classifier."""

from sklabelemb.meta.labelwise_calibrator import LabelwiseCalibrator
from sklabelemb.meta.threshold_tuner import ThresholdTuner

__all__ = ["LabelwiseCalibrator", "ThresholdTuner"]
