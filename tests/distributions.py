"""Do the wheel and the source distribution work, installed where nothing else is?

``python tests/distributions.py`` builds both, installs the wheel with all that it asks for into a
fresh environment, and fits, saves, loads and serves a small model there, in a folder of its own.
Then the source distribution takes the wheel's place, built by pip, and does the same. Takes some
minutes, most of them for torch, and some GB in a temporary folder.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TRIAL = """
import sys
from importlib import metadata
from pathlib import Path
import sklabelemb
from sklabelemb import LEAMClassifier, load, save, serving
from sklabelemb.datasets import load_support_requests

assert Path(sklabelemb.__file__).is_relative_to(sys.prefix), sklabelemb.__file__
assert metadata.version("sklabelemb") == sklabelemb.__version__
X, y = load_support_requests(return_X_y=True)
model = LEAMClassifier(max_epochs=1, random_state=0).fit(X[:200], y[:200])
save(model, "model", overwrite=True)
expected = model.predict(X[200:210])
assert (load("model").predict(X[200:210]) == expected).all()
assert (serving.load("model").predict(X[200:210]) == expected).all()
assert "slx" in model.explain(X[200:201])._repr_html_()
print("fitted, saved, loaded, served, shown with", sklabelemb.__version__)
"""


def run(*command: str | Path, folder: Path = ROOT) -> str:
    """What a command prints; an error with all of it if it fails."""
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def environment(folder: Path) -> Path:
    """The Python of a fresh environment."""
    venv.create(folder, with_pip=True)
    return folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"


def main() -> None:
    """Build, install and try both."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, help="where to put it all; stays (default: none)")
    given = parser.parse_args().folder
    constraints = ROOT / "constraints.txt"
    pins = constraints.read_text(encoding="utf-8").splitlines()
    torch = next(pin for pin in pins if pin.startswith("torch=="))
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given or Path(temporary)).resolve()
        (folder / "trial").mkdir(parents=True, exist_ok=True)
        builder = environment(folder / "builder")
        quiet = ("-m", "pip", "--disable-pip-version-check", "install", "--quiet")
        run(builder, *quiet, "-c", constraints, "hatchling")
        run(builder, "-m", "hatchling", "build", "-d", folder / "dist")
        (wheel,) = (folder / "dist").glob("*.whl")
        (source,) = (folder / "dist").glob("*.tar.gz")
        print("built", wheel.name, "and", source.name, flush=True)
        python = environment(folder / "fresh")
        run(python, *quiet, "-c", constraints, torch)
        for built, options in ((wheel, ()), (source, ("--force-reinstall", "--no-deps"))):
            run(python, *quiet, "-c", constraints, *options, built)
            run(python, "-m", "pip", "check")
            print(built.name, "-", run(python, "-I", "-c", TRIAL, folder=folder / "trial").strip())


if __name__ == "__main__":
    main()
