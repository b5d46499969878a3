"""Expressions that make a page or docstring read as translated, and what to write instead."""

from __future__ import annotations

import re

INSTEAD = {
    r"whoever": "anyone who, or the imperative",
    r"thereby|therein|thereof|whereof": "two sentences",
    r"an own": "its own",
    r"of one's own|one's own": "your own",
    r"(is|are) none of": "is not one of",
    r"(labels|texts|words|steps|batches|weights|columns|rows) a (text|batch|fit|epoch|word)"
    r"(?! (has|is|may|needs))": "labels per text",
    r"so many (labels|texts|words|rows|tokens|steps|of them)": "this many, or that many",
    r"in the place of": "instead of",
    r"by heart": "overfit",
    r"learnt": "learned",
    r"likeliest": "most probable",
    r"for ever": "forever",
    r"shall (be|have|not)": "will, must, or the present tense",
    r"nobody|somebody": "the passive, or users",
    r"as it may be|if need be": "possibly, if necessary",
    r"no matter of|is of no use": "is not needed",
    r"puts? (it )?right": "fix",
}


def test_pages_and_docstrings_read_as_english(repository):
    files = [repository / "README.rst", repository / "CONTRIBUTING.rst"]
    files += [*repository.glob("docs/*.rst"), *repository.glob("examples/*.py")]
    # The first format of saved folders has a field of such a name.
    files += [p for p in repository.glob("sklabelemb/**/*.py") if p.name != "version_1.py"]
    # Line ends and the signs before a comment do not separate words.
    found = []
    for file in files:
        text = re.sub(r"\s+(?:#\s)?", " ", file.read_text("utf-8"))
        for expression, better in INSTEAD.items():
            for match in re.finditer(rf"\b(?:{expression})\b", text):
                around = text[max(0, match.start() - 40) : match.end() + 20]
                found.append(f"{file.relative_to(repository)}: …{around}…; better: {better}")
    assert not found, "\n".join(found)
