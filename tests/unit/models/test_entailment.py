"""A cross-encoder as checker: its labels, its probabilities, and what is said where it cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ragkit.checkers import open_checker
from ragkit.errors import ConfigError
from ragkit.models.entailment import labels_of, open_entailment_model, probabilities
from ragkit.settings import load
from ragkit.types import Hit

LABELS = {"0": "contradiction", "1": "entailment", "2": "neutral"}


def hit(text: str, number: int) -> Hit:
    return Hit(
        rank=number, score=1.0, via=(), document_id="d", uri="u", title="Rules", page=None, heading="",
        chunk_id=str(number), start=0, end=len(text), text=text,
    )  # fmt: skip


def configured(folder: Path, labels: dict[str, str]) -> Path:
    (folder / "config.json").write_text(json.dumps({"id2label": labels}))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("named"), LABELS)


def saved(folder: Path, labels: dict[str, str]) -> Path:
    """A tiny BERT with an output for each label and weights by chance."""
    from sentence_transformers import CrossEncoder
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

    raw, whole = folder / "raw", folder / "whole"
    raw.mkdir()
    (raw / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnop"]))
    size = {"vocab_size": 21, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    config = BertConfig(
        **size, intermediate_size=8, max_position_embeddings=64, id2label={int(k): v for k, v in labels.items()}
    )
    BertForSequenceClassification(config).save_pretrained(raw)
    BertTokenizer(str(raw / "vocab.txt")).save_pretrained(raw)
    CrossEncoder(str(raw), device="cpu").save_pretrained(str(whole))
    return whole


@pytest.mark.anyio
async def test_a_model_in_a_folder_gives_an_opinion(folder: Path) -> None:
    checker = open_checker(load(checker=str(folder)))
    assert checker is not None
    first = await checker.opinion("a b c", [hit("a b c d", 1), hit("e f g", 2)])
    assert first is not None
    assert 0 < first.score < 1
    assert first.verdict in {"supported", "partly", "unsupported", "contradicted"}
    assert await checker.opinion("a b c", [hit("a b c d", 1), hit("e f g", 2)]) == first
    assert checker.name == str(folder)


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (LABELS, (1, 0)),
        ({"0": "entailment", "1": "not_entailment"}, (0, None)),
        ({"0": "hallucinated", "1": "consistent"}, (1, None)),
        ({"0": "SUPPORTS", "1": "REFUTES", "2": "NOT ENOUGH INFO"}, (0, 1)),
        ({"0": "unsupported", "1": "supported"}, (1, None)),
        ({"0": "LABEL_0"}, None),
        ({}, None),
    ],
)
def test_the_outputs_are_told_by_their_labels(
    tmp_path: Path, labels: dict[str, str], found: tuple[int, int | None] | None
) -> None:
    assert labels_of("m", configured(tmp_path, labels)) == found


def test_outputs_without_a_meaning_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match="does not say which of its outputs means support: label_0, label_1"
    ) as caught:
        open_checker(load(checker=str(configured(tmp_path, {"0": "LABEL_0", "1": "LABEL_1"}))))
    assert "id2label" in (caught.value.hint or "")


@pytest.mark.anyio
async def test_several_outputs_without_names_are_refused(tmp_path: Path) -> None:
    model = saved(tmp_path, LABELS)
    config = json.loads((model / "config.json").read_text())
    del config["id2label"]
    (model / "config.json").write_text(json.dumps(config | {"num_labels": 3}))
    checker = open_checker(load(checker=str(model)))
    assert checker is not None
    with pytest.raises(ConfigError, match="does not say which of its outputs means support: 3 without names"):
        await checker.opinion("a b c", [hit("a b c d", 1)])


def test_a_folder_that_is_not_there_is_named_and_nothing_is_fetched(home: Path) -> None:
    with pytest.raises(ConfigError, match="RAGKIT_CHECKER is 'org/nli'") as caught:
        open_checker(load(checker="org/nli"))
    assert "Nothing is downloaded" in (caught.value.hint or "")
    assert "org--nli" in (caught.value.hint or "")


@pytest.mark.anyio
async def test_weights_that_are_not_there_are_a_sentence(tmp_path: Path) -> None:
    checker = open_entailment_model(str(configured(tmp_path, LABELS)), home=tmp_path)
    with pytest.raises(ConfigError, match="cannot be loaded"):
        await checker.opinion("a", [hit("a", 1)])


@pytest.mark.parametrize("name", ["llm", "llm:extractive"])
def test_a_language_model_that_is_none_is_told_so(name: str) -> None:
    with pytest.raises(ConfigError, match="is not a language model"):
        open_checker(load(checker=name))


def test_none_is_opened_where_none_is_set() -> None:
    assert open_checker(load()) is None


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0.2, 1.4], [[0.2], [1.0]]),
        ([[0.0, 0.0]], [[0.5, 0.5]]),
        ([[0.9, 0.1]], [[0.9, 0.1]]),
    ],
    ids=["one output", "logits", "probabilities"],
)
def test_scores_are_read_as_probabilities(scores: list[float], expected: list[list[float]]) -> None:
    assert np.allclose(probabilities(np.array(scores)), expected)
