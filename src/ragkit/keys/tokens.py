"""Tokens of an identity provider in place of keys: JWT (RFC 7519), verified by the keys it publishes (RFC 7517)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, get_args

import httpx2
import jwt

from ragkit.callers import Access, Principal
from ragkit.errors import UpstreamError
from ragkit.rights import Role, covers

__all__ = ["TokenVerifier"]

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""By pairs of keys alone: with a shared secret whoever can verify a token can make one."""
REQUIRED = ("exp", "iss", "aud", "sub")
LEEWAY_S = 30
TIMEOUT_S = 10
"""For what is asked of the provider: its keys are fetched once in five minutes, and when a token names another one."""


class TokenVerifier:
    """Whom a token lets in.

    A caller gets the highest of its roles, `reader` without any. It carries the access tags that the token names, also
    when it names none: it then sees what everybody with a tag sees. Operators and admins see everything.

    Args:
        issuer: What `iss` must be.
        audience: What `aud` must hold.
        keys_url: Where the provider publishes its keys; else found by OpenID Connect Discovery.
        role: The claim that holds roles, one or a list; what is no role of ragkit in it means nothing.
        access: The claim that holds access tags, such as groups.
        collections: The claim that holds collections; a token without it opens all of them.
    """

    def __init__(
        self, issuer: str, audience: str, *, keys_url: str | None, role: str, access: str, collections: str
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys_url = keys_url
        self._role = role
        self._access = access
        self._collections = collections

    def caller(self, token: str) -> Principal | None:
        """Whom the token lets in, if anybody: not with a wrong signature, issuer or audience, and not past its time.

        Raises:
            UpstreamError: The provider's keys cannot be had.
        """
        try:
            claims = jwt.decode(
                token,
                self._key(str(jwt.get_unverified_header(token).get("kid"))),
                algorithms=ALGORITHMS,
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_S,
                options={"require": list(REQUIRED)},
            )
        except (jwt.InvalidTokenError, jwt.PyJWKClientError):
            return None
        return self._principal(claims)

    def _key(self, name: str) -> jwt.PyJWK:
        known = None
        try:
            known = self._keys.get_jwk_set()
            return self._keys.get_signing_key(name)  # which asks once more for one that is not among them
        except (jwt.PyJWTError, OSError, ValueError) as error:  # nothing came, it broke off, or it is no set of keys
            lacks = known is not None and isinstance(error, jwt.PyJWKClientError)
            if lacks and not isinstance(error, jwt.PyJWKClientConnectionError):
                raise
            raise _unreachable(self._issuer) from error

    @cached_property
    def _keys(self) -> jwt.PyJWKClient:
        return jwt.PyJWKClient(self._keys_url or _discovered(self._issuer), timeout=TIMEOUT_S)

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        held = _strings(claims.get(self._role))
        role: Role = max((one for one in get_args(Role) if one in held), key=get_args(Role).index, default="reader")
        only = tuple(sorted(_strings(claims[self._collections]))) if self._collections in claims else None
        if role == "admin" and only is not None:
            role = "operator"  # an admin could make itself a key that opens every collection
        access: Access = None if covers(role, "operator") else tuple(sorted(_strings(claims.get(self._access))))
        return Principal(role=role, name=f"sub {claims['sub']}", collections=only, access=access)


def _strings(value: object) -> frozenset[str]:
    found = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(one for one in found if isinstance(one, str))


def _discovered(issuer: str) -> str:
    try:
        reply = httpx2.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration", timeout=TIMEOUT_S)
        return str(reply.raise_for_status().json()["jwks_uri"])
    except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
        raise _unreachable(issuer) from error


def _unreachable(issuer: str) -> UpstreamError:
    return UpstreamError(
        f"The keys of the identity provider {issuer!r} cannot be fetched.",
        hint="Look whether it answers, and whether RAGKIT_JWT_ISSUER and RAGKIT_JWT_KEYS_URL are right.",
    )
