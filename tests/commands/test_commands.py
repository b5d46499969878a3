"""The commands train, predict, evaluate, explain and compare, from files to files."""

from __future__ import annotations

import argparse
import contextlib
import csv
import inspect
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

import sklabelemb
from sklabelemb.commands import models, predict
from sklabelemb.commands.main import main
from sklabelemb.datasets import load_table

ROWS = [
    ("my parcel is late again", "delivery"),
    ("please send the money back", "refund"),
    ("parcel late, I want my money back", "delivery;refund"),
    ("the courier lost my parcel", "delivery"),
    ("no money on my account yet", "refund"),
    ("how do I return these shoes", "returns"),
] * 8


def write_table(file, rows, head=("id", "message", "topics")):
    with file.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(head)
        table.writerows((i, *row) for i, row in enumerate(rows))
    return str(file)


COLUMNS = ["--text", "message", "--labels", "topics"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("commands")


@pytest.fixture(scope="module")
def table(folder):
    return write_table(
        folder / "mail.csv", [(f"{t} number {i}", y) for i, (t, y) in enumerate(ROWS)]
    )


@pytest.fixture(scope="module")
def linear(folder, table):
    out = str(folder / "linear")
    assert main(["train", table, *COLUMNS, "--model", out, "--classifier", "linear"]) == 0
    return out


@pytest.fixture(scope="module")
def leam(folder, table):
    out = str(folder / "leam")
    small = ["--set", "embedding_dim=8", "--set", "max_epochs=2", "--set", "wide=False"]
    assert main(["train", table, *COLUMNS, "--model", out, *small, "--test-size", "0"]) == 0
    return out


@pytest.fixture(scope="module")
def classes(folder):
    rows = [(t, y) for t, y in ROWS if ";" not in y]
    file = write_table(folder / "classes.csv", rows)
    out = str(folder / "classes")
    assert main(["train", file, *COLUMNS, "--model", out, "--classifier", "linear"]) == 0
    return out, file


def error_of(capsys, command: str) -> str:
    streams = capsys.readouterr()
    lines = streams.err.splitlines()
    before = f"sklabelemb {command}: error: "
    assert lines[-1].startswith(before), streams.err
    assert "Traceback" not in streams.err
    return lines[-1].removeprefix(before)


def piped(monkeypatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


# -- train -----------------------------------------------------------------------------------------


def test_train_keeps_texts_aside_and_says_so_in_the_card(linear):
    card = Path(linear, "README.md").read_text("utf-8")
    assert "Trained on 43 texts." in card
    assert "On 5 of the 48 texts of mail.csv, kept aside (stratified)." in card
    assert "| micro-F1 |" in card
    assert "| delivery | 2" in card
    assert sklabelemb.load(linear).label_names_.tolist() == ["delivery", "refund", "returns"]


def test_train_says_what_was_guessed_and_prints_scores(table, tmp_path, capsys):
    arguments = ["train", table, *COLUMNS, "--classifier", "linear", "--model", str(tmp_path / "m")]
    assert main([*arguments, "--json"]) == 0
    streams = capsys.readouterr()
    found = json.loads(streams.out)
    assert found["train_texts"] == 43
    assert found["test_texts"] == 5
    assert found["labels"] == ["delivery", "refund", "returns"]
    assert 0 <= found["scores"]["micro-F1"] <= 1
    assert streams.err == (
        "mail.csv: 48 documents, 3 labels (columns separated by ','; labels separated by ';')\n"
    )
    assert main(arguments) == 2
    assert "holds a saved model already. Choose another one, or pass --force" in error_of(
        capsys, "train"
    )
    assert main([*arguments, "--force", "--test-size", "0"]) == 0
    assert capsys.readouterr().out == (
        f"Saved {tmp_path / 'm'}: ThresholdTuner, trained on 48 texts.\n"
    )
    assert "## Scores" not in (tmp_path / "m" / "README.md").read_text("utf-8")


def test_refit_and_a_test_file(table, folder, tmp_path, capsys):
    test = write_table(tmp_path / "test.csv", [("my parcel", "delivery"), ("my money", "")])
    arguments = ["train", table, *COLUMNS, "--classifier", "linear", "--model", str(tmp_path / "m")]
    assert main([*arguments, "--test", test]) == 0
    printed = capsys.readouterr().out
    assert "Scores on the 2 texts of test.csv:" in printed
    assert "trained on 48 texts." in printed
    assert main([*arguments, "--refit", "--force"]) == 0
    printed = capsys.readouterr().out
    assert "kept aside (stratified), by the same model trained on the others:" in printed
    assert "trained on 48 texts." in printed


def test_a_validation_file_is_handed_to_those_that_take_one(table, tmp_path, monkeypatch, capsys):
    seen = {}
    fit = sklabelemb.LEAMClassifier.fit

    def spy(self, X, y, **more):
        seen.update(more)
        return fit(self, X, y, **more)

    spy.__signature__ = inspect.signature(fit)
    monkeypatch.setattr(sklabelemb.LEAMClassifier, "fit", spy)
    valid = write_table(tmp_path / "valid.csv", ROWS[:6])
    arguments = ["train", table, *COLUMNS, "--model", str(tmp_path / "m"), "--valid", valid]
    small = ["--set", "embedding_dim=4", "--set", "max_epochs=1", "--set", "wide=False"]
    assert main([*arguments, *small]) == 0
    assert seen["X_val"] == [text for text, _ in ROWS[:6]]
    assert seen["y_val"].sum(axis=0).tolist() == [3, 3, 1]
    assert main([*arguments, "--force", "--classifier", "linear"]) == 2
    assert "a ThresholdTuner takes no validation texts: leave out --valid" in error_of(
        capsys, "train"
    )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--set", "windowsize=2"], "has no parameter 'windowsize'. Did you mean 'window_size'?"),
        (["--set", "window_size"], "--set takes name=value, but got 'window_size'."),
        (["--set", "window_size=two"], "The 'window_size' parameter of LEAMClassifier must be"),
        (["--classifier", "linear", "--set", "classifier__D=1"], "--set classifier__D: Invalid"),
        (["--classifier", "linear", "--encoder", "x"], "has no parameter 'encoder'"),
        (["--label-texts", "none.json"], "none.json is not a file."),
        (["--separator", "||"], "--delimiter must be a single sign, but is '||'."),
        (["--encoding", "utf-9"], "unknown encoding: utf-9"),
    ],
)
def test_what_train_refuses(table, tmp_path, capsys, more, message):
    assert main(["train", table, *COLUMNS, "--model", str(tmp_path / "m"), *more]) == 2
    assert message in error_of(capsys, "train")
    assert not (tmp_path / "m").exists()


