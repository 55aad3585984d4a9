"""Keys: made, shown once, looked up, rotated, revoked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ragkit.errors import Conflict, InputError, NotFound
from ragkit.keys.registry import REMEMBERED_S, KeyRegistry
from ragkit.rights import Limit, NewKey
from ragkit.store.engine import Database


class Time:
    """Stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 21, 23, 20, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def ticks(self) -> float:
        return self.moment.timestamp()

    def pass_s(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(f"sqlite:///{tmp_path / 'ragkit.db'}")
    yield database
    database.close()


@pytest.fixture
def registry(database: Database, time: Time) -> KeyRegistry:
    return KeyRegistry(database, clock=time, ticks=time.ticks)


def made(registry: KeyRegistry, **what: object) -> NewKey:
    values = {"role": "reader", "collections": None, "access": None, "limits": (), "expires_at": None} | what
    return registry.create("test", **values)  # type: ignore[arg-type]


def test_a_secret_lets_in_whom_the_key_describes(registry: KeyRegistry) -> None:
    limit = Limit(measure="requests", most=5, per="minute")
    new = made(registry, role="editor", collections=["shop", "hr"], access=["staff"], limits=[limit])
    caller = registry.caller(new.secret)
    assert caller is not None
    assert (caller.name, caller.role, caller.collections) == (new.key.id, "editor", ("hr", "shop"))
    assert (caller.access, caller.limits, caller.metered) == (("staff",), (limit,), True)
    assert registry.remembered(new.secret) == caller
    assert new.secret.startswith(f"{new.key.id}_")


def test_the_database_holds_no_secret(registry: KeyRegistry, tmp_path: Path) -> None:
    first = made(registry)
    second = registry.rotate(first.key.id, overlap_s=60)
    with sqlite3.connect(tmp_path / "ragkit.db") as connection:
        said = "\n".join(connection.iterdump())
    assert first.key.id in said
    for new in (first, second):
        assert new.secret.removeprefix(f"{new.key.id}_") not in said
        assert new.secret not in repr(registry.list())


@pytest.mark.parametrize(
    "changed",
    [
        lambda secret: secret[:-1] + ("A" if secret[-1] != "A" else "B"),
        lambda secret: secret[:-1],
        lambda secret: secret + "A",
        lambda secret: secret.upper(),
        lambda secret: "rk_000000000000" + secret[15:],
        lambda secret: secret[:15],
        lambda _: "",
        lambda _: "rk_",
        lambda secret: f"{secret}\n",
        lambda _: "\ud800" * 59,
    ],
)
def test_nothing_but_the_secret_itself_lets_in(registry: KeyRegistry, changed) -> None:  # type: ignore[no-untyped-def]
    secret = made(registry).secret
    assert registry.caller(changed(secret)) is None
    assert registry.remembered(changed(secret)) is None


def test_a_revoked_key_opens_nothing_at_once_and_elsewhere_within_seconds(
    registry: KeyRegistry, database: Database, time: Time
) -> None:
    new = made(registry)
    elsewhere = KeyRegistry(database, clock=time, ticks=time.ticks)
    assert registry.caller(new.secret)
    assert elsewhere.caller(new.secret)
    assert registry.revoke(new.key.id).revoked_at == time.moment
    assert registry.remembered(new.secret) is None
    assert registry.caller(new.secret) is None
    time.pass_s(REMEMBERED_S)
    assert elsewhere.remembered(new.secret) is None
    assert elsewhere.caller(new.secret) is None
    assert registry.revoke(new.key.id).revoked_at == new.key.created_at, "twice is once"
    with pytest.raises(Conflict):
        registry.rotate(new.key.id, overlap_s=0)


def test_a_key_expires_also_while_it_is_remembered(registry: KeyRegistry, time: Time) -> None:
    new = made(registry, expires_at=time.moment + timedelta(seconds=1))
    assert registry.caller(new.secret)
    time.pass_s(1)
    assert registry.remembered(new.secret) is None
    assert registry.caller(new.secret) is None


def test_after_a_rotation_the_old_secret_goes_on_as_long_as_was_said(registry: KeyRegistry, time: Time) -> None:
    first = made(registry, role="operator")
    second = registry.rotate(first.key.id, overlap_s=60)
    assert second.key.id == first.key.id
    assert second.key.rotated_at == time.moment
    assert registry.caller(first.secret) == registry.caller(second.secret)
    time.pass_s(60)
    assert registry.caller(first.secret) is None
    third = registry.rotate(first.key.id, overlap_s=0)
    assert registry.caller(second.secret) is None
    assert registry.caller(third.secret)


def test_a_service_with_keys_is_never_open_again(registry: KeyRegistry, database: Database, time: Time) -> None:
    elsewhere = KeyRegistry(database, clock=time, ticks=time.ticks)
    assert not registry.any()
    assert not elsewhere.any()
    new = made(registry)
    assert registry.any()
    time.pass_s(REMEMBERED_S)
    assert elsewhere.any()
    registry.revoke(new.key.id)
    assert KeyRegistry(database).any()


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"role": "admin", "collections": ["shop"]}, "every collection"),
        ({"role": "operator", "access": ["hr"]}, "sees every document"),
        ({"collections": []}, "opens nothing"),
        ({"limits": [Limit(measure="requests", most=n, per="day") for n in (1, 2)]}, "same"),
        ({"limits": [Limit(measure="usd", most=-1, per="day")]}, "less than nothing"),
        ({"expires_at": datetime(2026, 1, 1, tzinfo=UTC)}, "no time to come"),
        ({"expires_at": datetime(2030, 1, 1)}, "no time to come"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(registry: KeyRegistry, what: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        made(registry, **what)
    assert registry.list() == ()


def test_an_unknown_key_is_told_so(registry: KeyRegistry) -> None:
    for call in (registry.revoke, registry.get, lambda key: registry.rotate(key, overlap_s=0)):
        with pytest.raises(NotFound, match="rk_nosuch"):
            call("rk_nosuch")


def test_an_expired_key_is_not_rotated_into_a_secret_that_opens_nothing(registry: KeyRegistry, time: Time) -> None:
    new = made(registry, expires_at=time.moment + timedelta(hours=1))
    time.pass_s(7200)
    with pytest.raises(Conflict, match="has expired"):
        registry.rotate(new.key.id, overlap_s=60)
