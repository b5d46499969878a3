"""The package as a whole: what importing it costs, what it offers, what lies in the repository."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import sklabelemb


def run_python(code: str) -> str:
    """Run code in an interpreter of its own, where nothing is imported yet."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# -- importing -------------------------------------------------------------------------------------


def test_import_loads_no_heavy_library():
    loaded = json.loads(
        run_python(
            "import json, sys, sklabelemb; dir(sklabelemb); sklabelemb.__version__;"
            "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
        )
    )
    assert "sklabelemb" in loaded
    assert not {"torch", "sklearn", "skorch", "scipy", "numpy", "pandas"} & set(loaded)


def test_what_serves_any_classifier_loads_no_torch_and_a_star_brings_all_names():
    # One interpreter for both, since a star loads torch and all else.
    loaded, brought = run_python(
        "import sys, sklabelemb.baselines, sklabelemb.datasets\n"
        "from sklabelemb import comparison, meta, metrics, model_selection\n"
        "meta.ThresholdTuner, metrics.SCORERS\n"
        "print('torch' in sys.modules, 'matplotlib' in sys.modules)\n"
        "from sklabelemb import *\n"
        "print(*sorted(globals()))"
    ).splitlines()
    assert loaded.split() == ["False", "False"]
    assert set(sklabelemb.__all__) <= set(brought.split())


@pytest.mark.parametrize("name", sklabelemb.__all__)
def test_public_name_resolves(name):
    value = getattr(sklabelemb, name)
    assert getattr(sklabelemb, name) is value
    # Where an object says what it is called, it is the name that it is offered under.
    assert getattr(value, "__name__", name).rpartition(".")[2] == name


def test_dir_lists_public_names_before_their_first_use():
    listed = run_python("import sklabelemb; print(*dir(sklabelemb))").split()
    assert {name for name in listed if not name.startswith("__")} == {
        name for name in sklabelemb.__all__ if name != "__version__"
    }
    assert {"__file__", "__name__", "__path__", "__version__"} <= set(listed)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("LEAMClasifier", "LEAMClassifier"), ("BinaryRelevence", "BinaryRelevance"), ("lod", "load")],
)
def test_misspelt_name_is_answered_with_the_right_one(wrong, right):
    message = f"module 'sklabelemb' has no attribute '{wrong}'. Did you mean '{right}'?"
    with pytest.raises(AttributeError, match=f"^{re.escape(message)}$"):
        getattr(sklabelemb, wrong)


def test_unknown_name_is_the_usual_error():
    with pytest.raises(AttributeError, match=r"^module 'sklabelemb' has no attribute 'qqqqq'$"):
        _ = sklabelemb.qqqqq
    with pytest.raises(ImportError, match="cannot import name 'qqqqq'"):
        from sklabelemb import qqqqq  # noqa: F401


# -- the distribution ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def distribution() -> metadata.Distribution:
    try:
        return metadata.distribution("sklabelemb")
    except metadata.PackageNotFoundError:
        pytest.skip("sklabelemb is imported from its folder without being installed")


def test_metadata_agrees_with_the_package(distribution):
    assert distribution.version == sklabelemb.__version__
    assert distribution.metadata["Name"] == "sklabelemb"
    assert distribution.metadata["License-Expression"] == "BSD-3-Clause"
    assert distribution.metadata["Requires-Python"] == ">=3.11"
    assert distribution.metadata["Summary"].rstrip(".") in sklabelemb.__doc__
    assert set(distribution.metadata.get_all("Provides-Extra")) == {
        "dev",
        "accelerate",
        "dask",
        "distill",
        "docs",
        "hf",
        "plot",
        "ray",
        "spark",
        "static",
    }


def test_package_says_that_it_is_typed():
    assert (Path(sklabelemb.__file__).parent / "py.typed").is_file()


def canonical(requirement: str) -> str:
    """Return the name that a requirement asks for, as the packaging standard compares names."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None, requirement
    return re.sub(r"[-_.]+", "-", name.group()).lower()


def test_every_requirement_is_pinned_once_and_in_constraints_only(distribution, repository):
    lines = (repository / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9.a-z]*", pin) for pin in pins), pins
    pinned = [canonical(pin) for pin in pins]
    assert len(pinned) == len(set(pinned))

    assert distribution.requires is not None
    assert {canonical(requirement) for requirement in distribution.requires} <= set(pinned)
    versions = [requirement.partition(";")[0] for requirement in distribution.requires]
    assert not [version for version in versions if "==" in version]


# -- the repository --------------------------------------------------------------------------------

# Put together from parts, lest this file be found to hold what it looks for.
REGISTRY_HOSTS = [
    ".".join(parts)
    for parts in [
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("download", "pytorch", "org"),
        ("registry", "npmjs", "org"),
        ("anaconda", "org"),
    ]
]


@pytest.fixture(scope="module")
def tracked(repository) -> dict[str, Path]:
    """The files that git keeps, by their path in the repository."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"],
            cwd=repository,
            capture_output=True,
            check=True,
            timeout=60,
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git and a checkout")
    paths = {name: repository / name for name in listed.stdout.decode().split("\0") if name}
    return {name: path for name, path in paths.items() if path.is_file()}


def found(pattern: str, files: dict[str, Path]) -> list[str]:
    """Return ``file:line: text`` for every match."""
    compiled = re.compile(pattern)
    return [
        f"{name}:{number}: {match.group()}"
        for name, path in files.items()
        for number, line in enumerate(path.read_text("utf-8", errors="ignore").splitlines(), 1)
        for match in compiled.finditer(line)
    ]


def test_no_file_holds_a_path_of_one_machine(tracked, repository):
    here = {repository, repository.parent / "shared", Path.home()}
    exact = "|".join(re.escape(str(path)) for path in here if len(path.parts) > 1)
    homes = r"/(?:home|Users|root)/[A-Za-z0-9_.]"
    assert found(rf"(?<![\w.-])(?:(?:{exact})(?![\w-])|{homes})", tracked) == []


def test_no_file_names_the_host_of_a_package_registry(tracked):
    hosts = "|".join(re.escape(host) for host in REGISTRY_HOSTS)
    assert found(rf"\b(?:{hosts})\b", tracked) == []


def test_no_file_is_too_large_for_a_repository_of_code(tracked):
    sizes = {name: path.stat().st_size for name, path in tracked.items()}
    assert {name: size for name, size in sizes.items() if size > 1_000_000} == {}
