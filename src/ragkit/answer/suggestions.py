"""Questions to go on with, made of the headings of the sections beside those that an answer cites."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from operator import itemgetter

from ragkit.demands import is_german
from ragkit.passages import units
from ragkit.types import Chunk, Citation

__all__ = ["suggested"]

SHORTEST, LONGEST = 4, 80
"""Characters of a heading that says what its section is about."""
_TELLS_NOTHING = re.compile(
    r"\W*(?:(?:table of )?contents?|introduction|overview|summary|conclusions?|references|appendix|index|misc\w*"
    r"|general|notes?|other|inhalt\w*|einleitung|übersicht|zusammenfassung|anhang|allgemeines|sonstiges)?[\W\d]*[a-z]?",
    re.IGNORECASE,
)
Section = tuple[int, str]
"""Where it begins, and its heading."""


def suggested(question: str, citations: Sequence[Citation], chunks: Mapping[str, Sequence[Chunk]]) -> list[str]:
    """The nearest sections first, by turns of the documents; each is asked for by its heading and the title.

    Args:
        question: What was answered; it says in which language to ask.
        citations: What the answer cites.
        chunks: Those of the documents, by their ids, in their order.
    """
    sections = {one.document_id: _sections(chunks.get(one.document_id, ())) for one in citations}
    first: dict[str, Citation] = {}
    for one in citations:
        first.setdefault(one.document_id, one)
    cited = {_around(one, sections[one.document_id]) for one in citations} | {_last(one.heading) for one in citations}
    by_turns = zip_longest(*(_beside(one, sections[key]) for key, one in first.items()))
    ask = (
        "Was steht in „{title}“ über „{heading}“?"
        if is_german(question)
        else 'What does "{title}" say about "{heading}"?'
    )
    found = [
        ask.format(title=title, heading=heading)
        for title, heading in filter(None, chain.from_iterable(by_turns))
        if heading not in cited and heading != title
    ]
    return [one for one in dict.fromkeys(found) if one != question]


def _sections(chunks: Sequence[Chunk]) -> list[Section]:
    """Also those that share a chunk, because they are short."""
    found = []
    for chunk in chunks:
        found.append((chunk.start, _last(chunk.heading)))
        inside = (unit for unit in units(chunk.text) if unit.kind == "heading")
        found += [(chunk.start + unit.start, unit.said) for unit in inside]
    return found


def _at(citation: Citation, sections: Sequence[Section]) -> int:
    return max(bisect_right(sections, citation.start, key=itemgetter(0)) - 1, 0)


def _around(citation: Citation, sections: Sequence[Section]) -> str:
    """The heading of what is cited."""
    return sections[_at(citation, sections)][1] if sections else ""


def _beside(citation: Citation, sections: Sequence[Section]) -> Iterator[tuple[str, str]]:
    """(title, heading) of the sections of a document: those after what is cited, then those before."""
    at = _at(citation, sections)
    for _, heading in (*sections[at:], *sections[:at]):
        if SHORTEST <= len(heading) <= LONGEST and not _TELLS_NOTHING.fullmatch(heading):
            yield citation.title, heading


def _last(heading: str) -> str:
    return heading.rpartition(" > ")[2].strip()
