"""What a command talks to: the service of `RAGKIT_URL` where it is set, else the local engine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ragkit.settings import Settings, load

if TYPE_CHECKING:
    from ragkit.blocking import Ragkit
    from ragkit.client import Client

__all__ = ["engine", "kit"]


@contextlib.contextmanager
def kit(*, one_shot: bool = True) -> Iterator[Ragkit | Client]:
    """The engine or the client; the methods are the same."""
    settings = load()
    if settings.url:
        from ragkit.client import Client

        key = settings.api_key.get_secret_value() if settings.api_key else None
        with Client(settings.url, api_key=key) as client:
            yield client
    else:
        with engine(settings, one_shot=one_shot) as local:
            yield local


@contextlib.contextmanager
def engine(settings: Settings | None = None, *, one_shot: bool = True) -> Iterator[Ragkit]:
    """The local engine, for what only it can do."""
    from ragkit.app import build
    from ragkit.blocking import Ragkit

    with Ragkit(build(settings, one_shot=one_shot)) as local:
        yield local
