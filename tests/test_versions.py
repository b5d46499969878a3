"""What pyproject.toml says of other libraries is what the code imports."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

from . import versions

PACKAGE = versions.ROOT / "sklabelemb"
# Where the name to import is not the name to install.
DISTRIBUTIONS = {
    "huggingface_hub": "huggingface-hub",
    "iterstrat": "iterative-stratification",
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
}
# Used where people have them already; no extra installs them.
UNDECLARED = {"umap-learn"}


def project() -> dict:
    path = versions.ROOT / "pyproject.toml"
    if not path.is_file():
        pytest.skip("needs a checkout")
    return tomllib.loads(path.read_text(encoding="utf-8"))["project"]


def names(lines: list[str]) -> set[str]:
    return {re.split(r"[><=!~ ;\[]", line)[0] for line in lines}


def imported() -> tuple[set[str], set[str]]:
    """What is imported when a file is, and what only when something is called."""
    at_once: set[str] = set()
    in_all: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            found: list[str] = []
            if isinstance(node, ast.Import):
                found = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found = [str(node.module)]
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "import_optional":
                found = [ast.literal_eval(node.args[0])]
            first = {name.split(".")[0] for name in found}
            in_all |= first
            at_once |= first if node in tree.body else set()
    own = {"sklabelemb", *sys.stdlib_module_names}
    return (
        {DISTRIBUTIONS.get(name, name) for name in at_once - own},
        {DISTRIBUTIONS.get(name, name) for name in in_all - own},
    )


def test_what_is_imported_is_declared_and_the_other_way_round():
    declared = names(project()["dependencies"])
    extras = set().union(*map(names, project()["optional-dependencies"].values()))
    at_once, in_all = imported()
    assert at_once <= declared
    assert declared <= in_all
    assert in_all <= declared | extras | UNDECLARED


def test_what_an_error_says_to_install_brings_the_library():
    extras = project()["optional-dependencies"]
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "import_optional":
                words = {word.arg: ast.unparse(word.value).strip("'") for word in node.keywords}
                library = ast.literal_eval(node.args[0]).split(".")[0]
                wanted = DISTRIBUTIONS.get(library, library)
                assert words.get("distribution", wanted) == wanted
                if "extra" in words:
                    assert wanted in names(extras[words["extra"]]), (path, library)


def test_every_dependency_has_a_lower_bound_and_a_pin_not_below_it():
    pins = dict(
        line.split("==")
        for line in (versions.ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line and not line.startswith("#")
    )
    bounds = versions.requirements(tuple(project()["optional-dependencies"]))
    assert {name.lower() for name in bounds} <= set(pins)

    def numbers(version: str) -> list[int]:
        return [int(part) for part in re.findall(r"\d+", version)]

    assert [n for n, bound in bounds.items() if numbers(pins[n.lower()]) < numbers(bound)] == []


def test_the_oldest_python_is_the_one_that_is_tried():
    assert project()["requires-python"] == f">={versions.PYTHONS[0]}"
    classified = [c.rpartition(" ")[2] for c in project()["classifiers"] if "Python :: 3." in c]
    assert classified == versions.PYTHONS


def test_the_table_of_runs():
    run = {"versions": "lowest", "installed": {"python": "3.11.7", "torch": "2.6.0"}}
    shown = versions.table([run | {"passed": 3, "failed": ["a"]}])
    assert shown.splitlines()[3].split() == ["lowest", "3.11.7", "2.6.0", "3", "1"]


@pytest.mark.parametrize("version", ["3.2"])
def test_a_python_that_is_not_there(version):
    assert versions.interpreter(version) is None


def test_its_folder_is_kept(tmp_path):
    with versions.place(tmp_path / "environments") as folder:
        assert folder == Path(tmp_path, "environments").resolve()
    assert folder.is_dir()
    with versions.place(None) as folder:
        assert folder.is_dir()
    assert not folder.exists()
