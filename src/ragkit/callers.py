"""Who asks: an operator, who sees everything, or a caller that carries access tags."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import NoReturn

from ragkit.errors import InputError, NotAllowed

__all__ = ["Access", "Caller", "OperatorsOnly", "operators_only"]

MOST_CHARS = 300
"""Of a name."""
_POOL = "tags "
Access = tuple[str, ...] | None
"""Tags that a caller carries; none for an operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, as far as it matters for what may be seen."""

    access: Access = None
    name: str | None = None
    """Whose conversations and answers these are; none for an operator, who sees everybody's."""

    @classmethod
    def of(cls, access: Access, name: str | None) -> Caller:
        """A caller with tags and without a name shares what is said with those who carry the same tags.

        Raises:
            InputError: The name is too long, or one of those that stand for tags.
        """
        if name is not None and (len(name) > MOST_CHARS or name.startswith(_POOL)):
            raise InputError(
                f"A caller cannot be called {name[:40]!r}.",
                hint=f"Take at most {MOST_CHARS} characters, and do not begin with {_POOL!r}.",
            )
        if name is None and access is not None:
            tags = json.dumps(sorted(set(access)))
            name = _POOL + hashlib.sha256(tags.encode()).hexdigest()[:32]
        return cls(access=access, name=name)


class OperatorsOnly:
    """Stands for a part of the engine that would name documents which the caller must not know of."""

    def __getattr__(self, name: str) -> NoReturn:
        raise _not_allowed()


def operators_only(access: Access) -> None:
    """Refuse who carries tags.

    Raises:
        NotAllowed: The caller is no operator.
    """
    if access is not None:
        raise _not_allowed()


def _not_allowed() -> NotAllowed:
    return NotAllowed("This is for operators; the caller carries access tags.")
