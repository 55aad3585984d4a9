"""`POST /v1/search`: ranked passages."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field

from ragkit.service.deps import Body, FiltersBody, Kit, Mmr, Name, Text, while_connected
from ragkit.types import Mode, SearchResult

__all__ = ["SearchBody", "router"]

router = APIRouter(tags=["search"])


class SearchBody(Body):
    """What to look for, and where."""

    query: Annotated[Text, Field(max_length=8000)]
    collection: Name | None = None
    k: int = Field(10, ge=1, le=200)
    """How many passages at most."""
    mode: Mode = "hybrid"
    filters: FiltersBody | None = None
    mmr: Mmr | None = None


@router.post("/v1/search", response_model=SearchResult)
async def search(body: SearchBody, kit: Kit, request: Request) -> SearchResult:
    """Find the passages that answer a query best."""
    filters = None if body.filters is None else body.filters.value()
    how: dict[str, Any] = {"k": body.k, "mode": body.mode, "filters": filters, "mmr": body.mmr}
    return await while_connected(request, kit.search(body.query, collection=body.collection, **how))
