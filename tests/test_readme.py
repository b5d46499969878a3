"""What the first screen of the README shows is what comes out."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest

from sklabelemb.datasets import load_support_requests

pytestmark = pytest.mark.whole_linear_path


def test_the_first_example_of_the_readme_shows_what_it_returns(repository, tmp_path, monkeypatch):
    pd = pytest.importorskip("pandas")
    data = load_support_requests()
    cells = [";".join(np.array(data.target_names)[row == 1]) for row in data.target]
    pd.DataFrame({"text": data.data, "labels": cells}).to_csv(tmp_path / "mail.csv", index=False)
    monkeypatch.chdir(tmp_path)

    _, _, rest = (repository / "README.rst").read_text("utf-8").partition(":: python\n\n")
    lines = [line.strip() for line in re.split(r"\n(?=\S)", rest)[0].splitlines() if line.strip()]
    names: dict[str, object] = {}
    shown = 0
    for line, after in pairwise([*lines, ""]):
        if after.startswith("# "):
            shown += 1
            assert repr(eval(line, names)) == after[2:]
        elif not line.startswith("#"):
            exec(line, names)
    assert shown == 2
