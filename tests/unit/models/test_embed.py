"""Which model a name means, what is kept of a conversion, and what loading it takes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ragkit.errors import ConfigError
from ragkit.models.embed import open_embedder, trained_on
from ragkit.models.folder import ModelFolder, find
from ragkit.models.openvino import OpenVinoEmbedder
from ragkit.models.torch import TorchEmbedder

if TYPE_CHECKING:
    from transformers import PretrainedConfig

MINILM = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture
def minilm(home: Path) -> ModelFolder:
    folder = find(MINILM, home=home)
    assert folder is not None
    return folder


def tiny_config() -> PretrainedConfig:
    from transformers import BertConfig

    return BertConfig(
        vocab_size=30522,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        num_labels=1,
    )


@pytest.fixture
def tiny(tmp_path: Path, minilm: ModelFolder) -> Path:
    """A folder with a small model of random weights that takes the first token's vector."""
    import torch
    from transformers import BertModel

    torch.manual_seed(0)
    path = tmp_path / "tiny"
    BertModel(tiny_config()).save_pretrained(path)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "modules.json"):
        shutil.copyfile(minilm.path / name, path / name)
    (path / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    (path / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    (path / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 32}))
    prompts = {"prompts": {"query": "query: ", "document": "passage: "}}
    (path / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    return path


def test_the_default_model_is_described_by_its_folder(minilm: ModelFolder) -> None:
    spec = minilm.spec(sha256=minilm.sha256(), specials=2)

    assert spec.id == f"{MINILM}@53aa51172d14"
    assert (spec.dimension, spec.max_tokens, spec.pooling) == (384, 254, "mean")
    assert (spec.query_prefix, spec.document_prefix) == ("", "")


def test_other_weights_under_the_published_name_are_refused(home: Path, minilm: ModelFolder) -> None:
    kept = home / "models" / "sentence-transformers--all-MiniLM-L6-v2"
    shutil.copytree(minilm.path, kept)
    try:
        with (kept / "model.safetensors").open("r+b") as file:
            file.seek(1_000_000)
            file.write(b"tampered")
        with pytest.raises(ConfigError, match="SHA-256"):
            open_embedder(MINILM, home=home)
    finally:
        shutil.rmtree(kept)


@pytest.mark.parametrize("backend", ["auto", "openvino", "torch"])
@pytest.mark.parametrize("name", ["no/such-model", "/no/such/folder"])
def test_an_unknown_model_is_named_with_what_to_do(home: Path, name: str, backend: str) -> None:
    with pytest.raises(ConfigError, match=f"RAGKIT_EMBEDDER is '{name}'") as caught:
        open_embedder(name, home=home, backend=backend)

    assert "models" in (caught.value.hint or "")


def test_loading_a_converted_model_needs_no_torch_and_no_network(home: Path) -> None:
    open_embedder(MINILM, home=home)
    script = (
        "import sys, socket\n"
        "def refuse(*_): raise AssertionError('network')\n"
        "socket.socket.connect = refuse; socket.getaddrinfo = refuse\n"
        "from pathlib import Path; from ragkit.models.embed import open_embedder\n"
        f"embedder = open_embedder({MINILM!r}, home=Path({str(home)!r}))\n"
        "embedder.embed_query('a question'); embedder.embed_documents(['a text'])\n"
        "names = ('torch', 'transformers', 'sentence_transformers', 'huggingface_hub', 'openvino_telemetry')\n"
        "print([name for name in names if sys.modules.get(name)])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_threads_whose_first_texts_are_embedded_at_once_do_not_wait_for_each_other_for_ever(home: Path) -> None:
    open_embedder(MINILM, home=home)
    program = """
import sys, threading
from pathlib import Path
from ragkit.models.embed import open_embedder

sys.setswitchinterval(1e-6)  # they meet in the middle of things more often
embedder = open_embedder(sys.argv[2], home=Path(sys.argv[1]))
together = threading.Barrier(6)

def embed():
    together.wait()
    embedder.embed_documents(["Parcels arrive in three days."])

threads = [threading.Thread(target=embed) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
    for _ in range(3):  # one in six hung
        subprocess.run([sys.executable, "-c", program, home, MINILM], check=True, timeout=90)


def test_a_conversion_is_kept_and_used_without_the_weights(home: Path, tiny: Path) -> None:
    first = open_embedder(str(tiny), home=home, backend="openvino")
    assert isinstance(first, OpenVinoEmbedder)
    made = sorted(path.name for path in (home / "models").iterdir())

    again = open_embedder(str(tiny), home=home, backend="openvino")
    shutil.rmtree(tiny)
    without = open_embedder("tiny", home=home)

    assert sorted(path.name for path in (home / "models").iterdir()) == made
    vector = first.embed_query("a question")
    assert np.allclose(again.embed_query("a question"), vector, atol=1e-5)
    assert np.allclose(without.embed_query("a question"), vector, atol=1e-5)
    shutil.rmtree(home / "models" / next(name for name in made if name.startswith("tiny-")))


def test_prefixes_and_pooling_of_the_folder_are_used(home: Path, tiny: Path) -> None:
    embedder = open_embedder(str(tiny), home=home, backend="torch")

    assert isinstance(embedder, TorchEmbedder)
    spec = embedder.spec
    assert (spec.pooling, spec.query_prefix, spec.document_prefix) == ("cls", "query: ", "passage: ")
    assert not np.allclose(embedder.embed_query("a text"), embedder.embed_documents(["a text"])[0], atol=1e-3)


def test_a_model_that_cannot_be_converted_runs_on_torch(home: Path, tiny: Path) -> None:
    (tiny / "1_Pooling" / "config.json").write_text(
        json.dumps({"word_embedding_dimension": 32, "pooling_mode_max_tokens": True, "pooling_mode_mean_tokens": False})
    )

    assert isinstance(open_embedder(str(tiny), home=home), TorchEmbedder)
    with pytest.raises(ConfigError, match="cannot be converted") as caught:
        open_embedder(str(tiny), home=home, backend="openvino")
    assert "RAGKIT_EMBEDDER_BACKEND=torch" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("card", "languages"),
    [
        ("---\nlanguage: en\nlicense: mit\n---\n# A model", {"en"}),
        ("---\nlanguage:\n- de\n- fr\ntags:\n- it\n---\n", {"de", "fr"}),
        ("---\nlanguage: [de, en]\n---\n", {"de", "en"}),
        ("---\nlanguage:\n- multilingual\n- de\n---\n", set()),
        ("# A model\nlanguage: en\n", set()),
        (None, set()),
    ],
)
def test_a_model_card_says_which_languages_it_knows(
    home: Path, tmp_path: Path, card: str | None, languages: set[str]
) -> None:
    (tmp_path / "modules.json").write_text("[]")
    if card is not None:
        (tmp_path / "README.md").write_text(card)

    assert trained_on(str(tmp_path), home=home) == languages
    assert trained_on(MINILM, home=home) == {"en"}
    assert trained_on("openai:text-embedding-3-small", home=home) == set()


def test_damaged_configuration_is_named(home: Path, tiny: Path) -> None:
    (tiny / "config.json").write_text("{")

    with pytest.raises(ConfigError, match=r"config\.json"):
        open_embedder(str(tiny), home=home, backend="torch")
