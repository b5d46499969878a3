"""Explanations: why a text got its labels."""

from sklabelemb.inspection.explanation import Explanation, Explanations
from sklabelemb.inspection.highlights import render_highlights, write_highlights
from sklabelemb.inspection.joint_explanation import JointExplanation
from sklabelemb.inspection.label_tables import render_label_tables, write_label_tables
from sklabelemb.inspection.report_page import write_report
from sklabelemb.lazy import public_names

__all__ = [
    "Explanation",
    "Explanations",
    "JointExplanation",
    "render_highlights",
    "render_label_tables",
    "write_highlights",
    "write_label_tables",
    "write_report",
]

__dir__ = public_names(__name__)
