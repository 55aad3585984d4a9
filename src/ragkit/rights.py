"""Who may do what: roles, API keys, and how much of the service a key may use.

Wire types like those in `ragkit.types`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

__all__ = ["Key", "KeyUsage", "Limit", "Measure", "NewKey", "Period", "Role", "UsageWindow", "covers"]

Role = Literal["reader", "editor", "operator", "admin"]
Measure = Literal["requests", "tokens", "usd"]
Period = Literal["minute", "day", "month"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How much a key may use in each minute, day or month, all by UTC."""

    measure: Measure
    most: float
    per: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An API key, without its secret."""

    id: str
    """The public beginning of the secret, `rk_…`."""
    name: str
    role: Role
    collections: tuple[str, ...] | None
    """Those that it opens; all of them where there is none."""
    access: tuple[str, ...] | None
    """Access tags that its caller carries; where there is none, it sees every document."""
    limits: tuple[Limit, ...]
    created_at: datetime
    rotated_at: datetime | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key with its secret, which is told this once: only its hash is kept."""

    key: Key
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageWindow:
    """What was used in one minute, day or month."""

    per: Period
    since: datetime
    requests: int
    tokens: int
    """Read and written by models, with what is reserved for answers under way."""
    usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUsage:
    """What a key has used: this minute, the last days and months, newest first."""

    key_id: str
    limits: tuple[Limit, ...]
    windows: tuple[UsageWindow, ...]
    reserved: int
    """Answers under way, for which an estimate is counted until what they used is known."""


def covers(role: Role, needed: Role) -> bool:
    """Whether a role may do what needs another one; each may do all that those before it may."""
    order: tuple[Role, ...] = get_args(Role)
    return order.index(role) >= order.index(needed)
