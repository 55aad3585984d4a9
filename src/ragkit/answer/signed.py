"""The signs before numbers: `-5` is not `5`, and `≥ 40` is not `≤ 40`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ragkit.lexical import numbers

__all__ = ["other_sign"]

# A hyphen within `5-10`, `2026-03-10` or `E-4012`, and one before a space, is no minus.
_SIGNED = re.compile(
    r"(?P<compared>[<>≤≥])?=?\s*(?P<minus>(?<![\w.,)\]%°])(?:[-–](?=\d)|−\s?))?(?P<number>\d[\d.,]*\d|\d)"  # noqa: RUF001
)
_BELOW = "<≤"


def other_sign(claim: str, evidence: str) -> bool:
    """Whether a number of the claim has only another sign in the evidence: `5` for `-5`, `p < 0.05` for `p > 0.05`.

    A comparison that only one of them writes as a sign does not count, as the other may put it in words.
    """
    ours, theirs = _signed(claim), _signed(evidence)
    return any(
        all(_differ(sign, other) for other in theirs[number])
        for number in ours.keys() & theirs.keys()
        for sign in ours[number]
    )


def _signed(text: str) -> Mapping[str, set[tuple[str, bool]]]:
    """Each number's signs: the direction of a comparison, and whether it is negative."""
    found: dict[str, set[tuple[str, bool]]] = {}
    for match in _SIGNED.finditer(text):
        compared = match["compared"] or ""
        direction = "<" if compared in _BELOW else ">"
        for number in numbers(match["number"]):
            found.setdefault(number, set()).add((direction if compared else "", bool(match["minus"])))
    return found


def _differ(ours: tuple[str, bool], theirs: tuple[str, bool]) -> bool:
    return ours[1] != theirs[1] or bool(ours[0] and theirs[0] and ours[0] != theirs[0])
