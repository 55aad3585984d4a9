"""Many values, as many at a time as one statement takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

__all__ = ["MOST", "batches"]

MOST = 500
"""Bound parameters of a condition: far below what SQLite and Postgres take, and enough to make round trips few."""

V = TypeVar("V")


def batches(values: Sequence[V]) -> Iterator[Sequence[V]]:
    """The values in their order, up to `MOST` at a time."""
    for start in range(0, len(values), MOST):
        yield values[start : start + MOST]
