"""The keys of a service, and whom a secret lets in."""

from __future__ import annotations

import builtins
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from sqlalchemy import Row, insert, or_, select, update

from ragkit.callers import Principal
from ragkit.errors import Conflict, InputError, NotFound
from ragkit.keys.secrets import digest, id_of, matches, new_id, new_secret
from ragkit.rights import Key, Limit, NewKey, Role, covers
from ragkit.store.engine import Database, now
from ragkit.store.tables import api_keys

__all__ = ["KeyRegistry"]

REMEMBERED_S = 3.0
"""How long another process may go on letting in whose key was revoked here."""
MOST_REMEMBERED = 4096


class KeyRegistry:
    """Over the table `api_keys`; safe to share between threads.

    Args:
        database: The catalog.
        clock: Tells the time, UTC.
        ticks: Counts seconds, from anywhere.
    """

    def __init__(
        self, database: Database, *, clock: Callable[[], datetime] = now, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._clock = clock
        self._ticks = ticks
        self._remembered: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()
        self._changes = 0
        self._lock = Lock()
        self._any = False
        self._asked_for_any = -REMEMBERED_S

    def create(
        self,
        name: str,
        *,
        role: Role,
        collections: Sequence[str] | None,
        access: Sequence[str] | None,
        limits: Sequence[Limit],
        expires_at: datetime | None,
    ) -> NewKey:
        """Make a key.

        Raises:
            InputError: What it is to be allowed does not fit together, or it has expired already.
        """
        _check(role, collections, access, limits)
        moment = self._clock()
        if expires_at is not None and (expires_at.tzinfo is None or expires_at <= moment):
            raise InputError(
                f"A key cannot expire at {expires_at.isoformat()!r}: that is no time to come, with its zone."
            )
        key_id = new_id()
        secret = new_secret(key_id)
        values = {
            "id": key_id,
            "name": name,
            "secret_sha256": digest(secret),
            "role": role,
            "collections": None if collections is None else sorted(set(collections)),
            "access": None if access is None else sorted(set(access)),
            "limits": [asdict(limit) for limit in limits],
            "created_at": moment,
            "expires_at": expires_at,
        }
        with self._database.write() as connection:
            row = connection.execute(insert(api_keys).values(values).returning(api_keys)).one()
        self._forget()
        return NewKey(key=_key(row), secret=secret)

    def list(self) -> tuple[Key, ...]:
        """Every key, the newest first, with those that expired or were revoked."""
        with self._database.read() as connection:
            rows = connection.execute(select(api_keys).order_by(api_keys.c.created_at.desc(), api_keys.c.id)).all()
        return tuple(map(_key, rows))

    def get(self, key_id: str) -> Key:
        """One key.

        Raises:
            NotFound: No key has this id.
        """
        with self._database.read() as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.id == key_id)).one_or_none()
        if row is None:
            raise _unknown(key_id)
        return _key(row)

    def rotate(self, key_id: str, *, overlap_s: float) -> NewKey:
        """Give a key another secret.

        Args:
            key_id: Of the key, which stays as it is otherwise.
            overlap_s: How long the secret that it had goes on, in seconds.

        Raises:
            NotFound: No key has this id.
            Conflict: It was revoked, or has expired.
        """
        secret, moment = new_secret(key_id), self._clock()
        stands = or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > moment)
        changed = update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None), stands)
        with self._database.write() as connection:
            row = connection.execute(
                changed.values(
                    secret_sha256=digest(secret),
                    previous_sha256=api_keys.c.secret_sha256,
                    previous_until=moment + timedelta(seconds=overlap_s),
                    rotated_at=moment,
                ).returning(api_keys)
            ).one_or_none()
        self._forget()
        if row is None:
            became = "was revoked" if self.get(key_id).revoked_at else "has expired"
            raise Conflict(f"The key {key_id!r} {became}.", hint="`ragkit keys create` makes another one.")
        return NewKey(key=_key(row), secret=secret)

    def revoke(self, key_id: str) -> Key:
        """Let in nobody with this key any more; doing it twice changes nothing.

        Raises:
            NotFound: No key has this id.
        """
        still = update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
        with self._database.write() as connection:
            connection.execute(still.values(revoked_at=self._clock()))
        self._forget()
        return self.get(key_id)

    def any(self) -> bool:
        """Whether there is a key, or ever was one: then nobody is let in without."""
        remembered = self.remembers_any()
        if remembered is not None:
            return remembered
        asked_at = self._ticks()
        with self._database.read() as connection:
            self._any = connection.execute(select(api_keys.c.id).limit(1)).first() is not None
        self._asked_for_any = asked_at
        return self._any

    def remembers_any(self) -> bool | None:
        """The same from memory, without waiting for the database; none where that must be asked."""
        return self._any or (None if self._ticks() - self._asked_for_any >= REMEMBERED_S else False)

    def remembered(self, secret: str) -> Principal | None:
        """Whom the secret lets in, if that was looked up a moment ago; never waits for the database."""
        with self._lock:
            caller, until = self._remembered.get(digest(secret), (None, 0.0))
        return caller if self._ticks() < until else None

    def caller(self, secret: str) -> Principal | None:
        """Whom the secret lets in, if anybody."""
        key_id = id_of(secret)
        if key_id is None:
            return None
        hashed, seen = digest(secret), self._changes
        with self._database.look_up() as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.id == key_id)).one_or_none()
        left_s = 0.0 if row is None else _seconds_left(row, hashed, self._clock())
        if row is None or left_s <= 0:
            return None
        key = _key(row)
        caller = Principal(
            name=key.id, role=key.role, collections=key.collections, access=key.access, limits=key.limits, metered=True
        )
        with self._lock:
            # What was read before a change, and arrives after it, is not to be remembered.
            if seen == self._changes:
                self._remembered[hashed] = (caller, self._ticks() + min(REMEMBERED_S, left_s))
                while len(self._remembered) > MOST_REMEMBERED:
                    self._remembered.popitem(last=False)
        return caller

    def _forget(self) -> None:
        with self._lock:
            self._changes += 1
            self._remembered.clear()
            self._asked_for_any = -REMEMBERED_S


