"""Who asks: what a caller may do and see, whichever way it has shown who it is."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import NoReturn

from ragkit.errors import InputError, NotAllowed
from ragkit.rights import Limit, Role, covers

__all__ = ["Access", "Caller", "OperatorsOnly", "Principal", "Within", "carries_no_tags", "operators_only"]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody who has shown who they are, and what they may do."""

    role: Role
    name: str = ""
    """The id of the key, or the subject of a token; empty where a service has no keys."""
    collections: tuple[str, ...] | None = None
    access: Access = None
    limits: tuple[Limit, ...] = ()
    metered: bool = False
    """Whether what it uses is counted."""

    def need(self, role: Role) -> None:
        """Refuse who may not do what a role may.

        Raises:
            NotAllowed: The own role is a lesser one.
        """
        if not covers(self.role, role):
            raise NotAllowed(
                f"This needs the role {role!r}, and the key has the role {self.role!r}.",
                hint="`ragkit keys create NAME --role ROLE` makes a key of another role.",
            )


class Within:
    """The collections that a caller may use, and the one that it means when it names none.

    Args:
        default: Meant by callers that may use every collection.
        only: The collections of a caller that may not.
    """

    def __init__(self, default: str, only: tuple[str, ...] | None = None) -> None:
        self._default = default
        self._only = only

    @property
    def only(self) -> tuple[str, ...] | None:
        """Those that the caller may use; none where it may use all."""
        return self._only

    @property
    def everywhere(self) -> bool:
        return self._only is None

    def holds(self, name: str) -> bool:
        return self._only is None or name in self._only

    def named(self, name: str | None) -> str:
        """The collection that is meant.

        Raises:
            NotAllowed: The caller may not use it.
        """
        if not name and self._only is not None and self._default not in self._only and len(self._only) == 1:
            return self._only[0]
        meant = name or self._default
        if self._only is not None and meant not in self._only:
            raise NotAllowed(
                f"This key does not open the collection {meant!r}.",
                hint=f"Name one of those that it opens: {', '.join(map(repr, self._only))}.",
            )
        return meant


class OperatorsOnly:
    """Stands for a part of the engine that would name documents which the caller must not know of."""

    def __getattr__(self, name: str) -> NoReturn:
        raise _not_allowed()


def carries_no_tags(access: Access) -> None:
    """Refuse who does not see every document of a collection.

    Raises:
        NotAllowed: The caller carries tags.
    """
    if access is not None:
        raise NotAllowed("This is for who sees every document; the caller carries access tags.")


def operators_only(access: Access, within: Within) -> None:
    """Refuse who does not see everything.

    Raises:
        NotAllowed: The caller carries tags, or may use some collections only.
    """
    if access is not None or not within.everywhere:
        raise _not_allowed()


def _not_allowed() -> NotAllowed:
    return NotAllowed(
        "This is for operators of the whole service; the caller carries access tags, or its key opens some collections."
    )
