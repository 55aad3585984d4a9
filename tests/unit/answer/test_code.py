from __future__ import annotations

from itertools import groupby, pairwise

from hypothesis import given
from hypothesis import strategies as st

from ragkit.answer.code import LONGEST, Code, Piece

TEXTS = st.text(alphabet="`\n ab|\\<~[", max_size=30)


def merged(pieces: list[Piece]) -> list[tuple[str, bool | None, str]]:
    """Kind, whether code is sure, and text, of neighbours alike as one."""
    alike = groupby(pieces, lambda piece: (piece.kind, None if piece.kind == "text" else piece.sure))
    return [(kind, sure, "".join(piece.text for piece in run)) for (kind, sure), run in alike]


def code_of(text: str) -> list[str]:
    code = Code()
    return [piece.text for piece in [*code.feed(text), *code.finish()] if piece.kind != "text"]


@given(TEXTS, st.sets(st.integers(1, 29)))
def test_how_a_reply_is_cut_does_not_change_what_is_code(text: str, cuts: set[int]) -> None:
    whole, cut = Code(), Code()
    pieces = [*whole.feed(text), *whole.finish()]
    edges = [0, *sorted(at for at in cuts if at < len(text)), len(text)]
    by_part = [piece for start, end in pairwise(edges) for piece in cut.feed(text[start:end])] + [*cut.finish()]
    assert merged(pieces) == merged(by_part)
    assert "".join(piece.text for piece in pieces) == text


def test_spans_and_fences_are_closed_by_as_many_backticks() -> None:
    assert code_of("Use ``a`b`` and `c`.") == ["``a`b``", "`c`"]
    assert "".join(code_of("````\n```\nx\n````\nText")) == "````\n```\nx\n````"


def test_no_more_is_held_than_a_long_line() -> None:
    code = Code()
    shown = sum(len(piece.text) for piece in code.feed("a ` b " * 1_000))
    assert shown > 6_000 - LONGEST - 1
