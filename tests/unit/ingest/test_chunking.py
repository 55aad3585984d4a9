"""Where the structure chunker cuts, and what it leaves together."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from ragkit.errors import ConfigError
from ragkit.ingest.chunking import StructureChunker, context_line, embedded_input, fitting
from ragkit.parsed import Heading, Page, Parsed, Piece
from ragkit.testing.embed import HashedEmbedder, WordTokenizer

TOKENS = WordTokenizer()


def parsed(text: str, *, media_type: str = "text/markdown", pages: tuple[Page, ...] = ()) -> Parsed:
    headings = tuple(
        Heading(level=len(match.group(1)), title=match.group(2), start=match.start())
        for match in re.finditer(r"^(#+) (.+)$", text, re.MULTILINE)
    )
    return Parsed(text=text, title="Handbook", media_type=media_type, headings=headings, pages=pages)


def texts(document: Parsed, most: int = 60, overlap: int = 0) -> list[str]:
    pieces = StructureChunker(TOKENS, most, overlap).split(document)
    return [document.text[piece.start : piece.end] for piece in pieces]


def prose(sentences: int, *, seed: int = 0) -> str:
    chance = random.Random(seed)
    names = ["sensor", "gateway", "alarm", "report", "contract", "invoice", "freezer", "probe", "portal", "bracket"]
    return " ".join(
        f"The {chance.choice(names)} of item {chance.randrange(10_000)} was moved by the {chance.choice(names)} team."
        for _ in range(sentences)
    )


def test_a_short_document_is_one_passage() -> None:
    assert texts(parsed("# Title\n\nOne paragraph.\n\nAnother.")) == ["# Title\n\nOne paragraph.\n\nAnother."]


def test_a_heading_stays_with_the_text_below_it() -> None:
    document = parsed("\n\n".join(f"## Section {n}\n\n{prose(4, seed=n)}" for n in range(6)))
    for text in texts(document):
        assert text.startswith("## Section")
        assert text.count("## Section") == 1


def test_small_neighbouring_sections_share_a_passage_under_their_common_heading() -> None:
    document = parsed("# FAQ\n\n## Price?\n\nTen.\n\n## Term?\n\nA year.\n\n## Notice?\n\nA month.")
    (piece,) = StructureChunker(TOKENS, 60).split(document)
    assert piece.heading == "FAQ"


def test_a_large_section_is_cut_between_paragraphs_and_keeps_its_heading_path() -> None:
    body = "\n\n".join(prose(2, seed=n) for n in range(8))
    document = parsed(f"# Manual\n\n## Care\n\n{body}")
    pieces = StructureChunker(TOKENS, 60).split(document)
    assert len(pieces) > 3
    assert {piece.heading for piece in pieces[1:]} == {"Manual > Care"}
    for piece in pieces:
        assert document.text[piece.end - 1] == "."
        assert document.text[piece.start : piece.end].count("\n\n") >= 1 or piece.tokens > 20


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    document = parsed(prose(40))
    assert len(texts(document)) > 5
    assert all(text.startswith("The ") and text.endswith("team.") for text in texts(document))


def test_a_list_is_cut_between_items_and_its_introduction_stays_with_the_first() -> None:
    listed = "\n".join(f"- {prose(1, seed=n)}" for n in range(20))
    cut = texts(parsed(f"These are the rules:\n\n{listed}"))
    assert cut[0].startswith("These are the rules:\n\n- The")
    assert all(text.startswith("- ") for text in cut[1:])


def test_a_text_without_spaces_or_sentences_is_still_cut() -> None:
    cut = texts(parsed("x-" * 3000))
    assert "".join(cut) == "x-" * 3000


def test_code_keeps_its_indentation_at_the_start_of_a_passage() -> None:
    body = "\n\n".join(f"    def method_{n}(self):\n        return {n} + {n} * {n} - {n} / {n}" for n in range(12))
    assert all(text.startswith(("class", "    def")) for text in texts(parsed(f"class A:\n\n{body}")))


def test_slides_are_never_merged() -> None:
    text = "# One\n\nFirst.\n\n# Two\n\nSecond.\n\n# Three\n\nThird."
    starts = [0, text.index("\n\n# Two"), text.index("\n\n# Three"), len(text)]
    pages = tuple(Page(number=n + 1, start=starts[n], end=starts[n + 1]) for n in range(3))
    document = parsed(text, media_type="application/x-presentationml.presentation", pages=pages)
    pieces = StructureChunker(TOKENS, 60).split(document)
    assert [(piece.page, piece.heading) for piece in pieces] == [(1, "One"), (2, "Two"), (3, "Three")]


def test_the_page_of_a_passage_is_the_one_on_which_it_starts() -> None:
    text = f"{prose(6, seed=1)}\n\n{prose(6, seed=2)}"
    edge = text.index("\n\n")
    pages = (Page(number=7, start=0, end=edge), Page(number=8, start=edge, end=len(text)))
    pieces = StructureChunker(TOKENS, 60).split(parsed(text, pages=pages))
    assert [piece.page for piece in pieces] == [7 if piece.start < edge else 8 for piece in pieces]


def test_neighbours_share_the_overlap_that_was_asked_for() -> None:
    document = parsed(prose(60))
    pieces = StructureChunker(TOKENS, 60, 20).split(document)
    shared = [before.end - after.start for before, after in pairwise(pieces)]
    assert all(characters > 20 for characters in shared)
    assert all(piece.tokens <= 60 for piece in pieces)
    assert all(document.text[piece.start - 1 : piece.start].isspace() for piece in pieces[1:])


@pytest.mark.parametrize("overlap", [31, -1])
def test_an_overlap_of_more_than_half_a_passage_is_refused(overlap: int) -> None:
    with pytest.raises(ValueError, match="overlap"):
        StructureChunker(TOKENS, 60, overlap)


def flat(seed: int) -> str:
    return "\n\n".join(prose(1 + n % 4, seed=seed * 1000 + n) for n in range(200))


def sectioned(seed: int) -> str:
    return "\n\n".join(f"## Part {n}\n\n{prose(1 + n % 9, seed=seed * 1000 + n)}" for n in range(100))


@pytest.mark.parametrize("make", [flat, sectioned])
def test_an_edit_in_the_middle_of_a_long_document_changes_few_passages(make: Callable[[int], str]) -> None:
    changed = []
    for seed in range(10):
        document = parsed(make(seed))
        sentences = [match.span() for match in re.finditer(r"The [^.]+ team\.", document.text)]
        start, end = sentences[len(sentences) // 2 + seed]
        edited = parsed(document.text[:start] + "This sentence has been rewritten on Tuesday." + document.text[end:])
        before = set(texts(document, 120))
        changed.append(len([text for text in texts(edited, 120) if text not in before]))
    assert max(changed) <= 3, changed


def test_a_paragraph_added_at_the_top_leaves_the_end_alone() -> None:
    document = parsed(flat(1))
    longer = parsed(f"{prose(5, seed=99)}\n\n{document.text}")
    assert texts(longer, 120)[-50:] == texts(document, 120)[-50:]


def test_a_document_of_many_equal_lines_is_cut_in_reasonable_steps() -> None:
    document = parsed("\n\n".join(["The same line again and again."] * 20_000))
    pieces: list[Piece] = StructureChunker(TOKENS, 60).split(document)
    assert sum(piece.tokens for piece in pieces) / len(pieces) > 30


def test_context_is_the_title_and_the_two_innermost_headings() -> None:
    assert context_line("Handbook", "Part > Leave > Parents") == "Handbook > Leave > Parents"
    assert context_line("", "") == ""
    assert context_line("Leave", "Leave") == "Leave"


def test_a_long_context_gives_up_the_title_before_the_heading() -> None:
    line = context_line("A very long title of a very long document that never comes to an end " * 3, "Parental leave")
    assert line.endswith("Parental leave")
    assert len(line) < 120


def test_a_context_without_spaces_costs_no_more_than_its_share() -> None:
    assert len(context_line("東京" * 100, "大阪" * 100)) <= 24


def test_what_is_embedded_is_the_context_and_the_text() -> None:
    assert embedded_input(title="Handbook", heading="Leave", text="27 days.") == "Handbook > Leave\n27 days."
    assert embedded_input(title="", heading="", text="27 days.") == "27 days."


def test_headings_move_with_the_text_they_stand_in() -> None:
    document = parsed("# A\n\nOne.\n\n# B\n\nTwo.")
    moved = replace(document, headings=())
    assert [piece.heading for piece in StructureChunker(TOKENS, 60).split(moved)] == [""]


def test_passages_are_no_larger_than_what_the_embedder_reads() -> None:
    embedder = HashedEmbedder(max_tokens=100)
    document = parsed("# " + "Long heading " * 20 + "\n\n" + "One two three four five. " * 60)
    chunker = fitting(embedder, tokens=220, overlap=30)
    passages = [(piece.heading, document.text[piece.start : piece.end]) for piece in chunker.split(document)]
    embedder.embed_documents([embedded_input(title=document.title, heading=one, text=text) for one, text in passages])
    assert fitting(embedder, tokens=40, overlap=0).name.endswith(":40:0")
    with pytest.raises(ConfigError, match="66 tokens cannot share 40"):
        fitting(embedder, tokens=220, overlap=40)
