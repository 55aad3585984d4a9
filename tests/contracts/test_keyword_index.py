"""What every keyword index does: the one over tantivy, and the one in memory."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit.index.keywords import TantivyIndex
from ragkit.protocols import KeywordEntry, KeywordIndex
from ragkit.testing import MemoryKeywords


def entry(chunk_id: str, text: str, *, document_id: str = "doc_1", title: str = "", heading: str = "") -> KeywordEntry:
    return KeywordEntry(chunk_id=chunk_id, document_id=document_id, title=title, heading=heading, text=text)


@pytest.fixture(params=["tantivy", "memory"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> KeywordIndex:
    return TantivyIndex(tmp_path / "index") if request.param == "tantivy" else MemoryKeywords()


def found(index: KeywordIndex, query: str, *, k: int = 10, document_ids: tuple[str, ...] = ()) -> list[str]:
    return [key for key, _ in index.search(query, k=k, document_ids=document_ids)]


def test_nothing_is_found_before_anything_is_added(index: KeywordIndex) -> None:
    assert index.search("refund", k=5) == []


def test_the_passage_with_more_of_the_words_comes_first(index: KeywordIndex) -> None:
    index.update(
        add=[
            entry("a", "The invoice is sent by mail."),
            entry("b", "A refund of the invoice is paid within 14 days."),
            entry("c", "Parking is free."),
        ],
        delete=[],
    )

    hits = index.search("refund of an invoice", k=5)

    assert [key for key, _ in hits] == ["b", "a"]
    assert hits[0][1] > hits[1][1] > 0


@pytest.mark.parametrize("query", ["pg_stat_activity", "E-4012", "v1.2.3", "PG_STAT_ACTIVITY", "error e-4012!"])
def test_identifiers_are_found_whole(index: KeywordIndex, query: str) -> None:
    index.update(
        add=[
            entry("other", "pg_stat_user_tables, E-4013 and v1.2.4 are something else; activity and stat too."),
            entry("wanted", "See pg_stat_activity, error E-4012, since v1.2.3."),
        ],
        delete=[],
    )

    assert found(index, query)[0] == "wanted"


@pytest.mark.parametrize("query", ["天気", "Straßenbelag", "déjà"])
def test_other_languages_are_found(index: KeywordIndex, query: str) -> None:
    index.update(
        add=[
            entry("a", "東京の天気は晴れです。"),
            entry("b", "Der Straßenbelag ist neu."),
            entry("c", "Une impression de déjà vu."),
        ],
        delete=[],
    )

    assert found(index, query)[0] == {"天気": "a", "Straßenbelag": "b", "déjà": "c"}[query]


def test_title_and_heading_are_searched(index: KeywordIndex) -> None:
    index.update(
        add=[
            entry("a", "Ten days.", title="Parental leave", document_id="doc_1"),
            entry("b", "Five days.", heading="Bereavement", document_id="doc_2"),
        ],
        delete=[],
    )

    assert found(index, "parental") == ["a"]
    assert found(index, "bereavement") == ["b"]


def test_a_search_can_be_narrowed_to_documents(index: KeywordIndex) -> None:
    index.update(add=[entry(f"c{n}", "the same words", document_id=f"doc_{n}") for n in range(20)], delete=[])

    assert set(found(index, "same words", document_ids=("doc_3", "doc_17", "doc_none"))) == {"c3", "c17"}
    assert found(index, "other", document_ids=("doc_3",)) == []


def test_an_entry_added_again_replaces_the_old_one(index: KeywordIndex) -> None:
    index.update(add=[entry("a", "old words")], delete=[])
    index.update(add=[entry("a", "new words")], delete=[])

    assert found(index, "old") == []
    assert found(index, "new words") == ["a"]


def test_one_update_adds_and_removes(index: KeywordIndex) -> None:
    index.update(add=[entry("a", "first version")], delete=[])
    index.update(add=[entry("b", "second version")], delete=["a", "never seen"])

    assert found(index, "version") == ["b"]


def test_an_update_of_nothing_is_allowed(index: KeywordIndex) -> None:
    index.update(add=[], delete=[])
    index.update(add=[], delete=["never seen"])
    assert index.search("anything", k=5) == []


def test_at_most_k_are_found(index: KeywordIndex) -> None:
    index.update(add=[entry(f"c{n}", "equal words") for n in range(20)], delete=[])

    assert len(found(index, "equal", k=7)) == 7
    assert found(index, "equal", k=0) == []


@pytest.mark.parametrize("query", ["what is that", "the", "to be or not to be"])
def test_a_query_of_stop_words_alone_finds_them(index: KeywordIndex, query: str) -> None:
    index.update(add=[entry("a", "What is that? To be or not to be, the question.")], delete=[])

    assert found(index, query) == ["a"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "   \n",
        "\x00\x01\x7f",
        '"unbalanced AND (title:',
        "body:* OR [a TO b] ~2 ^9 +- !",
        "\ud800 lone surrogate",
        "?!…",
        "word " * 20_000,
        "".join(chr(n) for n in range(0x20, 0x2FF)),
        "x" * 100_000,
        "अंतर्राष्ट्रीय ภาษาไทย 한국어 👩‍👩‍👧",
    ],
    ids=lambda text: f"{len(text)} characters",
)
def test_any_text_is_a_query(index: KeywordIndex, query: str) -> None:
    index.update(add=[entry("a", "A word about a title.")], delete=[])

    assert set(found(index, query)) <= {"a"}


@given(query=st.text(max_size=200), text=st.text(max_size=200))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_can_be_added_and_searched_for(index: KeywordIndex, query: str, text: str) -> None:
    index.update(add=[entry("a", text, title=text, heading=text)], delete=[])

    assert set(found(index, query)) <= {"a"}


@given(word=st.text(alphabet=string.ascii_lowercase, min_size=4, max_size=12))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_word_that_was_added_is_found(index: KeywordIndex, word: str) -> None:
    index.update(add=[entry("a", f"before {word} after")], delete=[])

    assert found(index, word) == ["a"]
