"""What a search notes down as it goes, and the explanation that is made of it on request.

Every search notes the same few references, so that there is one way to search, and what is explained is what was done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from ragkit.explanation import Candidate
from ragkit.retrieve.weights import Signals
from ragkit.types import Hit

__all__ = ["Notes", "Ranking", "candidates"]

Ranking = Sequence[tuple[str, float]]
LookUp = Callable[[Sequence[str]], Mapping[str, Hit]]
_SHOWN_CHARS = 160


@dataclass(slots=True, kw_only=True)
class Notes:
    """What one search did; lists that were read again deeper replace what was noted before."""

    dense: Ranking = ()
    keyword: Ranking = ()
    weight: float | None = None
    signals: Signals | None = None
    siblings: Mapping[str, int] = field(default_factory=dict)
    merged: Ranking = ()
    outside: set[str] = field(default_factory=set)
    """Ids that an index returned and that are not live, or not in scope."""
    factors: Mapping[str, float] = field(default_factory=dict)
    distinct: Sequence[str] = ()
    reranked: Sequence[Hit] = ()
    ordered: Sequence[Hit] = ()
    stages_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time that a block takes to a stage."""
        since = time.perf_counter()
        try:
            yield
        finally:
            self.stages_ms[name] = round(self.stages_ms.get(name, 0.0) + 1e3 * (time.perf_counter() - since), 3)

    def signals_by_name(self) -> dict[str, float]:
        return {} if self.signals is None else {name: round(value, 4) for name, value in asdict(self.signals).items()}


def candidates(notes: Notes, shown: Sequence[Hit], look_up: LookUp) -> list[Candidate]:
    """Each passage of the lists with its ranks and what became of it.

    Args:
        notes: Of the search.
        shown: Its result.
        look_up: Gives the passages of chunk ids, of whatever is live.
    """
    dense, keyword = _places(notes.dense), _places(notes.keyword)
    fused, reranked = dict(notes.merged), _ranks(notes.reranked)
    ranks, ordered = _ranks(shown), _ranks(notes.ordered)
    distinct = {key: place for place, key in enumerate(notes.distinct, start=1)}
    ids = list(dict.fromkeys([*ranks, *(key for key, _ in notes.merged), *dense, *keyword, *sorted(notes.outside)]))
    passages = look_up(ids)

    def fate(key: str) -> str:
        if key in ranks:
            older = key in ordered and key in distinct and ordered[key] > distinct[key] and not reranked
            return "shown, behind a newer edition" if older else "shown"
        if key not in passages:
            return "no longer live"
        if key in notes.outside:
            return "outside the filters or access tags"
        if key not in distinct:
            return "the same passage as a better one" if key in fused else "too deep in its list"
        if ordered.get(key, len(shown) + 1) <= len(shown):
            return "too like passages before it"
        return "past k"

    return [
        Candidate(
            rank=ranks.get(key),
            fate=fate(key),
            uri=passages[key].uri if key in passages else "",
            heading=passages[key].heading if key in passages else "",
            chunk_id=key,
            text=" ".join(passages[key].text.split())[:_SHOWN_CHARS] if key in passages else "",
            dense_rank=dense.get(key, (None, None))[0],
            cosine=dense.get(key, (None, None))[1],
            keyword_rank=keyword.get(key, (None, None))[0],
            keyword_score=keyword.get(key, (None, None))[1],
            siblings=notes.siblings.get(key),
            score=round(fused[key], 6) if key in fused else None,
            weight=round(notes.factors[key], 4) if key in notes.factors else None,
            reranked=reranked.get(key),
        )
        for key in ids
    ]


def _places(ranking: Ranking) -> dict[str, tuple[int | None, float | None]]:
    return {key: (place, round(score, 4)) for place, (key, score) in enumerate(ranking, start=1)}


def _ranks(hits: Sequence[Hit]) -> dict[str, int]:
    return {hit.chunk_id: place for place, hit in enumerate(hits, start=1)}
