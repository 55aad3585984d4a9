"""`POST /v1/search` and `/v1/explain`: ranked passages, and how a search came to them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field

from ragkit.explanation import Explanation
from ragkit.service.deps import Body, FiltersBody, KitToOperate, KitToRead, Mmr, Name, Text, a_number, while_connected
from ragkit.types import Mode, SearchResult

__all__ = ["ExplainBody", "SearchBody", "router"]

router = APIRouter(tags=["search"])


class SearchBody(Body):
    """What to look for, and where."""

    query: Annotated[Text, Field(max_length=8000)]
    collection: Name | None = None
    k: Annotated[int, Field(ge=1, le=200), a_number] = 10
    """How many passages at most."""
    mode: Mode = "hybrid"
    filters: FiltersBody | None = None
    mmr: Mmr | None = None

    def arguments(self) -> dict[str, Any]:
        """What `AsyncRagkit.search` and `explain` take beside the query."""
        filters = None if self.filters is None else self.filters.value()
        return {"collection": self.collection, "k": self.k, "mode": self.mode, "filters": filters, "mmr": self.mmr}


class ExplainBody(SearchBody):
    """A search, and for whom it is done."""

    access: tuple[Name, ...] | None = Field(None, max_length=100)
    """Access tags of the caller for whom to search; none for an operator."""


@router.post("/v1/search", response_model=SearchResult)
async def search(body: SearchBody, kit: KitToRead, request: Request) -> SearchResult:
    """Find the passages that answer a query best."""
    return await while_connected(request, kit.search(body.query, **body.arguments()))


@router.post("/v1/explain", response_model=Explanation)
async def explain(body: ExplainBody, kit: KitToOperate, request: Request) -> Explanation:
    """Tell what every stage of a search did; for operators, since it names also what is out of scope."""
    return await while_connected(request, kit.explain(body.query, access=body.access, **body.arguments()))
