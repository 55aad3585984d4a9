"""Who asks: an operator, who sees everything, or a caller that carries access tags."""

from __future__ import annotations

from typing import NoReturn

from ragkit.errors import NotAllowed

__all__ = ["Access", "OperatorsOnly", "operators_only"]

Access = tuple[str, ...] | None
"""Tags that a caller carries; none for an operator."""


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
