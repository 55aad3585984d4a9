"""What hangs off the engine as `keys`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from ragkit.rights import Key, KeyUsage, Limit, NewKey, Role
from ragkit.threads import Threads

if TYPE_CHECKING:
    from ragkit.parts import Parts

__all__ = ["AsyncKeys"]


class AsyncKeys:
    """The API keys of this service, for admins."""

    def __init__(self, parts: Parts, threads: Threads) -> None:
        self._parts = parts
        self._threads = threads

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
        """Make a key; its secret is told this once.

        Args:
            name: For people to tell it by.
            role: What it may do: `reader`, `editor`, `operator` or `admin`, each with what those before it may.
            collections: Those that it opens; all when none are given.
            access: Access tags that its caller carries; when none are given it sees every document.
            limits: How much it may use.
            expires_at: From when on it opens nothing.

        Raises:
            InputError: What it is to be allowed does not fit together, or it has expired already.
        """
        registry = self._parts.keys
        return await self._threads.run(
            registry.create,
            name,
            role=role,
            collections=collections,
            access=access,
            limits=limits,
            expires_at=expires_at,
        )

    async def list(self) -> tuple[Key, ...]:
        """Every key, newest first, with those that expired or were revoked."""
        return await self._threads.run(self._parts.keys.list)

    async def rotate(self, key_id: str, *, overlap_s: float = 0) -> NewKey:
        """Give a key another secret, and let the one that it had go on for so many seconds.

        Raises:
            NotFound: No key has this id.
            Conflict: It was revoked.
        """
        return await self._threads.run(self._parts.keys.rotate, key_id, overlap_s=overlap_s)

    async def revoke(self, key_id: str) -> Key:
        """Let in nobody with this key any more, at once; other processes follow within seconds.

        Raises:
            NotFound: No key has this id.
        """
        return await self._threads.run(self._parts.keys.revoke, key_id)

    async def usage(self, key_id: str) -> KeyUsage:
        """What a key has used: this minute, the last days and months.

        Raises:
            NotFound: No key has this id.
        """
        key = await self._threads.run(self._parts.keys.get, key_id)
        return await self._threads.run(self._parts.quotas.usage, key_id, key.limits)
