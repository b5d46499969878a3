"""Two notebooks are executed, and looked at in a browser, in Jupyter's own style.

``pip install nbconvert ipykernel`` brings what it needs; the browser is Chromium, of the system.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

nbformat = pytest.importorskip("nbformat", reason="needs nbconvert and ipykernel")
nbclient = pytest.importorskip("nbclient", reason="needs nbconvert and ipykernel")
nbconvert = pytest.importorskip("nbconvert", reason="needs nbconvert and ipykernel")
pytest.importorskip("ipykernel", reason="needs nbconvert and ipykernel")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

RESULTS = (
    """
import numpy as np
from sklabelemb.comparison import compare_on_test
from sklabelemb.inspection import Explanation, Explanations
from sklabelemb.metrics import multilabel_report
from sklabelemb.semantic_unit import LabelSequence
rng = np.random.default_rng(0)
y = rng.integers(2, size=(40, 14))

def explained(i):
    tokens = f"parcel number {i} is <late> again".split()
    ends = np.cumsum([len(token) + 1 for token in tokens])
    spans = [(int(e) - len(t) - 1, int(e) - 1) for t, e in zip(tokens, ends)]
    said = rng.normal(size=(len(tokens), 3))
    proba, yes = np.array([0.9, 0.4, 0.1]), np.array([True, False, False])
    names = ["delivery", "refund", "other"]
    return Explanation(" ".join(tokens), tokens, spans, names, proba, yes, None, said)
""",
    "Explanations([explained(i) for i in range(8)])",
    "multilabel_report(y, y)",
    'compare_on_test({"A": y, "B": 1 - y}, y)',
    'LabelSequence(("refund", "delivery"), 0.25, (0.5, 0.5))',
)
FITS = (
    """
import numpy as np
from sklabelemb import LEAMClassifier, ThresholdTuner
texts = ["my parcel is late", "my refund is due", "parcel late, refund due", "hello"] * 5
labels = np.array([[1, 0], [0, 1], [1, 1], [0, 0]] * 5)
leam = LEAMClassifier(embedding_dim=4, max_epochs=2, verbose=1, random_state=0)
""",
    "model = leam.fit(texts, labels)",
    "tuner = ThresholdTuner(leam, cv=2, verbose=1).fit(texts, labels)",
    "model.explain(texts[:3])",
)


def executed(cells, folder):
    """The notebook after its cells have run with this package."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    manager = nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": folder}}
    )
    manager.create_kernel_manager()
    # This Python, whatever kernels are installed on the machine.
    spec = manager.km.kernel_spec
    spec.argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    manager.execute()
    return notebook


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return executed(RESULTS, str(tmp_path_factory.mktemp("results")))


def page(notebook, theme, folder, script=""):
    """A file with the outputs, in the style of JupyterLab."""
    exporter = nbconvert.HTMLExporter(template_name="lab", theme=theme, exclude_input=True)
    html, _ = exporter.from_notebook_node(notebook)
    # Its scripts are on servers, and of no use here.
    html = re.sub(r"<script[^>]*\bsrc=[^>]*></script>", "", html)
    path = folder / f"{theme}.html"
    path.write_text(html.replace("</body>", f"{script}</body>"), encoding="utf-8")
    return path


def chromium(path, *options):
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command = [CHROMIUM, *flags, f"--user-data-dir={path.parent / 'profile'}", *options]
    done = subprocess.run([*command, path.as_uri()], capture_output=True, text=True, timeout=120)
    return done.stdout


FACTS = """<script>
const style = (where, what) => {
  const found = [...document.querySelectorAll(where)].map(e => getComputedStyle(e)[what]);
  return [...new Set(found)];
};
const facts = {
  stripes: style('.slx tr', 'backgroundColor'),
  names: style('.slx table.grid th[scope=row]', 'textAlign'),
  numbers: style('.slx table.grid td', 'textAlign'),
  text: style('.slx .text', 'color'),
  around: [getComputedStyle(document.querySelector('.jp-RenderedHTMLCommon')).color],
  folded: document.querySelectorAll('.slx details:not([open]) article').length,
  seen: [...document.querySelectorAll('.slx article')].filter(a => a.checkVisibility()).length,
  too_wide: [...document.querySelectorAll('.slx')].some(e => e.scrollWidth > e.clientWidth),
};
document.body.innerHTML = '<pre id="facts"></pre>';
document.getElementById('facts').textContent = JSON.stringify(facts);
</script>"""


@needs_chromium
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_a_browser_makes_of_the_style(results, theme, tmp_path):
    dom = chromium(page(results, theme, tmp_path, FACTS), "--dump-dom")
    facts = json.loads(re.search(r'<pre id="facts">(.*?)</pre>', dom)[1])
    assert facts["stripes"] == ["rgba(0, 0, 0, 0)"]
    assert facts["names"] == ["left"]
    assert facts["numbers"] == ["right"]
    assert facts["text"] == facts["around"]
    assert facts["folded"] == 6
    assert facts["seen"] == 2
    assert not facts["too_wide"]


@needs_chromium
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_a_browser_shows(results, theme, tmp_path):
    pyplot = pytest.importorskip("matplotlib.image", reason="reads the picture")
    picture = tmp_path / "picture.png"
    shown = page(results, theme, tmp_path)
    chromium(shown, f"--screenshot={picture}", "--window-size=1000,1200")
    pixels = pyplot.imread(picture)[..., :3]
    brightness = pixels.mean(axis=2)
    ground = np.median(brightness)
    assert ground > 0.9 if theme == "light" else ground < 0.2
    # Letters stand out from the ground.
    assert np.count_nonzero(np.abs(brightness - ground) > 0.6) > 1000
    # Words for and against have their colours.
    red, blue = pixels[..., 0], pixels[..., 2]
    assert np.count_nonzero(blue - red > 0.1) > 500
    assert np.count_nonzero(red - blue > 0.1) > 500


def test_progress_without_warnings(tmp_path):
    notebook = executed(FITS, str(tmp_path))
    _, fit, tune, explain = (cell.outputs for cell in notebook.cells)
    for outputs, names in (
        (fit, ["LEAMClassifier: network", "Linear path"]),
        (tune, ["ThresholdTuner: fitting LEAMClassifier", "Searching thresholds"]),
    ):
        assert not [o for o in outputs if o.get("name") == "stderr"]
        said = json.dumps(outputs)
        for name in names:
            assert name in said
        assert "Warning" not in said
    (output,) = explain
    assert "text/html" in output.data
    assert output.data["text/plain"].startswith("[<Explanation of")