def test_texts_of_labels(table, tmp_path, capsys):
    texts = tmp_path / "labels.json"
    arguments = ["train", table, *COLUMNS, "--model", str(tmp_path / "m")]
    texts.write_text('{"delivery": "late parcels", "refund": "money"}', encoding="utf-8")
    assert main([*arguments, "--label-texts", str(texts)]) == 2
    assert "has no text of 1 labels of the table: 'returns'." in error_of(capsys, "train")
    whole = {"delivery": "late parcels", "refund": "money", "returns": "shoes back"}
    texts.write_text(json.dumps(whole | {"other": "x"}), encoding="utf-8")
    assert main([*arguments, "--label-texts", str(texts)]) == 2
    assert "has texts of 1 labels that the table does not have: 'other'." in error_of(
        capsys, "train"
    )
    texts.write_text(json.dumps(whole), encoding="utf-8")
    small = ["--set", "embedding_dim=4", "--set", "max_epochs=1", "--set", "wide=False"]
    assert main([*arguments, *small, "--label-texts", str(texts)]) == 0
    assert sklabelemb.load(tmp_path / "m").get_params()["label_texts"] == whole


def test_a_parameter_of_the_classifier_inside_goes_by_its_own_name(table, tmp_path):
    more = ["--classifier", "linear", "--set", "classifier__C=0.5", "--set", "objective=macro_f1"]
    assert main(["train", table, *COLUMNS, "--model", str(tmp_path / "m"), *more]) == 0
    model = sklabelemb.load(tmp_path / "m")
    assert (model.estimator.classifier.C, model.objective) == (0.5, "macro_f1")


# -- predict ---------------------------------------------------------------------------------------


def test_lines_of_stdin_stay_lines(linear, monkeypatch, capsys):
    piped(monkeypatch, "\ufeffmy parcel is late\r\n\nsend the money back".encode())
    assert main(["predict", linear, "-", "--batch-size", "2"]) == 0
    first, _, last = capsys.readouterr().out.splitlines()
    assert (first, last) == ("delivery", "refund")


