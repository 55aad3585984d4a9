"""What every reranker does: the built-in one, a cross-encoder, a ColBERT, a language model."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ragkit.index.token_signs import TokenSigns
from ragkit.models.folder import find
from ragkit.models.rerank import open_reranking_model
from ragkit.protocols import Reranker
from ragkit.retrieve.late_interaction import LateInteraction
from ragkit.retrieve.listwise import ListwiseReranker
from ragkit.store.engine import Database
from ragkit.testing import HashedEmbedder
from ragkit.types import Hit

TEXTS = ("Parcels arrive in three days.", "The office closes at five.", "Refunds are paid within 14 days.", "", "東京")


def hit(number: int, text: str) -> Hit:
    return Hit(
        rank=number,
        score=0.5,
        via=("dense",),
        document_id="doc_1",
        uri="upload://a",
        title="A",
        page=None,
        heading="",
        chunk_id=f"chk_{number}",
        start=0,
        end=len(text),
        text=text,
    )


HITS = [hit(number, text) for number, text in enumerate(TEXTS, start=1)]


def late_interaction(home: Path) -> LateInteraction:
    # Nothing is in this catalog, so nothing is kept: each call makes what it needs.
    with closing(Database.open(f"sqlite:///{home / 'ragkit.db'}")) as database:
        return LateInteraction(HashedEmbedder(), TokenSigns(database), lambda found, _: found.text)


def tiny_bert(folder: Path, kind: str) -> None:
    """One of random weights, with the tokenizer of the default embedder."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=30522,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        num_labels=1,
    )
    getattr(transformers, kind)(config).save_pretrained(folder)
    minilm = find("sentence-transformers/all-MiniLM-L6-v2", home=folder)
    assert minilm is not None
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        shutil.copyfile(minilm.path / name, folder / name)


def cross_encoder(home: Path) -> Reranker:
    tiny_bert(home / "cross", "BertForSequenceClassification")
    return open_reranking_model(str(home / "cross"), home=home)


def colbert(home: Path) -> Reranker:
    from sentence_transformers import MultiVectorEncoder

    tiny_bert(home / "bare", "BertModel")
    made = MultiVectorEncoder(str(home / "bare"), device="cpu", local_files_only=True)
    made.save_pretrained(str(home / "models" / "tiny--colbert"))
    return open_reranking_model("tiny/colbert", home=home)


def language_model(home: Path) -> ListwiseReranker:
    return ListwiseReranker("llm", complete=lambda request: "[1] > [2]", written=lambda hits: "")


MAKERS: dict[str, Callable[[Path], Reranker]] = {
    "late-interaction": late_interaction,
    "cross-encoder": cross_encoder,
    "colbert": colbert,
    "llm": language_model,
}


@pytest.fixture(scope="module", params=MAKERS)
def reranker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reranker]:
    return MAKERS[request.param](tmp_path_factory.mktemp("home"))


def test_all_hits_come_back_by_falling_score_with_new_ranks(reranker: Reranker) -> None:
    ordered = reranker.rerank("When are refunds paid?", HITS)

    assert {each.chunk_id for each in ordered} == {each.chunk_id for each in HITS}
    assert [each.rank for each in ordered] == [1, 2, 3, 4, 5]
    assert [each.score for each in ordered] == sorted((each.score for each in ordered), reverse=True)
    assert all(each.via == ("dense", "rerank") for each in ordered)


@pytest.mark.parametrize("question", ["?", "zu", "\x00\ud800", "a" * 5_000, "東京 AND ("])
def test_any_question_is_fine(reranker: Reranker, question: str) -> None:
    assert len(reranker.rerank(question, HITS)) == len(HITS)


def test_no_hit_stays_none(reranker: Reranker) -> None:
    assert reranker.rerank("When are refunds paid?", []) == []


def test_equal_passages_keep_their_order(reranker: Reranker) -> None:
    ordered = reranker.rerank("When are refunds paid?", [hit(1, TEXTS[0]), hit(2, TEXTS[0])])
    assert [each.chunk_id for each in ordered] == ["chk_1", "chk_2"]


def test_the_reranker_has_a_name(reranker: Reranker) -> None:
    assert reranker.name
