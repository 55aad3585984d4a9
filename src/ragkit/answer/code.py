"""Tells the code in a reply, which arrives in pieces, from its text, as CommonMark reads it.

What stands in code is neither a citation nor a link. But whoever calls something code must be sure that each renderer
sees it so: a picture in what is no code after all would be fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["Code", "Piece"]

LONGEST = 1_000
"""Characters that are held at most until a span of code ends."""
_INDENT = 3
"""Spaces that a fence may have before it."""

_OPENING = re.compile(r"([ \t]*)(`{3,})[^`\[\n]*(\n|\Z)")
_CLOSING = re.compile(r"([ \t]*)(`{3,})[ \t]*(?=\n|\Z)")
_MAY_BE_FENCE = re.compile(r"[ \t]*`*[ \t]*\Z")
_NEXT = re.compile(r"`+|\n")
_UNSURE = re.compile(r"<[a-z/!?]|~~~|\$|\\[(\[]", re.IGNORECASE)
"""HTML, another kind of fence, formulas: backticks in them begin no code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a reply."""

    text: str
    kind: Literal["text", "inline", "block"]
    sure: bool
    """Whether every renderer sees the code so; it is not where what may be read in two ways stands before it.

    Of text it says nothing.
    """


class Code:
    """Cuts a reply, as it grows, into text and code.

    A span of code ends in its line. Backticks that nothing closes there are text; fences begin a line.
    """

    def __init__(self) -> None:
        self._held = ""
        self._at_start = True
        self._fence: tuple[int, int] | None = None
        self._sure = True
        self._before = ""
        """The last characters before what is held, where they are text."""

    def feed(self, delta: str) -> Iterator[Piece]:
        """Take a piece; gives what is decided."""
        self._held += delta
        return self._pieces(final=False)

    def finish(self) -> Iterator[Piece]:
        """The reply is complete: gives the rest."""
        return self._pieces(final=True)

    def _pieces(self, *, final: bool) -> Iterator[Piece]:
        while self._held:
            piece = self._in_block(final) if self._fence else self._opening(final) or self._in_line(final)
            if piece is None:
                return
            self._held = self._held[len(piece.text) :]
            self._at_start = piece.text.endswith("\n")
            self._before = (self._before + piece.text)[-2:] if piece.kind == "text" else ""
            yield piece

    def _piece(self, length: int, kind: Literal["text", "inline", "block"]) -> Piece:
        text = self._held[:length]
        if kind == "text" and _UNSURE.search(self._before + text):
            self._sure = False
        return Piece(text=text, kind=kind, sure=self._sure)

    def _in_block(self, final: bool) -> Piece | None:
        assert self._fence is not None
        indent, ticks = self._fence
        line = self._held.partition("\n")[0]
        if self._at_start:
            if not final and "\n" not in self._held and _MAY_BE_FENCE.match(line):
                return None
            mine = len(line) - len(line.lstrip())
            closing = _CLOSING.match(self._held)
            closes = closing is not None and len(closing[2]) >= ticks
            # It may have been the block of a list, which ends there, or where only some say that it is closed.
            if line.strip() and (mine < indent or (closes and (mine > _INDENT or line.startswith("\t")))):
                self._sure = False
            if closing is not None and closes:
                self._fence = None
                return self._piece(closing.end(), "block")
        return self._piece(min(len(line) + 1, len(self._held)), "block")

    def _opening(self, final: bool) -> Piece | None:
        found = _OPENING.match(self._held) if self._at_start else None
        if found is None or not (found[3] or final):
            return None
        self._fence = (len(found[1]), len(found[2]))
        self._sure &= len(found[1]) <= _INDENT and "\t" not in found[1]
        return self._piece(found.end(), "block")

    def _in_line(self, final: bool) -> Piece | None:
        held = self._held
        if not final and self._at_start and (_OPENING.fullmatch(held) or _MAY_BE_FENCE.match(held)):
            return None
        found = _NEXT.search(held)
        if found is None or found.group() == "\n":
            return self._piece(found.end() if found else len(held), "text")
        at = found.start()
        if (self._before + held[:at]).endswith("\\"):
            self._sure = False
            return self._piece(at + 1, "text")
        return self._piece(at, "text") if at else self._span(len(found.group()), final)

    def _span(self, ticks: int, final: bool) -> Piece | None:
        """What begins with so many backticks: a span of code, or they are text."""
        line = self._held.partition("\n")[0]
        whole = final or len(line) < len(self._held)
        if not whole and ticks == len(line):
            return None
        closing = re.compile(rf"(?<!`)`{{{ticks}}}(?!`)").search(line, ticks)
        if closing is not None and closing.start() < LONGEST:
            if not whole and closing.end() == len(line):
                return None  # there may be more of them
            self._sure &= "|" not in line[: closing.end()]  # which ends the cell of a table
            return self._piece(closing.end(), "inline")
        if not whole and (len(line) < LONGEST or line.endswith("`")):
            return None
        self._sure = False
        return self._piece(ticks, "text")
