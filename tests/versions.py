"""Are the lower bounds of pyproject.toml true, and do the newest releases work?

``python tests/versions.py`` makes an environment with the lowest versions that pyproject.toml
allows, on the oldest Python that it allows, and one with the newest of everything on each Python
that it can find, runs part of the tests in each, prints a table and writes a JSON file.

Environments are several GB, most of it torch: the builds for x86-64 Linux bring CUDA along, also
where there is no GPU. They go into a temporary folder, or into ``--folder``, where they stay and
are not made again. ``--torch 2.13.0`` takes that release in place of the lowest or newest. What
else is given goes to pytest: ``-m "not slow" -n 2``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# The parts of the package that face other libraries.
TESTS = ["tests/contract", "tests/targets", "tests/persistence", "tests/datasets"]
EXTRAS = ("hf", "plot", "dev")
# What checks the code or its coverage; no test imports it.
TOOLS = {"mypy", "pre-commit", "pytest-cov", "ruff"}
PYTHONS = ["3.11", "3.12", "3.13"]


def requirements(extras: tuple[str, ...] = EXTRAS) -> dict[str, str]:
    """The lower bound of each package, as pyproject.toml gives it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    bounds: dict[str, str] = {}
    for line in lines:
        found = re.fullmatch(r"([A-Za-z0-9._-]+)>=([0-9.]+)", line)
        if found is None:
            raise ValueError(f"pyproject.toml asks for {line!r}; expected a name and a lower bound")
        name, bound = found.groups()
        if bounds.setdefault(name, bound) != bound:
            raise ValueError(f"pyproject.toml has two lower bounds of {name}")
    return bounds


def interpreter(version: str) -> str | None:
    """A Python of this version, if there is one."""
    candidates = [shutil.which(f"python{version}"), sys.executable]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    candidates += [str(path / "bin" / "python") for path in sorted(pyenv.glob(f"{version}.*"))]
    for candidate in filter(None, candidates):
        asked = "import sys, ensurepip, venv; print('%d.%d' % sys.version_info[:2])"
        done = subprocess.run([candidate, "-c", asked], capture_output=True, text=True)
        if done.stdout.strip() == version:
            return candidate
    return None


def make(folder: Path, python: str, bounds: dict[str, str], lowest: bool, torch: str | None) -> str:
    """Make an environment; return what its Python is called."""
    inside = str(folder / "bin" / "python")
    wanted = {name: f"{name}=={bound}" if lowest else name for name, bound in bounds.items()}
    if torch is not None:
        wanted["torch"] = f"torch=={torch}"
    pip = [inside, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    # What it was made for: other bounds need another environment.
    complete = folder / "complete"
    lines = "\n".join(wanted.values()) + "\n"
    if not complete.exists() or complete.read_text(encoding="utf-8") != lines:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python, "-m", "venv", str(folder)], check=True)
        subprocess.run([*pip, "--upgrade", "pip"], check=True)
        # By its own: a constraint beside others may choose another build of it.
        subprocess.run([*pip, wanted["torch"]], check=True)
        subprocess.run([*pip, *(w for name, w in wanted.items() if name != "torch")], check=True)
        complete.write_text(lines, encoding="utf-8")
    # Each time: the environment may have been made for another checkout.
    subprocess.run([*pip, "--no-deps", "--editable", str(ROOT)], check=True)
    return inside


def installed(python: str, names: list[str]) -> dict[str, str]:
    """The versions of these packages in an environment."""
    code = "import json, sys; from importlib import metadata; print(json.dumps({n: "
    code += "metadata.version(n) for n in sys.argv[1:]} | {'python': sys.version.split()[0]}))"
    done = subprocess.run([python, "-c", code, *names], capture_output=True, text=True, check=True)
    versions: dict[str, str] = json.loads(done.stdout)
    return versions


def run_tests(python: str, tests: list[str], options: list[str]) -> dict[str, Any]:
    """Run pytest in an environment; return its counts and the names of what failed."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [python, "-m", "pytest", "-q", *tests, *options, f"--junit-xml={report}"]
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        environment |= {"OMP_NUM_THREADS": "1"}
        subprocess.run(command, cwd=ROOT, env=environment, check=False)
        cases = list(ET.parse(report).iter("testcase")) if report.exists() else []
    failed = [
        f"{case.get('classname')}::{case.get('name')}"
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    ]
    skipped = sum(case.find("skipped") is not None for case in cases)
    return {
        "passed": len(cases) - len(failed) - skipped,
        "skipped": skipped,
        "failed": failed,
        "seconds": round(time.perf_counter() - started),
    }


def table(runs: list[dict[str, Any]]) -> str:
    """The runs as a table of reStructuredText."""
    shown = ["python", "torch", "scikit-learn", "numpy", "scipy", "pandas", "transformers"]
    header = ["versions", *shown, "passed", "failed"]
    rows = [
        [
            run["versions"],
            *(run["installed"].get(name, "") for name in shown),
            str(run["passed"]),
            str(len(run["failed"])),
        ]
        for run in runs
    ]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    line = "  ".join("=" * width for width in widths)
    body = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [header, *rows]
    ]
    return "\n".join([line, body[0], line, *body[1:], line])


@contextlib.contextmanager
def place(folder: Path | None) -> Iterator[Path]:
    """The folder of the environments: the one given, or a temporary one."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder.resolve()
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield Path(temporary)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--which", choices=["lowest", "newest"], nargs="+")
    parser.add_argument("--python", nargs="+", default=PYTHONS, help="versions, such as 3.12")
    parser.add_argument("--torch", help="this release of torch in every environment")
    parser.add_argument("--folder", type=Path, help="where environments are kept")
    parser.add_argument("--tests", nargs="+", default=TESTS)
    parser.add_argument("--out", type=Path, help="the JSON file")
    arguments, options = parser.parse_known_args()
    bounds = {k: v for k, v in requirements().items() if k not in TOOLS}
    pythons = {version: interpreter(version) for version in arguments.python}
    for version in [version for version, found in pythons.items() if found is None]:
        print(f"There is no Python {version} here.", file=sys.stderr)
        del pythons[version]
    wanted = [("newest", version) for version in pythons]
    if PYTHONS[0] in pythons:
        wanted.insert(0, ("lowest", PYTHONS[0]))
    runs = []
    with place(arguments.folder) as folder:
        for which, version in wanted:
            if arguments.which and which not in arguments.which:
                continue
            inside = make(
                folder / f"{which}-{version}",
                str(pythons[version]),
                bounds,
                which == "lowest",
                arguments.torch,
            )
            run = {"versions": which, "installed": installed(inside, sorted(bounds))}
            runs.append(run | run_tests(inside, arguments.tests, options))
            if arguments.out is not None:
                text = json.dumps(runs, indent=1) + "\n"
                arguments.out.write_text(text, encoding="utf-8")
    print(table(runs))
    for run in runs:
        for name in run["failed"]:
            print(f"failed with the {run['versions']}, Python {run['installed']['python']}: {name}")
    if not runs or any(run["failed"] or not run["passed"] for run in runs):
        raise SystemExit("Not every environment passed.")


if __name__ == "__main__":
    main()
