"""The check of the changelog, and the changelog itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import sklabelemb

SCRIPT = Path(__file__).with_name("changelog.py")


@pytest.fixture
def checkout(tmp_path):
    """A repository with a branch beside main."""

    def git(*arguments):
        own = ["-c", "user.name=A", "-c", "user.email=a@b.invalid", "-c", "commit.gpgsign=false"]
        command = ["git", *own, *arguments]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    try:
        git("init", "-b", "main")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git")

    def commit(message, **files):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/")
            path.parent.mkdir(exist_ok=True)
            path.with_suffix(".rst" if name == "CHANGELOG" else ".py").write_text(text)
        git("add", "-A")
        git("commit", "--allow-empty", "-m", message)

    commit("first", sklabelemb__a="1", CHANGELOG="a", docs__a="1")
    git("checkout", "-b", "branch")
    return commit, tmp_path


def check(folder):
    command = [sys.executable, str(SCRIPT), "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stderr


def test_a_changed_package_needs_a_line(checkout):
    commit, folder = checkout
    assert check(folder) == (0, "")
    commit("docs", docs__a="2")
    assert check(folder) == (0, "")
    (folder / "sklabelemb" / "a.py").write_text("2")  # not yet committed
    code, said = check(folder)
    assert code == 1
    assert "1 files of the package changed since main (sklabelemb/a.py" in said
    commit("change")
    assert check(folder)[0] == 1
    commit("line", CHANGELOG="b")
    assert check(folder) == (0, "")


def test_what_users_do_not_see_needs_none(checkout):
    commit, folder = checkout
    commit("change\n\nNo changelog: a comment only", sklabelemb__a="3")
    assert check(folder) == (0, "")


def test_the_version_has_a_section_of_its_own(repository):
    text = (repository / "CHANGELOG.rst").read_text(encoding="utf-8")
    sections = re.findall(r"(?m)^(\S.*)\n-{3,}$", text)
    assert sections[0].startswith(sklabelemb.__version__)
