"""Inspection: why a text was given its labels."""

from sklabelemb.inspection.explanation import Explanation
from sklabelemb.inspection.highlights import render_highlights, write_highlights

__all__ = ["Explanation", "render_highlights", "write_highlights"]
