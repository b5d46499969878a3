"""Does a change of the package have its line in the changelog?

``python tests/changelog.py`` compares the working tree with where it left ``main``, or another
branch (``--base``). What users do not see needs no line: a commit message says so in a line that
begins with "No changelog:".
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

CHANGELOG = "CHANGELOG.rst"


def git(folder: Path, *arguments: str) -> str:
    """What git answers; an error if it has none."""
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def fault(folder: Path, base: str) -> str | None:
    """What is missing, as a sentence, or None."""
    start = git(folder, "merge-base", base, "HEAD").strip()
    changed = git(folder, "diff", "--name-only", start).splitlines()
    changed += git(folder, "ls-files", "--others", "--exclude-standard").splitlines()
    package = [name for name in changed if name.startswith("sklabelemb/")]
    if not package or CHANGELOG in changed:
        return None
    messages = git(folder, "log", "--format=%B", f"{start}..HEAD")
    if re.search(r"(?m)^No changelog: *\S", messages):
        return None
    return (
        f"{len(package)} files of the package changed since {base} ({package[0]} for one), but "
        f"{CHANGELOG} did not. Write a line for what users see; if they see nothing, say why in a "
        'commit message, in a line that begins with "No changelog:".'
    )


def main() -> int:
    """Print what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--base", default="main", help="branch to compare with (default: main)")
    parser.add_argument("--folder", type=Path, default=Path(__file__).resolve().parents[1])
    arguments = parser.parse_args()
    missing = fault(arguments.folder, arguments.base)
    if missing:
        print(missing, file=sys.stderr)
    return int(missing is not None)


if __name__ == "__main__":
    raise SystemExit(main())
