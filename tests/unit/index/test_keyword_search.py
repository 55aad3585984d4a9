"""What a keyword search finds: forms of words, identifiers, phrases, misspelled words, and text in other languages."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import tantivy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit.index.keyword_query import Weights, query_of
from ragkit.index.keyword_terms import register, schema
from ragkit.index.keywords import TantivyIndex
from ragkit.protocols import KeywordEntry


def index_of(path: Path, *texts: str, language: str = "en", weights: Weights | None = None) -> TantivyIndex:
    """Passages named after the order they come in: a, b, c."""
    index = TantivyIndex(path / "index", weights=weights or Weights())
    names = "abcdefghij"
    index.rebuild(entry(name, text, language=language) for name, text in zip(names, texts, strict=False))
    return index


def entry(
    chunk_id: str, text: str, *, title: str = "", heading: str = "", document_id: str = "doc_1", language: str = "en"
) -> KeywordEntry:
    return KeywordEntry(
        chunk_id=chunk_id, document_id=document_id, title=title, heading=heading, text=text, language=language
    )


def found(index: TantivyIndex, query: str) -> list[str]:
    return [key for key, _ in index.search(query, k=10)]


@pytest.mark.parametrize(
    ("language", "text", "query"),
    [
        ("en", "Refunded invoices are archived.", "refunding an invoice"),
        ("de", "Die Häuser wurden verkauft.", "Wem gehört das Haus?"),
        ("de", "Touristische Schmalspurschienen.", "die Schmalspurbahn"),
        ("es", "Las devoluciones tardan diez días.", "devolución"),
        ("fr", "Les remboursements sont versés.", "le remboursement"),
        ("pl", "Zwroty przyjmujemy w ciągu dwóch tygodni.", "zwrotów tygodnie"),
        ("zh", "东京的天气晴朗。", "今天天气怎么样"),
        ("ja", "東京の天気は晴れです。", "天気予報"),
        ("ko", "서울의 날씨는 맑습니다.", "날씨가 어때"),
        ("th", "อากาศในกรุงเทพร้อนมาก", "อากาศ"),
    ],
)
def test_other_forms_of_a_word_are_found_in_its_language(tmp_path: Path, language: str, text: str, query: str) -> None:
    assert found(index_of(tmp_path, text, language=language), query) == ["a"]


def test_each_document_is_stemmed_by_its_own_language(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path / "index")
    index.update(
        add=[entry("de", "Die Häuser wurden verkauft.", language="de"), entry("en", "The houses were sold.")], delete=[]
    )

    assert found(index, "Haus") == ["de"]
    assert found(index, "house")[0] == "en"


def test_chinese_words_count_more_than_their_characters(tmp_path: Path) -> None:
    index = index_of(tmp_path, "天上有气球。气球在天上。", "天气很好。我们去公园。", language="zh")

    assert found(index, "天气")[0] == "b"


def test_the_title_counts_for_every_passage(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path / "index")
    same = "Ten working days a year."
    index.update(add=[entry("a", same, title="Parental leave"), entry("b", same, title="Sick leave")], delete=[])

    assert found(index, "how many days of parental leave")[0] == "a"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("get_user", "Call client.get_user() first."),
        ("client.get_user", "Call client.get_user() first."),
        ("user name", "The method getUserName is slow."),
        ("getUserName", "The method getUserName is slow."),
        ("html parser", "Use HTMLParser for that."),
        ("activity statistics pg", "See pg_stat_activity."),
        ("v1.2.3", "Fixed in v1.2.3, which came in May."),
        ("E-4012", "It fails with E-4012."),
        ("1.250,50", "Zu zahlen sind 1.250,50 Euro."),
        ("ops@example.org", "Write to ops@example.org."),
    ],
)
def test_identifiers_are_found_whole_and_by_their_parts(tmp_path: Path, query: str, text: str) -> None:
    others = ("Fixed in v1.2.4 and v1.3.2, not 3.2.1.", "E-4013 and 4012 E.", "Ask the client or get the user a name.")
    index = index_of(tmp_path, text, *(others if query[0] in "vE" else ()))

    assert found(index, query)[0] == "a"


def test_a_quoted_phrase_comes_first(tmp_path: Path) -> None:
    index = index_of(
        tmp_path,
        "The connection was refused: each connection is refused.",
        "The server said connection refused, and that was all that anybody ever got to know of it that day.",
    )

    assert found(index, 'why "connection refused"') == ["b", "a"]
    assert found(index, "why „connection refused“") == ["b", "a"]


@pytest.mark.parametrize("query", ["reimbursment", "riembursement", "reimbursemment", "REIMBURSEMANT"])
def test_a_misspelled_word_is_found(tmp_path: Path, query: str) -> None:
    index = index_of(tmp_path, "Parking is free.", "A reimbursement takes ten days.", "Dismemberment.")

    assert found(index, f"how long is {query}") == ["b"]


def test_a_word_that_is_there_is_not_taken_for_a_slip(tmp_path: Path) -> None:
    index = index_of(tmp_path, "The board met.", "The boards met.", "The beard grew; form and from.")

    assert "c" not in found(index, "board")
    assert found(index, "4013 A-12 xkcd") == []


def test_stop_words_of_a_question_are_not_looked_for(tmp_path: Path) -> None:
    index = index_of(tmp_path, "What do you get when you are the one that does?", "A refund.")

    assert found(index, "When do I get the refund that you owe?") == ["b"]


def test_stop_words_are_those_of_the_language_of_the_question(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path / "index")
    index.update(add=[entry("en", "Those who die young."), entry("de", "Die Katze schläft.", language="de")], delete=[])

    assert "en" in found(index, "who will die")
    assert found(index, "wo ist die Katze") == ["de"]


@pytest.mark.parametrize(
    "query",
    ["AND (", "OR", "*", "field:*", "body:*", '"', '""', "title:(", "[* TO *]", "~7^9", "-", "\\", "/.*/", "''"],
)
def test_what_is_syntax_elsewhere_finds_nothing_by_itself(tmp_path: Path, query: str) -> None:
    index = index_of(tmp_path, *(f"passage number {number}" for number in range(5)))

    assert found(index, query) == []
    assert len(found(index, f"{query} passage")) == 5


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> TantivyIndex:
    index = TantivyIndex(tmp_path_factory.mktemp("mixed") / "index")
    texts = {"en": "A refund of E-4012.", "de": "Die Erstattung der Reisekosten.", "zh": "东京的天气晴朗。"}
    index.rebuild(entry(language, text, language=language) for language, text in texts.items())
    return index


_syntax = st.sampled_from(['"', "AND", "OR", "NOT", "(", ")", "*", "?", ":", "^", "~", "[", " TO ", "\\", "天气", "e-"])


@given(parts=st.lists(_syntax | st.text(max_size=12), max_size=30))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_question_fails_or_finds_what_it_does_not_name(mixed: TantivyIndex, parts: list[str]) -> None:
    hits = mixed.search("".join(parts), k=10)

    assert {key for key, _ in hits} <= {"en", "de", "zh"}
    assert all(score > 0 for _, score in hits)
    assert [score for _, score in hits] == sorted((score for _, score in hits), reverse=True)


@pytest.mark.parametrize(
    "query",
    ['"' * 100_000, "天" * 100_000, "x" * 100_000, "„" * 100_000, "a.b" * 33_000, "aB" * 50_000, "天 " * 50_000],
)
def test_a_very_long_question_is_answered(mixed: TantivyIndex, query: str) -> None:
    assert len(mixed.search(query, k=10)) <= 3


def test_searches_in_many_threads_do_not_disturb_each_other(mixed: TantivyIndex) -> None:
    failures: list[object] = []

    def search() -> None:
        for _ in range(50):
            hits = [key for key, _ in mixed.search("Reisekosten", k=10)]
            if hits != ["de"]:
                failures.append(hits)

    threads = [threading.Thread(target=search) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


def test_a_question_of_many_phrases_looks_for_a_few_of_them() -> None:
    fields = schema()
    index = tantivy.Index(fields)
    register(index)

    def phrases(question: str) -> int:
        made = query_of(question, searcher=index.searcher(), schema=fields, languages=("en",), weights=Weights())
        return repr(made).count("PhraseQuery")

    assert phrases(" ".join(f'"word{number} next{number}"' for number in range(30))) == 8
    assert phrases(" ".join(f"word{number}-next{number}" for number in range(30))) == 8
    assert phrases('"word1 next1" word2-next2 word3.next3') == 3
