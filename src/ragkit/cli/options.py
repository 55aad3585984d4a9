"""Options that commands share."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["Collection", "Json"]

Collection = Annotated[
    str | None, typer.Option("--collection", "-c", help="The collection; RAGKIT_COLLECTION when it is not given.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
