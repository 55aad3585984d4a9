"""Questions made of a collection's own headings and sentences, for want of real ones.

A known item is looked for by some of its own words, as in Azzopardi, de Rijke and Balog, "Building Simulated Queries
for Known-Item Topics", SIGIR 2007. A copy would be found by its rarest words alone, so that those are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ragkit.errors import InputError
from ragkit.evaluate.dataset import Dataset
from ragkit.passages import units
from ragkit.text import STOPWORDS, words
from ragkit.tokens import rarity
from ragkit.types import Hit

__all__ = ["MOST", "sections", "synthesised"]

MOST = 200
"""Questions; more make the choice no surer."""
MASKED = 1 / 3
"""Share of the words that tell something which are left out, the rarest."""
LEAST_WORDS, MOST_WORDS = 3, 12
"""That tell something, in what a question is made of."""


def sections(hits: Sequence[Hit]) -> list[str]:
    """The sections of passages, each at its best passage: a heading is that of a section, not of one passage of it."""
    return list(dict.fromkeys(_section(uri, hit.heading) for hit in hits for uri in (hit.uri, *hit.also_in)))


def synthesised(passages: Iterable[Hit], *, name: str) -> Dataset:
    """Questions with the section that each was made of, at most one a section, by turns of its heading and a sentence.

    Args:
        passages: In an order that has nothing to do with what they say.
        name: Of the dataset.

    Raises:
        InputError: The passages have too few words to ask for.
    """
    queries: dict[str, str] = {}
    for hit in passages:
        key = _section(hit.uri, hit.heading)
        if key not in queries and (query := _query(hit, heading_first=len(queries) % 2 == 0)):
            queries[key] = query
        if len(queries) == MOST:
            break
    if not queries:
        raise InputError("No question can be made of what the collection holds.", hint="Give questions of your own.")
    return Dataset(name=name, split="", queries=queries, qrels={key: {key: 1} for key in queries})


def _query(hit: Hit, *, heading_first: bool) -> str:
    heading = " ".join(dict.fromkeys((hit.title, hit.heading.rpartition(" > ")[2])))
    prose = [unit.said for unit in units(hit.text) if unit.kind == "prose"]
    sentences = prose[len(prose) // 2 :] + prose[: len(prose) // 2]  # the first one often repeats the title
    texts = [heading, *sentences] if heading_first and hit.heading else [*sentences, heading]
    return next(filter(None, map(_masked, texts)), "")


def _masked(text: str) -> str:
    """The text without its rarest words; empty where it says too little, or too much."""
    said = words(text)
    telling = list(dict.fromkeys(word for word in said if word not in STOPWORDS))
    if not LEAST_WORDS <= len(telling) <= MOST_WORDS:
        return ""
    rarest = sorted(telling, key=rarity, reverse=True)[: max(1, round(MASKED * len(telling)))]
    return " ".join(word for word in said if word not in rarest)


def _section(uri: str, heading: str) -> str:
    return f"{uri}#{heading}"
