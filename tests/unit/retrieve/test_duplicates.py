"""Copies of a passage are one hit; of nearly equal documents the newest stands first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ragkit.index.duplicates import Edition, passage_key, signature
from ragkit.index.rows import Place
from ragkit.retrieve.duplicates import collapse, prefer_newest
from ragkit.types import Hit

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
RULES = " ".join(f"Rule {n}: whoever does task {n} tells the office on day {n * 7 % 31}." for n in range(60))
OTHER = " ".join(f"Part {n} of the gateway is fixed with screw {n}, never by hand." for n in range(60))


def hit(text: str, *, uri: str = "s/a.md", score: float = 1.0) -> Hit:
    return Hit(
        rank=0,
        score=score,
        via=("dense",),
        document_id=uri,
        uri=uri,
        title="",
        page=None,
        heading="",
        chunk_id=f"{uri} {text}",
        start=0,
        end=len(text),
        text=text,
    )


def edition(text: str, *, date: str = "", days: int = 0) -> Edition:
    return Edition(signature=signature(text), date=date, live_at=MONDAY + timedelta(days=days))


def order(hits: list[Hit], editions: dict[str, Edition]) -> list[str]:
    return [found.uri for found in prefer_newest(hits, editions)]


OLD = hit("The office closes at five on Fridays.", uri="old.md", score=0.90)
NEW = hit("The office closes at four on Fridays.", uri="new.md", score=0.88)


def collapsed(*chunks: tuple[str, str, str]) -> dict[str, tuple[str, ...]]:
    """Of chunks given as (uri, heading, text), whose ids are their numbers."""
    places = {
        str(n): Place(chunk_id=str(n), document_id=uri, uri=uri, passage_key=passage_key(heading, text), siblings=1)
        for n, (uri, heading, text) in enumerate(chunks)
    }
    return collapse([(key, 1.0) for key in places], places)


def test_a_passage_that_three_files_hold_is_one_hit_with_all_three_named() -> None:
    copies = ("s/a.md", "", "Equal  text"), ("s/b.md", "", "Equal text"), ("s/c.txt", "", "Equal\ntext")
    assert collapsed(*copies) == {"0": ("s/b.md", "s/c.txt")}


def test_equal_text_under_another_heading_says_something_else() -> None:
    assert collapsed(("s/a", "Is delivery free?", "Yes."), ("s/b", "Can I return it?", "Yes.")) == {"0": (), "1": ()}


def test_a_passage_that_one_file_repeats_names_no_other_file() -> None:
    assert collapsed(("s/a", "", "Again"), ("s/a", "", "Again")) == {"0": ()}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.sampled_from(["", "h"]))))
def test_collapsing_loses_no_passage_and_no_source_and_keeps_the_order(parts: list[tuple[str, str, str]]) -> None:
    found = collapsed(*((uri, heading, text) for text, uri, heading in parts))
    passages = [(text, heading) for text, _, heading in parts]
    assert [passages[int(key)] for key in found] == list(dict.fromkeys(passages))
    for key, also_in in found.items():
        same = {uri for text, uri, heading in parts if (text, heading) == passages[int(key)]}
        assert {parts[int(key)][1], *also_in} == same
        assert len(also_in) == len(same) - 1


def test_the_newest_of_near_duplicates_stands_first_and_the_other_stays() -> None:
    editions = {"old.md": edition(RULES, days=0), "new.md": edition(RULES + " Rule 61 is new.", days=5)}
    assert order([OLD, NEW], editions) == ["new.md", "old.md"]


def test_the_documents_own_date_counts_more_than_the_day_it_was_ingested() -> None:
    editions = {
        "old.md": edition(RULES, date="2024-01-31", days=5),
        "new.md": edition(RULES + " Rule 61 is new.", date="2026-01-31", days=0),
    }
    assert order([OLD, NEW], editions) == ["new.md", "old.md"]


def test_a_question_that_fits_the_older_edition_clearly_better_gets_it_first() -> None:
    editions = {"old.md": edition(RULES), "new.md": edition(RULES + " Rule 61 is new.", days=5)}
    assert order([OLD, hit(NEW.text, uri="new.md", score=0.7)], editions) == ["old.md", "new.md"]


def test_other_passages_of_near_duplicates_keep_their_order() -> None:
    editions = {"old.md": edition(RULES), "new.md": edition(RULES + " Rule 61 is new.", days=5)}
    other = hit("Bicycles are kept in the cellar, and nowhere else.", uri="new.md", score=0.89)
    assert order([OLD, other], editions) == ["old.md", "new.md"]


def test_documents_that_are_not_alike_keep_their_order() -> None:
    editions = {"old.md": edition(OTHER), "new.md": edition(RULES, days=5)}
    assert order([OLD, NEW], editions) == ["old.md", "new.md"]
    assert order([OLD, NEW], {}) == ["old.md", "new.md"]


def test_scores_below_zero_are_compared_too() -> None:
    editions = {"old.md": edition(RULES), "new.md": edition(RULES + " Rule 61 is new.", days=5)}
    hits = [hit(OLD.text, uri="old.md", score=-8.0), hit(NEW.text, uri="new.md", score=-8.5)]
    assert order(hits, editions) == ["new.md", "old.md"]
