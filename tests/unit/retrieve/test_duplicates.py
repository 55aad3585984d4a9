"""Copies of a passage are one hit; of nearly equal documents the newest stands first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ragkit.index.duplicates import Edition, signature
from ragkit.retrieve.duplicates import collapse, prefer_newest
from ragkit.types import Hit

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
RULES = " ".join(f"Rule {n}: whoever does task {n} tells the office on day {n * 7 % 31}." for n in range(60))
OTHER = " ".join(f"Part {n} of the gateway is fixed with screw {n}, never by hand." for n in range(60))


def hit(text: str, *, uri: str = "s/a.md", score: float = 1.0, heading: str = "") -> Hit:
    return Hit(
        rank=0,
        score=score,
        via=("dense",),
        document_id=uri,
        uri=uri,
        title="",
        page=None,
        heading=heading,
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


def test_a_passage_that_three_files_hold_is_one_hit_with_all_three_named() -> None:
    copies = [hit("Equal  text", uri="s/a.md"), hit("Equal text", uri="s/b.md"), hit("Equal\ntext", uri="s/c.txt")]
    (found,) = collapse(copies)
    assert (found.uri, found.also_in) == ("s/a.md", ("s/b.md", "s/c.txt"))


def test_equal_text_under_another_heading_says_something_else() -> None:
    hits = [hit("Yes.", heading="Is delivery free?"), hit("Yes.", heading="Can I return it?")]
    assert collapse(hits) == hits


def test_a_passage_that_one_file_repeats_names_no_other_file() -> None:
    assert [found.also_in for found in collapse([hit("Again"), hit("Again")])] == [()]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.sampled_from(["", "h"]))))
def test_collapsing_loses_no_passage_and_no_source_and_keeps_the_order(parts: list[tuple[str, str, str]]) -> None:
    hits = [hit(text, uri=uri, heading=heading) for text, uri, heading in parts]
    found = collapse(hits)
    assert [(h.text, h.heading) for h in found] == list(dict.fromkeys((h.text, h.heading) for h in hits))
    for one in found:
        same = {h.uri for h in hits if (h.text, h.heading) == (one.text, one.heading)}
        assert {one.uri, *one.also_in} == same
        assert len(one.also_in) == len(same) - 1


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
