"""Keeps links and pictures out of a reply that its sources do not have.

A model that was talked into it by a document may write a link to somewhere, or a picture whose address carries what it
was told: whoever renders the answer would fetch it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from dataclasses import replace

from ragkit.answer.code import Code, Piece
from ragkit.protocols import ChatDelta

__all__ = ["REMOVED", "Links", "without_foreign_links"]

REMOVED = "(link removed)"

# Also without a protocol: `//host.example/…`, but not a comment in code, as `//console.log(x)`.
_URL = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]{1,20}://|\bwww\.|(?<![\w:/])/[/\\](?=[\w-]+(?:\.[\w-]+)+(?![\w(=-])))"
    r"[^\s<>\"'`)\]}|\ufdd0]+",
    re.IGNORECASE,
)
# [text](destination "title"), and ![text](destination) for a picture
_MARKDOWN = re.compile(r"!?\[(?P<text>[^\[\]\n]*)\]\(\s*(?P<to><[^>\n]*>|[^\s()]*(?:\([^\s()]*\)[^\s()]*)*)[^)\n]*\)")
_TAG = re.compile(
    r"</?(?:a|area|audio|base|button|embed|form|frame|iframe|img|input|link|meta|object|picture|script|source|style|svg"
    r"|track|video)\b[^>]*>|<[a-z][a-z0-9+.-]*:[^>\s]*>",
    re.IGNORECASE,
)
# A link inside the text of a link is taken whole or not at all: no way back into it, as there are two through each.
_UNDECIDED = re.compile(
    r"(?:!?\[(?>!?\[[^\[\]\n]{0,200}\](?:\([^)\n]{0,300}\))?|[^\[\]\n]){0,200}+(?:\](?:\([^)\n]{0,300})?)?"
    r"|!?\[!?\[?[^\[\]\n]{0,200}(?:\](?:\([^)\n]{0,300})?)?|!|<[^>\n]{0,300}"
    r"|(?<![\w:/])/(?:[/\\][^\s<>\"'`)\]}|\ufdd0]{0,300})?"
    r"|(?<![^\W_])(?:[a-z][a-z0-9+.-]{0,20}(?::/{0,2}|://[^\s<>\"'`)\]}|\ufdd0]{0,300})?"
    r"|www\.[^\s<>\"'`)\]}|\ufdd0]{0,300}))$",
    re.IGNORECASE,
)
_AFTER = ".,;:!?*_"
# Code stands as a number between two code points that are no characters, for use inside of a program.
_CODE = re.compile("\ufdd0(\\d+)\ufdd1")
_NO_CHARACTERS = dict.fromkeys((0xFDD0, 0xFDD1))


class Links:
    """A reply as it grows, with the links that are in its sources and no others.

    In code nothing is a link, and `[](int x)` stays; but only where no renderer can take it for text.

    Args:
        sources: Texts that the model was shown.
    """

    def __init__(self, sources: Iterable[str]) -> None:
        texts = list(sources)
        self._known = {_plain(match.group()) for text in texts for match in _URL.finditer(text)}
        self._known |= {_plain(match["to"]) for text in texts for match in _MARKDOWN.finditer(text)}
        self._tags = {match.group() for text in texts for match in _TAG.finditer(text)}
        self._code = Code()
        self._spans: dict[int, str] = {}
        self._held = ""

    def feed(self, delta: str) -> str:
        """Take a piece; returns what can be shown now, which ends where a link or code may have begun."""
        self._take(self._code.feed(delta.translate(_NO_CHARACTERS)))
        undecided = _UNDECIDED.search(self._held)
        cut = undecided.start() if undecided else len(self._held)
        ready, self._held = self._held[:cut], self._held[cut:]
        return self._clean(ready)

    def finish(self) -> str:
        """The reply is complete: returns the rest."""
        self._take(self._code.finish())
        ready, self._held = self._held, ""
        return self._clean(ready)

    def _take(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            if piece.kind == "text" or not piece.sure:
                self._held += piece.text
            else:
                number = len(self._spans)
                self._spans[number] = piece.text
                self._held += f"\ufdd0{number}\ufdd1"

    def _clean(self, text: str) -> str:
        before = None
        while before != text:  # a picture inside a link becomes a link
            before, text = text, _MARKDOWN.sub(self._markdown, text)
        text = _TAG.sub(lambda match: match.group() if match.group() in self._tags else "", text)
        return _CODE.sub(lambda match: self._spans[int(match[1])], _URL.sub(self._url, text))

    def _markdown(self, match: re.Match[str]) -> str:
        if _plain(match["to"]) in self._known:
            return match.group()
        return f"[{match['text']}]" if match["text"].isdigit() else match["text"]

    def _url(self, match: re.Match[str]) -> str:
        address = match.group()
        if _plain(address) in self._known:
            return address
        return REMOVED + address[len(address.rstrip(_AFTER)) :]


async def without_foreign_links(deltas: AsyncIterator[ChatDelta], sources: Iterable[str]) -> AsyncGenerator[ChatDelta]:
    """The deltas of a reply without links that are in none of its sources."""
    links = Links(sources)
    async for delta in deltas:
        yield replace(delta, text=links.feed(delta.text))
    yield ChatDelta(text=links.finish())


def _plain(address: str) -> str:
    return address.strip("<>").rstrip(_AFTER).removesuffix("/").casefold()
