"""Questions held against passages, word by word."""

from __future__ import annotations

import numpy as np
import pytest

from ragkit.errors import ConfigError
from ragkit.index.token_signs import TokenSigns, signs_of
from ragkit.retrieve.late_interaction import LateInteraction, Question
from ragkit.store.engine import Database
from ragkit.testing import HashedEmbedder, TextEmbedder

EMBEDDER = HashedEmbedder()


def signs(text: str) -> bytes:
    return signs_of(text, EMBEDDER.embed_tokens([text])[0])


def met(question: str, *passages: str) -> list[float]:
    return Question(question, EMBEDDER.embed_tokens([question])[0]).met([signs(passage) for passage in passages])


def test_a_passage_that_has_the_words_meets_the_question_better() -> None:
    better, worse = met("Where is the parcel depot?", "The depot keeps every parcel.", "The office closes at five.")
    assert better > worse


def test_a_rare_word_counts_more_than_a_common_one() -> None:
    rare, common = met("the time of the zeppelin", "A zeppelin flies.", "It is time.")
    assert rare > common


def test_what_a_passage_meets_does_not_depend_on_the_others() -> None:
    passages = ("The depot keeps every parcel.", "", "The office closes at five.")
    assert met("parcel depot", *passages) == pytest.approx([met("parcel depot", one)[0] for one in passages])
    assert met("parcel depot") == []


def test_words_that_tell_nothing_are_not_kept() -> None:
    assert signs("The depot of the parcels.") == signs("depot parcels")
    assert len(signs("depot parcels")) == 2 * EMBEDDER.spec.dimension // 8


def test_a_passage_without_telling_words_keeps_what_it_has() -> None:
    assert signs("to be or not to be") != b""
    assert met("to be?", "to be or not to be") > met("zeppelin", "to be or not to be")


def test_a_question_that_is_read_letter_by_letter_meets_nothing() -> None:
    letters = "黑 豹 队"
    assert met(letters, letters) == [0]


def test_an_empty_passage_meets_nothing() -> None:
    assert met("zeppelin", "") == [0]


def test_the_match_is_near_the_cosine() -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((400, 384)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    estimates = (rows[:200] @ np.where(rows[200:] > 0, 1, -1).T) / np.sqrt(2 * 384 / np.pi)
    assert np.abs(estimates - rows[:200] @ rows[200:].T).mean() < 0.05


def test_an_embedder_without_vectors_of_tokens_is_refused_with_what_to_do() -> None:
    database = Database.open("sqlite:///empty.db")
    with pytest.raises(ConfigError, match="late-interaction") as caught:
        LateInteraction(TextEmbedder(EMBEDDER), TokenSigns(database), lambda hit, _: hit.text)
    assert "RAGKIT_RERANKER" in (caught.value.hint or "")
    database.close()