def test_nothing_in_nothing_out(linear, monkeypatch, capsys):
    piped(monkeypatch, b"")
    assert main(["predict", linear, "-"]) == 0
    assert capsys.readouterr().out == ""


def test_a_table_keeps_its_columns_and_can_be_read_again(linear, folder, capsys):
    rows = [("my parcel", 'a "quoted", one'), ("send the money back", "b")]
    file = write_table(folder / "new.csv", rows, ("id", "message", "note"))
    for kind, out in (("csv", "out.csv"), ("tsv", "out.tsv"), ("json", "out.jsonl")):
        done = ["predict", linear, file, "--text", "message", "--out", str(folder / out)]
        assert main([*done, "--scores"]) == 0, kind
        again = load_table(folder / out, text="message", labels="predicted", as_classes=False)
        assert again.data == ["my parcel", "send the money back"]
        assert again.extra["note"] == [note for _, note in rows]
        assert again.extra["id"] == ["0", "1"]
        assert again.target.tolist() == [[1, 0], [0, 1]]
    assert capsys.readouterr().out == ""
    assert main(["predict", linear, str(folder / "out.csv"), "--text", "message", "--json"]) == 2
    assert "has a column 'predicted' already: pass --column NAME." in error_of(capsys, "predict")


def test_top_k_and_scores(linear, monkeypatch, capsys):
    piped(monkeypatch, b"my parcel is late\n")
    assert main(["predict", linear, "-", "--json", "--top-k", "2", "--scores"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["text"] == "my parcel is late"
    assert len(row["predicted"]) == len(row["predicted_scores"]) == 2
    assert row["predicted"][0] == "delivery"
    assert row["predicted_scores"] == sorted(row["predicted_scores"], reverse=True)


def test_labels_with_a_semicolon_become_lists(tmp_path, monkeypatch, capsys):
    model = sklabelemb.BinaryRelevance(label_names=["a;b", "c"])
    model.fit(["parcel late", "money", "parcel"] * 4, [[1, 0], [0, 1], [1, 0]] * 4)
    sklabelemb.save(model, tmp_path / "m")
    piped(monkeypatch, b"parcel\n")
    assert main(["predict", str(tmp_path / "m"), "-", "--format", "csv"]) == 0
    assert list(csv.reader(capsys.readouterr().out.splitlines()))[1] == ["parcel", '["a;b"]']


def test_a_table_on_stdin_and_a_file_of_lines(linear, folder, monkeypatch, capsys):
    piped(monkeypatch, b"message,n\nmy parcel,1\n")
    assert main(["predict", linear, "-", "--text", "message"]) == 0
    assert capsys.readouterr().out == "delivery\n"
    file = folder / "lines.txt"
    file.write_text("my parcel\nsend the money back\n", encoding="utf-8")
    assert main(["predict", linear, str(file)]) == 2
    assert "has no column 'text'" in (message := error_of(capsys, "predict"))
    assert message.endswith("For a text per line, pass --lines.")
    assert main(["predict", linear, str(file), "--lines"]) == 0
    assert capsys.readouterr().out == "delivery\nrefund\n"


def test_bytes_that_are_no_text(linear, monkeypatch, capsys):
    piped(monkeypatch, b"caf\xe9\n")
    assert main(["predict", linear, "-"]) == 2
    assert error_of(capsys, "predict").startswith("stdin is not utf-8")
    piped(monkeypatch, b"caf\xe9\n")
    assert main(["predict", linear, "-", "--encoding", "latin-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["text"] == "café"


def test_a_failed_run_leaves_the_old_file(linear, folder, monkeypatch, capsys):
    out = folder / "old.jsonl"
    out.write_text("old", encoding="utf-8")
    piped(monkeypatch, b"good\n" * 3 + b"\xff\n")
    done = main(["predict", linear, "-", "--batch-size", "1", "--out", str(out)])
    assert done == 2
    assert out.read_text("utf-8") == "old"
    assert not list(folder.glob(".old*"))


def test_models_that_are_not_served_are_loaded(leam, linear, monkeypatch):
    options = argparse.Namespace(encoder=None, device="cpu", verbose=False, task=None)
    called = []
    monkeypatch.setattr(models, "load_model", lambda options: called.append(options.model))
    for model in (leam, linear):
        options.model = model
        models.load_served(options)
    assert called == []
    monkeypatch.setattr("sklabelemb.serving.load", lambda folder: 1 / 0 if folder else None)
    with pytest.raises(ZeroDivisionError):
        models.load_served(options)

    def refuse(folder):
        raise TypeError("not served")

    monkeypatch.setattr("sklabelemb.serving.load", refuse)
    models.load_served(options)
    assert called == [linear]


def test_models_of_several_tasks_are_asked_for_one(tmp_path, monkeypatch, capsys):
    model = sklabelemb.MTLEClassifier(
        encoder="mean", embedding_dim=4, hidden_size=4, max_epochs=1, random_state=0
    )
    y = ["good", "bad", "red", "blue"] * 5
    model.fit([f"word{i % 4}" for i in range(20)], y, task=["mood", "mood", "colour", "colour"] * 5)
    sklabelemb.save(model, tmp_path / "m")
    piped(monkeypatch, b"word0\n")
    assert main(["predict", str(tmp_path / "m"), "-"]) == 2
    assert "the model has the tasks mood, colour: name one of them with --task." in error_of(
        capsys, "predict"
    )
    piped(monkeypatch, b"word0\n")
    assert main(["predict", str(tmp_path / "m"), "-", "--task", "colour"]) == 0
    assert capsys.readouterr().out in ("red\n", "blue\n")


# -- evaluate --------------------------------------------------------------------------------------


def test_the_report_in_all_its_forms(linear, table, tmp_path, capsys):
    page = tmp_path / "report.html"
    assert main(["evaluate", linear, table, *COLUMNS, "--html", str(page)]) == 0
    text = capsys.readouterr().out
    assert "micro average" in text
    assert "<bdi>returns</bdi>" in page.read_text("utf-8")
    assert main(["evaluate", linear, table, *COLUMNS, "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["summary"]["samples"] == 48
    assert main(["evaluate", linear, table, *COLUMNS, "--csv"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["label"] for row in rows] == ["delivery", "refund", "returns"]
    for row, own in zip(rows, whole["labels"], strict=True):
        assert float(row["f1"]) == own["f1"]
        assert int(row["support"]) == own["support"]
    model = sklabelemb.load(linear)
    data = load_table(table, text="message", labels="topics")
    assert whole["averages"]["micro"]["f1"] == pytest.approx(
        sklabelemb.metrics.SCORERS["f1_micro"](model, data.data, data.target)
    )


def test_unknown_labels(linear, tmp_path, capsys):
    file = write_table(tmp_path / "t.csv", [("my parcel", "delivery;praise"), ("money", "praise")])
    assert main(["evaluate", linear, file, *COLUMNS]) == 2
    message = error_of(capsys, "evaluate")
    assert "the label 'praise' is not one of the 3 labels of the model." in message
    assert message.endswith("Pass --unknown-labels ignore to leave them out.")
    assert main(["evaluate", linear, file, *COLUMNS, "--unknown-labels", "warn", "--json"]) == 0
    streams = capsys.readouterr()
    assert streams.err.startswith("sklabelemb evaluate: warning: ")
    assert json.loads(streams.out)["summary"]["samples"] == 2


def test_classes(classes, capsys):
    model, file = classes
    assert main(["evaluate", model, file, *COLUMNS, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    data = load_table(file, text="message", labels="topics")
    accuracy = sklabelemb.load(model).score(data.data, data.target)
    assert found["summary"]["subset_accuracy"] == accuracy
    assert "| accuracy |" in Path(model, "README.md").read_text("utf-8")


# -- explain ---------------------------------------------------------------------------------------


def test_words_in_text_json_and_on_a_page(leam, table, tmp_path, capsys):
    arguments = ["explain", leam, table, "--text", "message", "--max-texts", "2"]
    assert main([*arguments, "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["text"] for row in found] == [
        f"{t} number {i}" for i, (t, _) in enumerate(ROWS[:2])
    ]
    assert all(row["labels"] for row in found)
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    for row in found:
        assert row["text"] in shown
        for label in row["labels"]:
            assert f"  {label['label']} ({label['probability']:.2f}" in shown
            assert all(f"{w['word']} {w['contribution']:+.2f}" in shown for w in label["words"])
    page = tmp_path / "page.html"
    assert main([*arguments, "--html", str(page)]) == 0
    assert page.read_text("utf-8").count("<article>") == 2


def test_models_that_do_not_explain(linear, table, capsys):
    assert main(["explain", linear, table, "--text", "message"]) == 2
    error = error_of(capsys, "explain")
    assert "a ThresholdTuner cannot explain its predictions. These can: train --classifier" in error
    assert error.split("--classifier ")[1].startswith("leam, mtle, laco, semantic-unit, document.")


# -- compare ---------------------------------------------------------------------------------------


def test_two_files_are_compared(table, tmp_path, capsys):
    test = write_table(tmp_path / "test.csv", ROWS[:6])
    arguments = ["compare", table, test, *COLUMNS, "--no-search", "--json"]
    assert main(arguments) == 0
    streams = capsys.readouterr()
    assert streams.err == ""
    found = json.loads(streams.out)
    assert (found["train_texts"], found["test_texts"]) == (48, 6)
    assert [row["name"] for row in found["results"]][-1] == "LEAM"
    assert all(0 <= row["micro_f1"] <= 1 for row in found["results"])
    other = write_table(tmp_path / "other.csv", [("x", "praise")])
    assert main(["compare", table, other, *COLUMNS]) == 2
    assert "the label 'praise' is not one of" in error_of(capsys, "compare")


# -- exit codes, and processes of their own --------------------------------------------------------


def test_a_missing_or_damaged_model(table, linear, tmp_path, capsys):
    assert main(["predict", str(tmp_path / "none"), table]) == 2
    assert "There is no folder" in error_of(capsys, "predict")
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model.json").write_text("{", encoding="utf-8")
    assert main(["predict", str(tmp_path / "m"), table]) == 2
    assert "model.json is not JSON" in error_of(capsys, "predict")


def test_debug_shows_the_traceback_and_faults_always_do(linear, tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError):
        main(["predict", str(tmp_path / "none"), "-", "--debug"])
    monkeypatch.setattr(predict, "load_served", lambda options: {}["fault"])
    with pytest.raises(KeyError):
        main(["predict", linear, "-"])


def test_ctrl_c(linear, monkeypatch, capsys):
    def interrupt(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(predict, "load_served", interrupt)
    assert main(["predict", linear, "-"]) == 130
    assert capsys.readouterr().err == "\ninterrupted\n"


@pytest.mark.parametrize("command", ["train", "predict", "evaluate", "explain", "compare"])
def test_help_of_every_command(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert f"usage: sklabelemb {command}" in capsys.readouterr().out


def test_predict_loads_neither_torch_nor_scikit_learn(linear):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "sklabelemb", "predict", linear, "-"],
        input="my parcel\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout == "delivery\n"
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "numpy" in imported
    assert not {"torch", "sklearn", "pandas"} & imported


@pytest.mark.skipif(sys.platform == "win32", reason="there are no broken pipes")
def test_a_reader_that_went_away_is_no_error(linear):
    program = subprocess.Popen(
        [sys.executable, "-m", "sklabelemb", "predict", linear, "-", "--batch-size", "1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    program.stdout.close()
    with contextlib.suppress(BrokenPipeError):
        program.stdin.write(b"my parcel\n" * 1000)
        program.stdin.close()
    said = program.stderr.read()
    program.stderr.close()
    assert (program.wait(timeout=120), said) == (141, b"")


# -- train --classifier auto -----------------------------------------------------------------------


def test_the_best_of_several_is_saved_and_the_table_is_said(table, tmp_path, monkeypatch, capsys):
    from sklabelemb import search

    tried = search.halving.contenders

    def linear_only(*arguments, **options):
        found, left_out = tried(*arguments, **options)
        return found[:2], left_out

    monkeypatch.setattr(search.halving, "contenders", linear_only)
    arguments = ["train", table, *COLUMNS, "--model", str(tmp_path / "m"), "--classifier", "auto"]
    assert main([*arguments, "--minutes", "3"]) == 0
    streams = capsys.readouterr()
    assert "Best: linear" in streams.err
    assert "ThresholdTuner, trained on 43 texts." in streams.out
    assert main([*arguments, "--set", "C=1"]) == 2
    assert "--classifier auto chooses by itself: leave out --set." in error_of(capsys, "train")
    assert main([*arguments[:-2], "--minutes", "3"]) == 2
    assert "--minutes is for --classifier auto." in error_of(capsys, "train")
