"""The keys of `MemoryRagkit`, in a dictionary, and quotas without limits."""

from __future__ import annotations

import builtins
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from ragkit.callers import Principal
from ragkit.errors import NotFound
from ragkit.rights import Key, KeyUsage, Limit, NewKey, Role

__all__ = ["MemoryKeys", "MemoryQuotas"]


class MemoryKeys:
    """Keys that open what their role may, as long as they are not revoked."""

    def __init__(self) -> None:
        self._keys: dict[str, Key] = {}
        self._secrets: dict[str, str] = {}

    async def create(
        self,
        name: str,
        *,
        role: Role = "reader",
        collections: Sequence[str] | None = None,
        access: Sequence[str] | None = None,
        limits: Sequence[Limit] = (),
        expires_at: datetime | None = None,
    ) -> NewKey:
        key = Key(
            id=f"rk_{secrets.token_hex(6)}",
            name=name,
            role=role,
            collections=None if collections is None else tuple(collections),
            access=None if access is None else tuple(access),
            limits=tuple(limits),
            created_at=datetime.now(UTC),
            expires_at=expires_at,
        )
        self._keys[key.id] = key
        return self._with_secret(key)

    async def list(self) -> builtins.tuple[Key, ...]:
        return tuple(reversed(self._keys.values()))

    async def rotate(self, key_id: str, *, overlap_s: float = 0) -> NewKey:
        key = self._get(key_id)
        self._secrets = {secret: owner for secret, owner in self._secrets.items() if owner != key_id or overlap_s}
        return self._with_secret(key)

    async def revoke(self, key_id: str) -> Key:
        self._keys[key_id] = replace(self._get(key_id), revoked_at=datetime.now(UTC))
        return self._keys[key_id]

    async def usage(self, key_id: str) -> KeyUsage:
        return KeyUsage(key_id=key_id, limits=self._get(key_id).limits, windows=(), reserved=0)

    def any(self) -> bool:
        return bool(self._keys)

    def remembers_any(self) -> bool | None:
        return bool(self._keys)

    def remembered(self, secret: str) -> Principal | None:
        return self.caller(secret)

    def caller(self, secret: str) -> Principal | None:
        key = self._keys.get(self._secrets.get(secret, ""))
        if key is None or key.revoked_at is not None:
            return None
        return Principal(name=key.id, role=key.role, collections=key.collections, access=key.access, limits=key.limits)

    def _with_secret(self, key: Key) -> NewKey:
        secret = f"{key.id}_{secrets.token_urlsafe(32)}"
        self._secrets[secret] = key.id
        return NewKey(key=key, secret=secret)

    def _get(self, key_id: str) -> Key:
        if key_id not in self._keys:
            raise NotFound(f"There is no key {key_id!r}.")
        return self._keys[key_id]


class MemoryQuotas:
    """Lets everybody use everything."""

    def count(self, caller: Principal) -> None:
        """Nothing is limited, so there is nothing to tell."""

    def reserve(self, caller: Principal, *, tokens: int, usd: float, holds_s: float) -> str:
        return "res_memory"

    def settle(self, key_id: str, reservation_id: str, *, tokens: int, usd: float) -> None:
        """Nothing was set aside."""
