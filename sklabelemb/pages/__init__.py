"""HTML: pages to share, and what notebooks show of results."""

from sklabelemb.lazy import public_names
from sklabelemb.pages.rendering import render, render_texts, write_page
from sklabelemb.pages.tables import Cell, Table, render_tables

__all__ = ["Cell", "Table", "render", "render_tables", "render_texts", "write_page"]

__dir__ = public_names(__name__)
