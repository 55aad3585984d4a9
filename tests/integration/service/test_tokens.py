"""Tokens of an identity provider in place of keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.identity import AUDIENCE, provider, token

SEARCH = {"query": "gift", "collection": "shop"}


@pytest.fixture
def issuer() -> Iterator[str]:
    with provider() as there:
        yield there.url


@pytest.fixture
def http(open_service, issuer: str) -> TestClient:
    return open_service(jwt_issuer=issuer, jwt_audience=AUDIENCE)


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_with_a_provider_nobody_comes_in_without_a_token(http: TestClient, issuer: str) -> None:
    for headers in ({}, bearer("x.y.z"), bearer(token(issuer, aud="another-service"))):
        assert http.post("/v1/search", json=SEARCH, headers=headers).status_code == 401
    assert http.get("/healthz").is_success


def test_the_role_of_a_token_counts(http: TestClient, issuer: str) -> None:
    upload = {"files": {"file": ("cards.md", b"Gift cards are not refundable.")}, "data": {"collection": "shop"}}
    assert http.post("/v1/documents", headers=bearer(token(issuer)), **upload).status_code == 403
    assert http.post("/v1/documents", headers=bearer(token(issuer, roles=["editor"])), **upload).is_success
    assert http.post("/v1/search", json=SEARCH, headers=bearer(token(issuer))).is_success


def test_a_provider_that_is_down_is_no_wrong_token(open_service) -> None:
    there = "http://127.0.0.1:1"
    http = open_service(jwt_issuer=there, jwt_audience=AUDIENCE)
    reply = http.post("/v1/search", json=SEARCH, headers=bearer(token(there)))
    assert reply.status_code == 502
    assert there not in reply.text
