"""Searching within a scope, without losing what is in it.

An index that is asked for neighbours first and filtered afterwards returns too few; one that filters while it walks its
graph is slow and loses neighbours. So the catalog is asked first how much is in scope. Little: the indexes are asked
for those documents alone, and vectors are compared one by one, which is exact. Much: the lists are read deeper, until
enough of what they hold is in scope.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ragkit.index.catalog import Catalog
from ragkit.index.directory import Directory, Within
from ragkit.index.generations import Generation
from ragkit.index.rows import Place
from ragkit.index.scope import Scope
from ragkit.protocols import KeywordIndex
from ragkit.retrieve.explain import Notes

if TYPE_CHECKING:
    from ragkit.protocols import Vector

__all__ = ["NARROW", "Reach", "reach", "within"]

NARROW = 2_000
"""Chunks that are compared one by one: reading their vectors takes about as long as a search that is read deep."""
DEEPEST = 3_200
"""How deep a list is read before what is in scope is looked at one by one after all."""
AT_FIRST = 4
"""How many times the wanted number is read at first."""

Ranking = list[tuple[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What one search may find.

    Attributes:
        document_ids: Of the documents in scope, where these are few; none where they are many, or all.
        directory: Of the collection, where it is in memory.
        within: What of the directory is in scope; none where everything is.
        notes: What the search has done so far.
    """

    catalog: Catalog
    generation: Generation
    scope: Scope
    document_ids: tuple[str, ...] | None
    directory: Directory | None = None
    within: Within | None = None
    notes: Notes = field(default_factory=Notes)

    @property
    def empty(self) -> bool:
        return self.document_ids == ()

    def passing(self, ids: Sequence[str]) -> set[str]:
        """Those of the chunk ids that are live and in scope."""
        if self.directory is not None:
            good = self.directory.passing(ids, self.within)
        else:
            good = self.catalog.passing(self.generation, ids, self.scope)
        self.notes.outside.update(key for key in ids if key not in good)
        return good

    def places(self, ids: Sequence[str], *, with_vectors: bool = False) -> tuple[dict[str, Place], dict[str, Vector]]:
        """Where those of the chunk ids stand that are live and in scope, and their vectors on request."""
        if self.directory is None:
            return self.catalog.places(self.generation, ids, self.scope, with_vectors=with_vectors)
        vectors = self.directory.vectors(ids, self.within) if with_vectors else {}
        return self.directory.places(ids, self.within), vectors

    def described(self) -> str:
        """How the search is kept to what is in scope, for people."""
        if self.scope.everything:
            return "everything"
        if self.document_ids is None:
            return "many documents: the lists were read deeper"
        return f"{len(self.document_ids)} documents, compared passage by passage"

    def keywords(self, index: KeywordIndex, query: str, *, k: int) -> Ranking:
        """The best `k` by keywords."""
        if self.scope.everything or self.document_ids is not None:
            return index.search(query, k=k, document_ids=self.document_ids or ())
        found = within(lambda depth: index.search(query, k=depth), self.passing, k=k)
        if found is not None:
            return found
        known = self.within and self.within.document_ids
        everything_in_scope = known or self.catalog.in_scope(self.generation, self.scope)
        return index.search(query, k=k, document_ids=everything_in_scope) if everything_in_scope else []


def reach(
    catalog: Catalog, generation: Generation, scope: Scope, *, narrow: int = NARROW, directory: Directory | None = None
) -> Reach:
    """Look up what is in scope; up to `narrow` chunks are few."""
    few, inside = None, None
    if not scope.everything:
        if directory is None:
            few = catalog.in_scope(generation, scope, chunks_at_most=narrow)
        else:
            known_by = (repr(scope), generation.untagged)
            inside = directory.within(known_by, lambda: catalog.in_scope(generation, scope) or ())
            few = inside.document_ids if len(inside.rows) <= narrow else None
    return Reach(
        catalog=catalog, generation=generation, scope=scope, document_ids=few, directory=directory, within=inside
    )


def within(search: Callable[[int], Ranking], passing: Callable[[Sequence[str]], set[str]], *, k: int) -> Ranking | None:
    """The first `k` of a ranked list that pass, read as deep as that takes; none where it would be too deep.

    Args:
        search: Gives the list down to a depth.
        passing: Gives those of some ids that pass.
        k: How many are wanted; fewer come back where the whole list holds no more.
    """
    good: set[str] = set()
    looked_at = 0
    depth = AT_FIRST * k
    while True:
        found = search(depth)
        good |= passing([key for key, _ in found[looked_at:]])
        kept = [pair for pair in found if pair[0] in good]
        if len(kept) >= k or len(found) < depth:
            return kept[:k]
        if depth >= DEEPEST:
            return None
        looked_at = len(found)
        share = max(len(kept), 1) / len(found)
        depth = min(DEEPEST, max(2 * depth, int(1.3 * k / share)))
