"""Finds citation markers in a text that arrives in pieces, and the sentences that they close."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ragkit.answer.code import Code, Piece
from ragkit.references import REFERENCE
from ragkit.text import sentences

__all__ = ["MarkedText", "Sentence"]

_TOKEN = re.compile(rf"(?P<marker>\s*{REFERENCE})|[^\[【\s]+|\s+|.", re.IGNORECASE)
# A marker may be a long list; other brackets are let through sooner.
_LIST = r"\^?(?:sources?|quellen?|and|und|[\d\s,;&#–-]){0,80}[a-z]{0,6}"  # noqa: RUF001
_UNDECIDED = re.compile(rf"(?:\s*[\[【](?:[^\]】\n`]{{0,40}}|{_LIST})|\s+)$", re.IGNORECASE)
_RANGE = re.compile(r"(\d{1,3})\s*[–-]\s*(\d{1,3})")  # noqa: RUF001
_LONGEST_RANGE = 10
_SPACES = re.compile(r"\s+")
_GAP = re.compile(r"\s+(?=[.,;:!?])")
_COMMENT = re.compile(r"(?:#|//|--|/\*|;;)[^\n]*\Z")
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n")
_FENCE = "```"
_REFERENCE = re.compile(REFERENCE, re.IGNORECASE)
_REACH = 120
"""Characters of a marker at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence that is complete, with the sources that it cites."""

    text: str
    """Without its markers."""
    markers: tuple[int, ...]
    start: int = 0
    end: int = 0
    """`MarkedText.text[start:end]` is the sentence as it is shown, up to the next one."""


class MarkedText:
    """A reply as it grows: markers that point at a source are kept as `[n]`, others never get through.

    In code, `items[7]` is no citation and stays; only in comments what points nowhere is left out.

    Attributes:
        text: What was let through so far.
    """

    def __init__(self, sources: int) -> None:
        self._sources = sources
        self._code = Code()
        self._held = ""
        self._kind: Literal["text", "inline", "block"] = "text"
        self._markers: list[tuple[int, int]] = []
        # The open tail of `text` as sentences are looked for in it: markers are blanks, fenced code is blank lines.
        self._tail = ""
        self.text = ""

    def feed(self, delta: str) -> str:
        """Take a piece; returns what can be shown now, which ends where a marker or code may have begun."""
        return "".join(self._take(piece) for piece in self._code.feed(delta))

    def finish(self) -> str:
        """The reply is complete: returns the rest, without white space at its end."""
        shown = "".join(self._take(piece) for piece in self._code.finish())
        rest, self._held = self._held.rstrip(), ""
        return shown + self._pass(rest)

    def closed(self, *, final: bool = False) -> list[Sentence]:
        """The sentences that have closed since the last call; with `final`, also the one that is open."""
        spans = sentences(self._tail)
        closing = spans if final else spans[: self._sure(spans)]
        if not closing:
            return []
        starts = [*self._beginnings(spans), len(self._tail)]
        base = len(self.text) - len(self._tail)
        found = []
        for (first, last), start, stop in zip(closing, starts, starts[1:], strict=False):
            cited = [number for at, number in self._markers if start <= at - base < stop]
            text = _GAP.sub("", _SPACES.sub(" ", self._tail[first:last]))
            found.append(Sentence(text=text, markers=tuple(dict.fromkeys(cited)), start=base + start, end=base + stop))
        self._tail = self._tail[starts[len(closing)] :]
        self._markers = [marker for marker in self._markers if marker[0] >= len(self.text) - len(self._tail)]
        return found

    def _beginnings(self, spans: list[tuple[int, int]]) -> Iterator[int]:
        """Where each begins with the markers that a paragraph has before its first word."""
        before = 0
        for start, end in spans:
            breaks = [match.end() for match in _PARAGRAPH.finditer(self._tail, before, start)]
            yield breaks[-1] if breaks else start if before else 0
            before = end

    def _sure(self, spans: list[tuple[int, int]]) -> int:
        """How many spans stay as they are whatever follows: those before a sentence whose first word is complete."""
        complete = spans and re.match(r"\S+\s", self._tail[spans[-1][0] :])
        return max(0, len(spans) - (1 if complete else 2))

    def _take(self, piece: Piece) -> str:
        shown = ""
        if piece.kind != self._kind:
            shown, self._held, self._kind = self._pass(self._held), "", piece.kind
        self._held += piece.text
        undecided = _UNDECIDED.search(self._held)
        cut = undecided.start() if undecided else len(self._held)
        ready, self._held = self._held[:cut], self._held[cut:]
        return shown + self._pass(ready)

    def _pass(self, ready: str) -> str:
        before = len(self.text)
        for match in _TOKEN.finditer(ready):
            if self.text or not match.group().isspace():
                self._let_through(match)
        return self.text[before:]

    def _let_through(self, match: re.Match[str]) -> None:
        raw = match.group()
        if self._kind == "text":
            if match["marker"]:
                self._mark(raw, match["numbers"])
                return
            raw = self._unjoined(raw)
        elif (
            match["marker"]
            and raw[0].isspace()
            and _COMMENT.search(self.text)
            and not self._pointed_at(match["numbers"])
        ):
            return
        self.text += raw
        self._tail += "\n" * len(raw) if self._kind == "block" else raw

    def _unjoined(self, raw: str) -> str:
        """Without a bracket that would make a marker of what is left around one that was taken out."""
        before = self.text[-_REACH:]
        while raw.count("]") + raw.count("】"):
            joined = (one for one in _REFERENCE.finditer(before + raw) if one.start() < len(before) < one.end())
            if (found := next(joined, None)) is None:
                break
            at = found.end() - 1 - len(before)
            raw = raw[:at] + raw[at + 1 :]
        return raw

    def _pointed_at(self, numbers: str) -> list[int]:
        return [number for number in _listed(numbers) if 1 <= number <= self._sources]

    def _mark(self, raw: str, numbers: str) -> None:
        valid = self._pointed_at(numbers)
        lead = raw[: len(raw) - len(raw.lstrip())] if self.text else ""
        if not valid:
            lead = lead if self.text.endswith(_FENCE) else ""  # which nothing may follow in its line
        shown = lead
        for number in valid:
            self._markers.append((len(self.text) + len(shown), number))
            shown += f"[{number}]"
        self.text += shown
        self._tail += lead + " " * (len(shown) - len(lead))


def _listed(numbers: str) -> list[int]:
    """`1, 3-5` as 1, 3, 4, 5."""

    def spread(match: re.Match[str]) -> str:
        first, last = int(match[1]), int(match[2])
        if first <= last < first + _LONGEST_RANGE:
            return ",".join(map(str, range(first, last + 1)))
        return f"{first},{last}"

    return list(dict.fromkeys(map(int, re.findall(r"\d+", _RANGE.sub(spread, numbers)))))
