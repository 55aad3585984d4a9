"""Whether the numbers and names of a claim stand where they stand in its evidence.

Exchanged names and a number taken from the line below are all there: what gives them away is the company they keep. So
it does where a name that is nowhere has taken the place of another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from ragkit.demands import names
from ragkit.lexical import fold, terms
from ragkit.text import words

__all__ = ["displaced", "replaced"]

REACH = 4
"""So many words to each side are the company of a number or name; one farther off counts less."""

_Company = Mapping[tuple[int, str], float]
"""The weight of each word with the side on which it stands: -1 before, 1 after."""
_Kind = str
_MONTHS = frozenset("january february march april june july august september october november december".split())


def displaced(claim: str, evidence: str) -> dict[_Kind, float]:
    """By how much another number, and another name, has the place that one of the claim's ought to have, 0 to 1.

    Those that the evidence does not have at all are not looked at.
    """
    ours, theirs = _places(claim), _places(evidence)
    shared = {word for _, _, company in theirs for _, word in company}
    worst = {"number": 0.0, "name": 0.0}
    for word, kind, places in ours:
        company = {pair: weight for pair, weight in places.items() if pair[1] in shared}
        if not company:
            continue
        own = [_agreement(company, other) for same, its_kind, other in theirs if (same, its_kind) == (word, kind)]
        rivals = [_agreement(company, other) for same, its_kind, other in theirs if same != word and its_kind == kind]
        if own and rivals:
            group = "name" if kind == "name" else "number"
            worst[group] = max(worst[group], max(rivals) - max(own))
    return worst


def replaced(claim: str, evidence: str, held: Set[str]) -> float:
    """By how much another name stands in the evidence where the claim has one that is nowhere, 0 to 1.

    Args:
        claim: The sentence.
        evidence: What it is held against.
        held: The words of the evidence and of what stands above it.
    """
    missing = [company for word, kind, company in _places(claim) if kind == "name" and word not in held and company]
    if not missing:
        return 0.0
    said = set(map(fold, words(claim)))
    rivals = [company for word, kind, company in _places(evidence) if kind == "name" and word not in said]
    return max((_agreement(company, rival) for company in missing for rival in rivals), default=0.0)


def _places(text: str) -> list[tuple[str, _Kind, _Company]]:
    """Each number and name at each place where it stands, with its company."""
    sequence = [fold(word) for word in words(text)]
    named = {term for name in names(text) for term in terms(name)}
    kinds = [_kind(word, named) for word in sequence]
    return [
        (word, kind, _company(sequence, kinds, place))
        for place, (word, kind) in enumerate(zip(sequence, kinds, strict=True))
        if kind
    ]


def _kind(word: str, named: set[str]) -> _Kind:
    if word[0].isdigit():
        return "year" if len(word) == 4 and word.isdigit() and word[0] in "12" else "number"
    if word in _MONTHS:
        return "month"
    return "name" if word in named else ""


def _company(sequence: Sequence[str], kinds: Sequence[_Kind], place: int) -> _Company:
    around = range(max(0, place - REACH), min(len(sequence), place + REACH + 1))
    return {
        (1 if at > place else -1, sequence[at]): 1 / abs(at - place) for at in reversed(around) if not kinds[at]
    }  # fmt: skip


def _agreement(company: _Company, other: _Company) -> float:
    """The share of the company that is the same; half of it for standing on the same side."""
    same = sum(
        weight * ((side, word) in other or 0.5 * ((-side, word) in other)) for (side, word), weight in company.items()
    )
    return same / sum(company.values())
