"""Tokens of an identity provider: which are accepted, and what they allow."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from ragkit.callers import Principal
from ragkit.errors import UpstreamError
from ragkit.keys.tokens import TokenVerifier
from tests.identity import AUDIENCE, provider, token


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider() as there:
        yield there.url


def verifier(issuer: str, keys_url: str | None = None) -> TokenVerifier:
    return TokenVerifier(issuer, AUDIENCE, keys_url=keys_url, role="roles", access="groups", collections="collections")


@pytest.mark.parametrize(
    ("claims", "principal"),
    [
        ({}, Principal(role="reader", name="sub anna", access=())),
        ({"groups": ["hr", "all", 3]}, Principal(role="reader", name="sub anna", access=("all", "hr"))),
        ({"roles": "editor"}, Principal(role="editor", name="sub anna", access=())),
        (
            {"roles": ["reader", "operator", "king"], "groups": ["hr"]},
            Principal(role="operator", name="sub anna", access=None),
        ),
        ({"collections": ["shop"]}, Principal(role="reader", name="sub anna", access=(), collections=("shop",))),
        (
            {"roles": ["admin"], "collections": "shop"},
            Principal(role="operator", name="sub anna", access=None, collections=("shop",)),
        ),
    ],
)
def test_what_a_token_allows(issuer: str, claims: dict[str, object], principal: Principal) -> None:
    assert verifier(issuer).caller(token(issuer, **claims)) == principal
    assert verifier(issuer, f"{issuer}/keys").caller(token(issuer, **claims)) == principal


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"iss": "https://elsewhere.example"}, id="issuer"),
        pytest.param({"aud": "another-service"}, id="audience"),
        pytest.param({"exp": 1_000_000_000}, id="expired"),
        pytest.param({"nbf": 100_000_000_000}, id="not yet"),
        pytest.param({"key": generate_private_key(SECP256R1())}, id="key"),
        pytest.param({"key": "a-secret-that-many-share-and-that-is-long", "algorithm": "HS256"}, id="shared secret"),
        pytest.param({"without": "exp"}, id="no end"),
        pytest.param({"without": "aud"}, id="no audience"),
        pytest.param({"without": "sub"}, id="no subject"),
        pytest.param({"sub": 7}, id="subject is a number"),
    ],
)
def test_what_is_not_accepted(issuer: str, wrong: dict[str, object]) -> None:
    assert verifier(issuer).caller(token(issuer, **wrong)) is None


def test_an_unsigned_or_broken_token_is_not_accepted(issuer: str) -> None:
    unsigned = token(issuer, key="", algorithm="none")
    good = token(issuer)
    for broken in (unsigned, good[:-4] + "AAAA", "a.b.c", "..", f"{good}.x"):
        assert verifier(issuer).caller(broken) is None


def test_a_key_that_the_provider_does_not_have(issuer: str) -> None:
    other = token(issuer, kid="two")
    assert verifier(issuer).caller(other) is None


def test_a_provider_that_does_not_answer_is_named(issuer: str) -> None:
    good = token(issuer)
    unusable = ("http://127.0.0.1:1/keys", f"{issuer}/none", f"{issuer}/text", f"{issuer}/missing")
    for given in (verifier("http://127.0.0.1:1"), *map(partial(verifier, issuer), unusable)):
        with pytest.raises(UpstreamError, match="cannot be fetched") as caught:
            given.caller(good)
        assert "RAGKIT_JWT" in str(caught.value.hint)
