"""Documents in, answers out, every citation checked against the text.

`Ragkit` and `AsyncRagkit` are the engine in this process, `Client` and `AsyncClient` the same methods over HTTP. Values
are in `ragkit.types`, errors in `ragkit.errors`. Nothing is imported before it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragkit.app import AsyncRagkit, Ragkit
    from ragkit.client import AsyncClient, Client

    __version__: str

__all__ = ["AsyncClient", "AsyncRagkit", "Client", "Ragkit", "__version__"]

_HOMES = {
    "AsyncClient": "ragkit.client",
    "AsyncRagkit": "ragkit.app",
    "Client": "ragkit.client",
    "Ragkit": "ragkit.app",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("ragkit")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'ragkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
