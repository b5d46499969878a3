"""The page on architecture says what is there, and the code keeps to what it says."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "sklabelemb"
PAGE = (PACKAGE.parent / "docs" / "architecture.rst").read_text()
# Words in double backticks that are no names of ours.
FOREIGN = {
    "NeuralNet",
    "NeuralNetClassifier",
    "KeyboardInterrupt",
    "AdamW",
    "SparseAdam",
    "iterative-stratification",
    "transformers",
    "torch",
    "arange",
}


@cache
def tree() -> set[str]:
    """The files that the page's tree lists below the package, by path."""
    block = PAGE.split("   sklabelemb/\n", 1)[1].split("   tests/ ")[0]
    files, folder = set(), ""
    for line in block.splitlines():
        indent = len(line) - len(line.lstrip())
        if found := re.fullmatch(r"(\w+/)", line.strip()):
            folder = found[1]
            continue
        names = re.findall(r"\b\w+\.py\b", line)
        files |= {(folder if indent > 5 else "") + name for name in names}
    return files


@cache
def modules() -> dict[str, Path]:
    return {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path
        for path in PACKAGE.rglob("*.py")
    }


def test_every_file_is_on_the_page_and_on_disk():
    there = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py" or path.parent == PACKAGE
    }
    assert tree() == there


def test_every_name_on_the_page_exists():
    source = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    names = {name.removesuffix("()") for name in re.findall(r"``([\w.]+(?:\(\))?)``", PAGE)}
    unknown = []
    for name in sorted(names - FOREIGN):
        last = name.split(".")[-1]
        is_file = (PACKAGE.parent / name).exists() or any(
            path.name == name for path in PACKAGE.rglob("*")
        )
        if not is_file and not re.search(rf"\b{re.escape(last)}\b", source):
            unknown.append(name)
    assert unknown == []


@cache
def imports(path: Path) -> set[str]:
    """Modules of the package that a file imports, wherever in the file, and other libraries."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                module = ".".join(["sklabelemb", path.parent.name, module]).rstrip(".")
            # `from sklabelemb.mtle import network` is an import of that file.
            inner = {f"{module}.{alias.name}" for alias in node.names}
            found |= {name for name in inner if name in modules()} or {module}
    return found


def test_no_import_runs_in_a_circle():
    known = {name.removesuffix(".__init__"): path for name, path in modules().items()}
    graph = {
        name: {other for other in imports(path) if other in known and other != name}
        for name, path in known.items()
        if name != "sklabelemb"
    }
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join([*above[above.index(name) :], name])
        if name in done or name not in graph:
            return
        for other in sorted(graph[name]):
            visit(other, (*above, name))
        done.add(name)

    for name in sorted(graph):
        visit(name, ())


METHODS = ["leam", "mtle", "semantic_unit", "laco", "neural"]


@pytest.mark.parametrize("method", METHODS)
def test_methods_never_import_each_other(method):
    others = tuple(f"sklabelemb.{other}" for other in METHODS if other != method)
    for path in (PACKAGE / method).glob("*.py"):
        assert not {name for name in imports(path) if name.startswith(others)}, path.name


@pytest.mark.parametrize("folder", ["learning", "readout", "linear", "encoders", "text"])
def test_what_methods_share_knows_no_method(folder):
    for path in (PACKAGE / folder).glob("*.py"):
        above = tuple(f"sklabelemb.{name}" for name in [*METHODS, "base", "persistence", "demo"])
        assert not {name for name in imports(path) if name.startswith(above)}, path.name


def test_the_command_line_and_the_search_stand_at_the_top():
    above = {"sklabelemb.search": {"search", "commands"}, "sklabelemb.commands": {"commands"}}
    for path in PACKAGE.glob("*/*.py"):
        for name, users in above.items():
            uses = [n for n in imports(path) if n == name or n.startswith(f"{name}.")]
            assert not uses or path.parent.name in users, path


@pytest.mark.parametrize("method", METHODS)
def test_networks_import_torch_and_layers_only(method):
    allowed = ("sklabelemb.layers", "sklabelemb.encoders", f"sklabelemb.{method}")
    for name in imports(PACKAGE / method / "network.py"):
        first = name.split(".")[0]
        assert first != "sklabelemb" or name.startswith(allowed), name
        assert first not in ("sklearn", "skorch", "scipy"), name


def test_nothing_is_called_utils():
    for path in PACKAGE.rglob("*.py"):
        assert not {"utils", "helpers", "common", "misc"} & {*path.parts, path.stem}, path


LIBRARIES = ("sklearn", "skorch", "torch", "transformers", "tokenizers", "scipy", "numpy", "joblib")


def private_names(path: Path) -> set[str]:
    """Names with an underscore before them that a file takes from other libraries."""
    aliases, found = set(), set()
    nodes = list(ast.walk(ast.parse(path.read_text())))
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(LIBRARIES):
            aliases |= {alias.asname or alias.name for alias in node.names}
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        if isinstance(node, ast.Import):
            modules = [a for a in node.names if a.name.startswith(LIBRARIES)]
            aliases |= {(a.asname or a.name).split(".")[0] for a in modules}
            found |= {a.name for a in modules}
    for node in nodes:
        if isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            if name.split(".")[0] in aliases:
                found.add(name)
    private = re.compile(r"\._(?!_)")
    return {name for name in found if private.search(name)}


def test_private_names_of_other_libraries_are_in_one_file():
    using = {path.name: names for path in PACKAGE.rglob("*.py") if (names := private_names(path))}
    assert list(using) == ["sklearn_internals.py"], using
    assert all(name.startswith("sklearn.") for name in using["sklearn_internals.py"])
