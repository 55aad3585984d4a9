"""Turns the markers of an answer into links, as it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from ragkit.events import Cited, Done, Event, Failed, Token, Verified
from ragkit.types import Citation

__all__ = ["Links", "address_of"]

_MARKER = re.compile(r"\[(\d{1,3})\]")
_BEGUN = re.compile(r"\[\d{0,3}$")


@dataclass(slots=True)
class _Marker:
    """One that was written and waits for what it points at."""

    number: int
    link: str | None = None


class Links:
    """Takes the events of an answer and gives its text with `[[1]](address)` for `[1]`.

    What a marker points at is known when its sentence has been checked: until then, the text from the marker on waits.

    Args:
        base: The address of the service, as browsers reach it, with a slash at its end.
    """

    def __init__(self, base: str) -> None:
        self._base = base
        self._tail = ""
        self._waiting: list[str | _Marker] = []
        self._cited: dict[int, Citation] = {}

    def feed(self, event: Event) -> str:
        """Take an event; returns the text that can be sent now."""
        if isinstance(event, Token):
            self._write(event.text)
        elif isinstance(event, Cited):
            self._cited[event.citation.marker] = event.citation
        elif isinstance(event, Verified) and not event.dropped:
            self._settle(set(event.markers))
        elif isinstance(event, Done | Failed):
            self._waiting.append(self._tail)
            self._tail = ""
            self._settle({one.number for one in self._open()}, also_again=True)
        return "".join(self._ready())

    def _write(self, text: str) -> None:
        text = self._tail + text
        begun = _BEGUN.search(text)
        cut = begun.start() if begun else len(text)
        text, self._tail = text[:cut], text[cut:]
        end = 0
        for found in _MARKER.finditer(text):
            self._waiting += [text[end : found.start()], _Marker(int(found[1]))]
            end = found.end()
        self._waiting.append(text[end:])

    def _settle(self, numbers: set[int], *, also_again: bool = False) -> None:
        """Link the first marker of each of these numbers, and what else is written up to there."""
        for marker in self._open():
            if not numbers:
                return
            marker.link = self._link(marker.number)
            if not also_again:
                numbers.discard(marker.number)

    def _link(self, number: int) -> str:
        citation = self._cited.get(number)
        return f"[{number}]" if citation is None else f"[[{number}]]({address_of(citation, self._base)})"

    def _open(self) -> list[_Marker]:
        return [one for one in self._waiting if isinstance(one, _Marker) and one.link is None]

    def _ready(self) -> Iterator[str]:
        while self._waiting:
            first = self._waiting[0]
            text = first if isinstance(first, str) else first.link
            if text is None:
                return
            del self._waiting[0]
            yield text


def address_of(citation: Citation, base: str) -> str:
    """Where the chat page shows a citation at its quoted sentence; what follows `#` no server is told."""
    return f"{base}#document={quote(citation.document_id, safe='')}&start={citation.start}&end={citation.end}"
