"""HTML: pages to share, and what notebooks show of results."""

from sklabelemb.pages.rendering import render, render_texts, write_page
from sklabelemb.pages.tables import Cell, Table, render_tables

__all__ = ["Cell", "Table", "render", "render_tables", "render_texts", "write_page"]
