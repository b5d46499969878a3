"""The demonstration, from the command line."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pytest

import sklabelemb
from sklabelemb.commands import demo as command
from sklabelemb.commands.main import main
from sklabelemb.demo import comparison
from sklabelemb.demo.summary import comparison_table, instructive, search_summary, verdict
from sklabelemb.demo.texts import Corpus, stratified_folds

ROWS = [
    ("my parcel is late again", "delivery"),
    ("please send the money back", "refund"),
    ("parcel late, I want my money back", "delivery;refund"),
    ("the courier lost my parcel", "delivery"),
    ("no money on my account yet &amp; no answer", "refund"),
    ("how do I return these shoes", "returns"),
] * 8


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture
def table(tmp_path):
    file = tmp_path / "requests.csv"
    lines = [f'"{text} number {i}","{labels}"' for i, (text, labels) in enumerate(ROWS)]
    file.write_text("\n".join(["message,topics", *lines]), encoding="utf-8")
    return file


def demo(file, tmp_path, *more, text="message", labels="topics") -> int:
    out = tmp_path / "out"
    arguments = ["--data", str(file), "--text", text, "--labels", labels, "--out", str(out)]
    return main(["demo", *arguments, "--no-search", *more])


def error_of(capsys) -> str:
    """The one line that a failed run leaves on stderr, without what stands before the message."""
    streams = capsys.readouterr()
    assert streams.out == ""
    lines = [line for line in streams.err.splitlines() if line != "Loading the libraries ..."]
    assert len(lines) == 1
    before = "sklabelemb demo: error: "
    assert lines[0].startswith(before)
    return lines[0].removeprefix(before)


# -- the command line itself -----------------------------------------------------------------------


def test_help_needs_no_heavy_library():
    done = run_python("-X", "importtime", "-m", "sklabelemb", "demo", "--help")
    assert done.returncode == 0
    assert "--save-model FOLDER" in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "sklabelemb.commands.demo" in imported
    assert not {"torch", "sklearn", "numpy", "scipy", "skorch"} & imported


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"sklabelemb {sklabelemb.__version__}\n"


def test_without_a_command_the_help_is_printed(capsys):
    assert main([]) == 0
    assert "compare LEAM with linear baselines" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--test-size", "1.5"], "argument --test-size: must be a number between 0 and 1, but is"),
        (["--test-size", "x"], "argument --test-size: must be a number between 0 and 1, but is"),
        (["--seed", "-1"], "argument --seed: must be a whole number from 0 to 4294967295, but is"),
    ],
)
def test_impossible_values_are_refused(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["demo", *arguments])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


# -- a whole run -----------------------------------------------------------------------------------


@pytest.fixture
def finished(table, tmp_path, capsys):
    model = tmp_path / "model"
    assert demo(table, tmp_path, "--save-model", str(model)) == 0
    return capsys.readouterr().out, tmp_path / "out" / "highlights.html", model


def test_multilabel_run(finished):
    printed, page, model = finished
    lines = printed.splitlines()
    assert lines[0].endswith("requests.csv: 48 texts, 3 labels, 1.2 a text")
    parts = re.fullmatch(r"(\d+) to learn from, (\d+) to test on \(stratified\)", lines[2])
    assert lines[1] == "Read as: columns separated by ','; labels separated by ';'"
    assert parts is not None
    n_train, n_test = map(int, parts.groups())
    assert n_train + n_test == 48
    assert abs(n_test - 12) <= 1

    top = next(i for i, line in enumerate(lines) if "Hamming" in line)
    assert lines[top].split() == [
        "Hamming",
        *["micro"] * 3,
        *["macro"] * 3,
        "subset",
        "fit",
        "predict",
    ]
    rows = [line.split() for line in lines[top + 2 : top + 7]]
    assert [row[0] for row in rows] == [
        "BinaryRelevance",
        "BinaryRelevance*",
        "ClassifierChain",
        "LabelPowerset",
        "LEAM",
    ]
    assert {len(row) for row in rows} == {11}
    assert all(0 <= float(value) <= 1 for row in rows for value in row[1:9])
    assert len({len(line) for line in lines[top : top + 7]}) == 1
    assert len(lines[top]) <= 100
    assert "\033" not in printed

    assert f"With {n_test} texts to test on, a few hundredths may be chance." in lines
    assert [line.split()[0] for line in lines[-3:]] == ["Open", "Run", "Read"]
    assert str(page) in lines[-3]

    html = page.read_text(encoding="utf-8")
    assert 5 <= html.count("<article>") <= 8
    assert html.count("<mark class=") > 5
    assert '<bdi class="name">delivery</bdi>' in html
    # The page shows what the model read, cleaned, and escaped once.
    assert "&amp;amp;" not in html

    assert f"sklabelemb.load({str(model)!r})" in printed
    loaded = sklabelemb.load(model)
    assert loaded.predict(["the parcel is late"]).shape == (1, 3)


def test_single_label_run(tmp_path, capsys):
    file = tmp_path / "classes.jsonl"
    rows = [{"text": text, "labels": [label]} for text, label in ROWS if ";" not in label]
    rows.append({"text": "something quite different", "labels": ["other"]})
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert demo(file, tmp_path, text="text", labels="labels") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("41 texts, 4 classes, one per text")
    assert lines[1] == "Read as: JSON lines; lists of labels"
    assert lines[3] == (
        "Note: 1 of 4 labels have fewer than 2 texts (other). They are kept, but cannot be in "
        "both training and test texts."
    )
    header = next(line for line in lines if "accuracy" in line)
    assert header.split() == ["accuracy", "prec.", "recall", "F1", "sec.", "sec."]
    names = [line.split()[0] for line in lines if re.match(r"\w+ +\d", line)]
    assert "BinaryRelevance" in names
    assert "LEAM" in names
    assert not any("ClassifierChain" in line or "Hamming" in line for line in lines)
    assert any(line.startswith("LEAM's accuracy is ") for line in lines)
    assert "<article>" in (tmp_path / "out" / "highlights.html").read_text(encoding="utf-8")


def test_columns_of_0_and_1(tmp_path, capsys):
    file = tmp_path / "columns.tsv"
    lines = [
        f"{text}\t{int('delivery' in labels)}\t{int('refund' in labels)}" for text, labels in ROWS
    ]
    file.write_text("\n".join(["text\tlate\tmoney", *lines]), encoding="utf-8")
    out = str(tmp_path / "out")
    arguments = ["--data", str(file), "--labels", "late", "money", "--out", out, "--no-search"]
    assert main(["demo", *arguments, "--delimiter", "\\t"]) == 0
    assert "48 texts, 2 labels, 1.0 a text" in capsys.readouterr().out


def test_search_tries_every_window_size(table, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(comparison, "cpu_count", lambda: 1)
    monkeypatch.setattr(comparison, "WINDOW_SIZES", (0, 2))
    arguments = ["--data", str(table), "--text", "message", "--labels", "topics"]
    assert main(["demo", *arguments, "--out", str(tmp_path / "out")]) == 0
    streams = capsys.readouterr()
    assert re.search(r"^LEAM \(best r = [02]\) ", streams.out, re.M)
    assert re.search(r"in 3-fold cross-validation on the 3\d texts to learn from", streams.out)
    assert len(re.findall(r"^  r = [02]   \d\.\d{3} ± \d\.\d{3}", streams.out, re.M)) == 2
    assert streams.out.count("<- best") == 1
    assert "[5/7] LEAM, search: 6 fits" in streams.err


def test_pretrained_vectors(table, tmp_path, capsys):
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("parcel 1 0 0\nmoney 0 1 0\nzebra 0 0 1\n", encoding="utf-8")
    assert demo(table, tmp_path, "--vectors", str(vectors)) == 0
    assert f"{vectors}: vectors for 2 words" in capsys.readouterr().out


# -- what can go wrong -----------------------------------------------------------------------------


def test_missing_file(tmp_path, capsys):
    assert demo(tmp_path / "none.csv", tmp_path) == 2
    assert error_of(capsys) == f"{tmp_path / 'none.csv'} is not a file."


def test_missing_column(table, tmp_path, capsys):
    assert demo(table, tmp_path, labels="labels") == 2
    assert error_of(capsys) == (
        f"{table} has no column 'labels'; its columns are: 'message', 'topics'. Name the right "
        "ones with --text and --labels; for a table without a row of names, pass --no-header and "
        "count them: --text 0 --labels 1."
    )


def test_no_labels(tmp_path, capsys):
    file = tmp_path / "empty.csv"
    file.write_text("message,topics\n" + "late parcel,\n" * 30, encoding="utf-8")
    assert demo(file, tmp_path) == 2
    assert error_of(capsys) == f"{file}: no row has a label in 'topics'. Is it the right column?"


def test_one_label_only(tmp_path, capsys):
    file = tmp_path / "one.csv"
    file.write_text("message,topics\n" + "late parcel,delivery\n" * 30, encoding="utf-8")
    assert demo(file, tmp_path) == 2
    assert error_of(capsys) == f"{file} has only one label, 'delivery': nothing to choose from."


def test_too_few_texts(tmp_path, capsys):
    file = tmp_path / "few.csv"
    file.write_text("message,topics\nlate,delivery\nmoney,refund\n", encoding="utf-8")
    assert demo(file, tmp_path) == 2
    assert error_of(capsys) == (
        f"{file} has 2 texts: too few to learn from and to test on. The demo needs 20 at least, "
        "and some hundreds to show anything."
    )


def test_test_size_that_leaves_nothing(table, tmp_path, capsys):
    assert demo(table, tmp_path, "--test-size", "0.01") == 2
    assert re.fullmatch(
        r"A test size of 0\.01 cuts 48 texts into \d+ to learn from and \d+ to test on: choose one "
        r"closer to 0\.25\.",
        error_of(capsys),
    )


def test_wrong_encoding(tmp_path, capsys):
    file = tmp_path / "windows.csv"
    file.write_bytes("message,topics\nGröße,returns\n".encode("cp1252"))
    assert demo(file, tmp_path) == 2
    assert error_of(capsys).endswith(
        "for instance --encoding cp1252 for a file written on Windows."
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file of word vectors at "),
        ("zebra 1 0\n", "vectors.txt has a vector for none of the"),
    ],
)
def test_unusable_vectors(table, tmp_path, capsys, content, message):
    file = tmp_path / "vectors.txt"
    if content:
        file.write_text(content, encoding="utf-8")
    assert demo(table, tmp_path, "--vectors", str(file)) == 2
    assert message in error_of(capsys)


def test_file_in_the_place_of_the_folder(tmp_path, capsys):
    (tmp_path / "taken").write_text("", encoding="utf-8")
    assert main(["demo", "--out", str(tmp_path / "taken")]) == 2
    assert error_of(capsys) == f"cannot make the folder {tmp_path / 'taken'}: File exists."


@pytest.mark.parametrize("option", [["--text", "x"], ["--label-separator", ";"], ["--no-quotes"]])
def test_options_that_need_a_file(option, capsys):
    assert main(["demo", *option]) == 2
    assert error_of(capsys) == (
        f"{option[0]} is about a file of your own: name it with --data FILE."
    )


def test_delimiter_of_two_signs(table, tmp_path, capsys):
    assert demo(table, tmp_path, "--delimiter", "||") == 2
    assert error_of(capsys) == "--delimiter must be a single sign, but is '||'."


def test_interruption_is_no_traceback(table, tmp_path, capsys, monkeypatch):
    def interrupt(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "run", interrupt)
    assert demo(table, tmp_path) == 130
    assert capsys.readouterr().err == "\ninterrupted\n"


# -- the parts -------------------------------------------------------------------------------------


def result(name, **scores):
    keys = ["hamming", "accuracy", "fit", "predict"]
    keys += [f"{a}_{m}" for a in ("micro", "macro") for m in ("precision", "recall", "f1")]
    return comparison.Result(name, dict.fromkeys(keys, 0.5) | scores, None, None)


def test_best_values_are_bold_on_a_terminal_only():
    results = [result("a", hamming=0.1, micro_f1=0.7), result("b", hamming=0.2, micro_f1=0.8)]
    plain = comparison_table(results, multilabel=True, bold=False)
    marked = comparison_table(results, multilabel=True, bold=True)
    assert re.sub(r"\033\[[01]m", "", marked) == plain
    bold = re.findall(r"\033\[1m *(.*?)\033\[0m", marked)
    assert "0.100" in bold
    assert "0.800" in bold
    assert "0.200" not in bold
    assert "0.700" not in bold


@pytest.mark.parametrize(
    ("leam", "said"), [(0.8, "0.100 above"), (0.6, "0.100 below"), (0.7, "level with")]
)
def test_verdict_names_the_best_baseline_whoever_wins(leam, said):
    results = [result("A", micro_f1=0.6), result("B", micro_f1=0.7), result("L", micro_f1=leam)]
    sentence = verdict(results, multilabel=True, n_tests=5000)
    assert sentence.startswith(f"LEAM's micro-F1 is {said} that of the best baseline, B.\n")
    assert "chance" not in sentence


@pytest.mark.parametrize(("deviation", "flat"), [(0.01, False), (0.2, True)])
def test_summary_says_when_the_window_size_hardly_matters(deviation, flat):
    search = comparison.Search(2, {0: 0.5, 2: 0.6}, {0: deviation, 2: deviation}, 1.0)
    summary = search_summary(search, n_texts=10, multilabel=False)
    assert "accuracy in 3-fold" in summary
    assert ("r hardly matters on these texts" in summary) is flat
    assert f"r = 2   0.600 ± {deviation:.3f}  <- best" in summary


def test_instructive_texts_are_of_every_kind():
    text = "a text that is long enough to be worth while and short enough to be read by anyone"
    cases = [
        (["a"], ["a"], text),
        (["a", "b"], ["a", "b"], text * 20),
        (["a", "b"], ["a", "b"], text),
        (["a", "b"], ["a"], text),
        (["a"], ["b"], text),
        (["c"], ["c"], text),
        ([], [], text),
        (["a"], ["a"], "  "),
    ]
    true, predicted, texts = zip(*cases, strict=True)
    assert instructive(texts, true, predicted, n=4) == [2, 5, 3, 4]
    # Empty texts, and texts without any label, are never shown.
    assert set(instructive(texts, true, predicted, n=20)) == {0, 1, 2, 3, 4, 5}


@pytest.mark.parametrize("multilabel", [True, False])
def test_folds_are_a_stratified_partition(multilabel):
    y = np.array([0, 0, 0, 1] * 15)
    target = np.column_stack([y, 1 - y]) if multilabel else y
    folds = stratified_folds(target, 3, 0)
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(60))
    for train, test in folds:
        assert not set(train) & set(test)
        assert y[test].sum() == 5


def test_many_labels_leave_out_the_slow_baselines():
    names = [str(k) for k in range(101)]
    nothing = np.empty(0, dtype=int)
    corpus = Corpus("x", np.empty(0), np.zeros((0, 101)), names, names, nothing, nothing)
    assert list(comparison.baselines(corpus)) == ["BinaryRelevance", "BinaryRelevance*"]
