"""Draw the pictures of these pages and of the README into docs/_static.

python docs/pictures.py      # a minute; needs matplotlib and nothing but the corpus that ships
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from sklearn.metrics import precision_recall_fscore_support

from sklabelemb import LEAMClassifier
from sklabelemb.datasets import load_support_requests
from sklabelemb.model_selection import multilabel_train_test_split

FOLDER = Path(__file__).parent / "_static"
TEXT = "My parcel is late and the kettle arrived broken, I want my money back"
COLOURS = ["tab:blue", "tab:orange", "tab:green"]


def highlights(axes: Any, model: LEAMClassifier) -> None:
    """One text, once for each predicted label, the words coloured by what they contributed."""
    [explanation] = model.explain([TEXT])
    labels = explanation.predicted_labels()
    proba = dict(zip(model.label_names_, model.predict_proba([TEXT])[0], strict=True))
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.axis("off")
    axes.set_title("model.explain(texts)", family="monospace", fontsize=11, loc="left")
    renderer = axes.figure.canvas.get_renderer()
    for place, label in enumerate(labels):
        column = list(model.label_names_).index(label)
        colour = COLOURS[place % len(COLOURS)]
        x, y = 0.0, 0.93 - place * 0.9 / len(labels)
        title = f"{label.replace('_', ' ')}  {proba[label]:.2f}"
        axes.text(x, y, title, color=colour, weight="bold", fontsize=11, va="center")
        y -= 0.1
        strongest = explanation.contributions[:, column].max()
        for token, value in zip(
            explanation.tokens, explanation.contributions[:, column], strict=True
        ):
            box = {
                "boxstyle": "round,pad=0.15",
                "fc": colour,
                "ec": "none",
                "alpha": 0.65 * max(value, 0) / strongest,
            }
            drawn = axes.text(x, y, token, fontsize=10.5, va="center", bbox=box)
            width = drawn.get_window_extent(renderer).transformed(axes.transData.inverted()).width
            if x + width > 0.98:
                x, y = 0.0, y - 0.09
                drawn.set_position((x, y))
            x += width + 0.022


def threshold_curve(axes: Any, model: LEAMClassifier, X: list[str], y: np.ndarray) -> None:
    """Micro-averaged precision, recall and F1 on test texts, by one threshold for all labels."""
    proba = model.predict_proba(X)
    grid = np.linspace(0.02, 0.98, 97)
    scores = np.array(
        [
            precision_recall_fscore_support(y, proba >= t, average="micro", zero_division=1)[:3]
            for t in grid
        ]
    )
    for values, name, style in zip(
        scores.T, ["precision", "recall", "F1"], [":", "--", "-"], strict=True
    ):
        axes.plot(grid, values, style, label=name, color="black" if name == "F1" else "tab:gray")
    tuned = precision_recall_fscore_support(y, model.predict(X), average="micro")[2]
    half = scores[np.abs(grid - 0.5).argmin(), 2]
    axes.axhline(tuned, color="tab:blue", lw=1)
    axes.text(0.97, tuned + 0.015, f"tuned per label: {tuned:.2f}", color="tab:blue", ha="right")
    axes.annotate(
        f"cut at 0.5: {half:.2f}",
        (0.5, half),
        (0.3, 0.42),
        color="tab:red",
        ha="center",
        arrowprops={"arrowstyle": "-|>", "color": "tab:red"},
    )
    axes.set(xlabel="threshold", ylim=(0, 1.02), xlim=(0, 1))
    axes.set_title("micro-averaged, on test texts", fontsize=11, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower left", frameon=False)


def overview() -> None:
    """Highlights beside the threshold curve: the first picture that a reader sees."""
    data = load_support_requests()
    X_train, X_test, y_train, y_test = multilabel_train_test_split(
        data.data, data.target, random_state=0
    )
    model = LEAMClassifier(
        label_names=data.target_names, label_texts=data.label_texts, random_state=0
    ).fit(X_train, y_train)
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 3.6), width_ratios=[1.15, 1], layout="constrained"
    )
    threshold_curve(right, model, X_test, y_test)
    figure.draw_without_rendering()  # settles the layout, by which words are measured
    figure.set_layout_engine("none")
    highlights(left, model)
    figure.savefig(FOLDER / "overview.png", dpi=130, facecolor="white")


CHART = [
    ("Thousands of labels?", "LabelTreeClassifier", "many_labels"),
    ("Several tasks, or labels|without any text?", "MTLEClassifier", "multi_task"),
    ("Fewer than about|50 texts per label?", "LEAMClassifier|(encoder=...)", "encoders"),
    (
        "Must it train in seconds|and explain nothing?",
        "ThresholdTuner|(BinaryRelevance())",
        "thresholds",
    ),
    ("A GPU and|a pretrained encoder?", "LACOClassifier", "label_correlation"),
    ("Must label sets be right|as a whole?", "SemanticUnitSeq2Seq-|Classifier", "label_sequences"),
]


def box(x: int, y: int, width: int, text: str, page: str = "") -> str:
    """A box with lines of text, as SVG; with a page it is a link."""
    lines, middle = text.split("|"), x + width // 2
    first = y + 29 - 9 * (len(lines) - 1)
    words = "".join(
        f'<tspan x="{middle}" y="{first + 18 * i}">{escape(line)}</tspan>'
        for i, line in enumerate(lines)
    )
    drawn = f'<rect x="{x}" y="{y}" width="{width}" height="48" rx="6"/><text>{words}</text>'
    return f'<a class="answer" href="{page}.html">{drawn}</a>' if page else f"<g>{drawn}</g>"


def flow_chart() -> None:
    """Questions from top to bottom, a classifier to the right of each, in the page's colours."""
    parts = []
    for i, (question, answer, page) in enumerate(CHART):
        y = 4 + 76 * i
        parts.append(box(4, y, 200, question))
        parts.append(f'<path d="M204 {y + 24} h66"/><text x="237" y="{y + 19}">yes</text>')
        parts.append(box(274, y, 202, answer, page))
        parts.append(f'<path d="M104 {y + 48} v26"/><text x="122" y="{y + 66}">no</text>')
    parts.append(box(4, 4 + 76 * len(CHART), 200, "LEAMClassifier()", "leam"))
    height = 4 + 76 * len(CHART) + 56
    (FOLDER / "which_classifier.svg").write_text(
        f'<svg class="flow-chart" viewBox="0 0 480 {height}" role="img" '
        'aria-label="Which classifier: a flow chart">\n'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z"/></marker></defs>\n'
        + "\n".join(parts)
        + "\n</svg>\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    flow_chart()
    if "--chart-only" not in sys.argv:
        overview()
