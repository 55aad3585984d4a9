"""What a command talks to: the service of `RAGKIT_URL` where it is set, else the local engine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ragkit.errors import InputError

if TYPE_CHECKING:
    from ragkit.blocking import Ragkit
    from ragkit.client import AsyncClient, Client
    from ragkit.engine import AsyncRagkit
    from ragkit.settings import Settings

__all__ = ["asynchronous", "engine", "kit", "local", "settings"]


def settings(**overrides: object) -> Settings:
    """The settings, with what was given on the command line instead."""
    from ragkit.settings import load  # pydantic costs a command 0.2 s: not before one runs

    return load(**overrides)


@contextlib.contextmanager
def kit(*, one_shot: bool = True) -> Iterator[Ragkit | Client]:
    """The engine or the client; the methods are the same."""
    given = settings()
    if given.url:
        from ragkit.client import Client

        with Client(given.url, api_key=_key(given)) as client:
            yield client
    else:
        with engine(given, one_shot=one_shot) as ragkit:
            yield ragkit


def asynchronous() -> AsyncRagkit | AsyncClient:
    """The engine or the client for code on an event loop, not yet opened."""
    given = settings()
    if given.url:
        from ragkit.client import AsyncClient

        return AsyncClient(given.url, api_key=_key(given))
    from ragkit.app import build

    return build(given)


def _key(given: Settings) -> str | None:
    return given.api_key.get_secret_value() if given.api_key else None


@contextlib.contextmanager
def local(what: str, *, one_shot: bool = False) -> Iterator[Ragkit]:
    """The local engine, for a command that no service offers.

    Raises:
        InputError: `RAGKIT_URL` names a service.
    """
    given = settings()
    if given.url:
        raise InputError(
            f"{what} needs the local engine, and RAGKIT_URL names a service.",
            hint="Unset RAGKIT_URL, and run this where RAGKIT_HOME is.",
        )
    with engine(given, one_shot=one_shot) as ragkit:
        yield ragkit


@contextlib.contextmanager
def engine(given: Settings | None = None, *, one_shot: bool = True) -> Iterator[Ragkit]:
    """The local engine, for what only it can do."""
    from ragkit.app import build
    from ragkit.blocking import Ragkit

    with Ragkit(build(given, one_shot=one_shot)) as ragkit:
        yield ragkit
