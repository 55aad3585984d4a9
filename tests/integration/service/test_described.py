"""The service does what its description says, and what the description forbids is refused: some requests a route."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import positive_data_acceptance

from ragkit.settings import Settings
from ragkit.testing.server import FakeServer

KEY = {"Authorization": "Bearer the-key"}
EXAMPLES = 3
"""Of each route; `python -m benchmarks.openapi` sends hundreds to the real service."""


@pytest.fixture(scope="module")
def server() -> Iterator[FakeServer]:
    with FakeServer(Settings(api_keys=("the-key",))) as server:
        server.add("cards.md", "Gift cards are not refundable.")
        yield server


@pytest.fixture(scope="module")
def described(server: FakeServer) -> BaseSchema:
    found = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    # Its reply has pairs: schemathesis 4.32 turns `prefixItems` into a form of JSON Schema that it then refuses.
    # Resumable uploads refuse with 412, as their protocol (tus) says; schemathesis takes that for no refusal.
    return found.exclude(path="/v1/snapshots/{a}/diff/{b}").exclude(path_regex="^/v1/uploads")


def test_every_route_answers_as_it_is_described(described: BaseSchema) -> None:
    routes = [found.ok() for found in described.get_all_operations()]
    assert len(routes) > 50
    for route in routes:
        _try(route)


def _try(route: Any) -> None:
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(*(route.as_strategy(generation_mode=mode) for mode in GenerationMode)))
    def once(case: schemathesis.Case) -> None:
        # Of a prompt that is no template, and the like, no schema tells.
        case.call_and_validate(headers=KEY, excluded_checks=[positive_data_acceptance])

    once()