def _check(
    role: Role, collections: Sequence[str] | None, access: Sequence[str] | None, limits: Sequence[Limit]
) -> None:
    if role == "admin" and collections is not None:
        raise InputError("An admin opens every collection: it can make itself any key.", hint="Make it an operator.")
    if covers(role, "operator") and access is not None:
        raise InputError(f"A key of the role {role!r} sees every document.", hint="Leave out the access tags.")
    if collections is not None and not collections:
        raise InputError("A key that opens no collection opens nothing.", hint="Name one, or leave them out for all.")
    if len({(limit.measure, limit.per) for limit in limits}) < len(limits):
        raise InputError("Two limits are about the same.", hint="Name each measure once for a period.")
    if any(limit.most < 0 for limit in limits):
        raise InputError("A limit is less than nothing.")


def _seconds_left(row: Row[Any], hashed: bytes, moment: datetime) -> float:
    """How long the secret of this hash lets somebody in; nothing where it does not."""
    ends = [] if row.expires_at is None else [row.expires_at]
    if not matches(hashed, row.secret_sha256):
        if not matches(hashed, row.previous_sha256):
            return 0.0
        ends.append(row.previous_until)
    if row.revoked_at is not None:
        return 0.0
    return min(((end - moment).total_seconds() for end in ends), default=math.inf)


def _key(row: Row[Any]) -> Key:
    return Key(
        id=row.id,
        name=row.name,
        role=row.role,
        collections=_tuple(row.collections),
        access=_tuple(row.access),
        limits=tuple(Limit(**limit) for limit in row.limits),
        created_at=row.created_at,
        rotated_at=row.rotated_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


def _tuple(values: builtins.list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


def _unknown(key_id: str) -> NotFound:
    return NotFound(f"There is no key {key_id!r}.", hint="`ragkit keys list` shows every id.")
