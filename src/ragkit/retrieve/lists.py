"""The two lists of a question, read side by side and merged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.index.generations import Generation
from ragkit.index.rows import Place
from ragkit.protocols import KeywordIndex
from ragkit.retrieve.dense import DenseSearch
from ragkit.retrieve.explain import Ranking
from ragkit.retrieve.filters import Reach
from ragkit.retrieve.fusion import above_background, convex, cosines, less_chance
from ragkit.retrieve.weights import dense_weight, signals
from ragkit.types import Mode

if TYPE_CHECKING:
    from ragkit.protocols import Vector

__all__ = ["Asked", "Lists", "Merged"]

_Words = tuple[Ranking, dict[str, Place], "dict[str, Vector]"]
"""A keyword list, where its chunks stand, and their vectors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question, ready to be compared."""

    query: str
    mode: Mode
    vector: Vector | None
    words: Future[_Words] | None
    """What the keywords find down to `depth`."""
    depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What both lists held together."""

    ranking: Ranking
    """Of what is live and in scope."""
    via: Mapping[str, tuple[str, ...]]
    """Which lists held each id."""
    places: Mapping[str, Place]


class Lists:
    """Reads the lists of questions.

    Args:
        dense: Nearest neighbours.
        keywords: Opens the keyword index of a generation.
        threads: In which keywords are looked for.
    """

    def __init__(self, *, dense: DenseSearch, keywords: Callable[[Generation], KeywordIndex], threads: int) -> None:
        self._dense = dense
        self._keywords = keywords
        self._beside = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="ragkit-keywords")

    def close(self) -> None:
        self._beside.shutdown()

    def ask(self, reached: Reach, query: str, depth: int, mode: Mode) -> Asked:
        """Begin: the keywords are looked for while the question is embedded."""
        words = None if mode == "dense" else self._beside.submit(self._by_words, reached, query, depth)
        vector = None
        if mode != "keyword":
            with reached.notes.stage("embed"):
                vector = self._dense.embed(query, reached.generation)
        if words is not None:  # waited for here, and not by who has a turn
            with reached.notes.stage("keyword" if vector is None else "keyword (beyond dense)"):
                words.result()
        return Asked(query=query, mode=mode, vector=vector, words=words, depth=depth)

    def merge(self, reached: Reach, asked: Asked, depth: int) -> Merged:
        """Both lists down to a depth, and what they come to together."""
        notes, generation, query, vector = reached.notes, reached.generation, asked.query, asked.vector
        dense: Ranking = []
        if vector is not None:
            with notes.stage("dense"):
                dense = self._dense.search(vector, k=depth, reach=reached)
        keyword, places, vectors = self._words(reached, asked, depth)
        with notes.stage("join"):
            rest = [key for key, _ in dense if key not in places]
            places = places | reached.places(rest)[0]
        via: dict[str, tuple[str, ...]] = dict.fromkeys((key for key, _ in dense), ("dense",))
        via.update((key, (*via.get(key, ()), "keyword")) for key, _ in keyword)
        notes.outside.update(via.keys() - places.keys())
        merged = dense or keyword
        if vector is not None and asked.words is not None:
            # What only the keywords found has a cosine too: counted as 0, it would fall behind any neighbour.
            near = [(key, float(row @ vector)) for key, row in vectors.items() if via[key] == ("keyword",)]
            notes.signals = signals(query, keyword, tokens=self._dense.tokens(query, generation))
            notes.weight = dense_weight(notes.signals, offset=generation.dense_offset)
            fused = convex(cosines([*dense, *near]), above_background(keyword), weight=notes.weight)
            notes.siblings = {key: place.siblings for key, place in places.items()}
            merged = less_chance([pair for pair in fused if pair[0] in places], notes.siblings)
        notes.dense, notes.keyword = dense, keyword
        notes.merged = [pair for pair in merged if pair[0] in places]
        return Merged(ranking=notes.merged, via=via, places=places)

    def _words(self, reached: Reach, asked: Asked, depth: int) -> _Words:
        if asked.words is None:
            return [], {}, {}
        if depth == asked.depth:
            return asked.words.result()
        with reached.notes.stage("keyword" if asked.vector is None else "keyword (beyond dense)"):
            return self._by_words(reached, asked.query, depth)

    def _by_words(self, reached: Reach, query: str, depth: int) -> _Words:
        found = reached.keywords(self._keywords(reached.generation), query, k=depth)
        ids = [key for key, _ in found]
        return found, *reached.places(ids, with_vectors=True)
