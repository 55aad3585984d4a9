"""Means with their intervals, and runs side by side: what changed, by how much, and for which questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ragkit.errors import InputError
from ragkit.evaluate.runs import Evaluation, PerQuestion
from ragkit.evaluate.significance import Difference, interval, paired

__all__ = ["Comparison", "Flip", "compare", "gains", "means"]

_PARTS = ("dense", "keyword")
Values = Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """A question whose first measure changed."""

    id: str
    text: str
    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One evaluation against an earlier one of the same questions."""

    evaluation: str
    against: str
    differences: Mapping[str, Mapping[str, Difference]]
    """By mode and measure, of the modes that both have."""
    better: Mapping[str, tuple[Flip, ...]]
    """By mode, the largest change first."""
    worse: Mapping[str, tuple[Flip, ...]]


def means(
    values: Mapping[str, Mapping[str, Values]],
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, tuple[float, float]]]]:
    """The mean of each measure over the questions that it is about, and its interval."""
    found: dict[str, dict[str, float]] = {}
    bounds: dict[str, dict[str, tuple[float, float]]] = {}
    for mode, measures in values.items():
        about = {name: [value for value in column if value is not None] for name, column in measures.items()}
        found[mode] = {name: round(sum(kept) / len(kept), 4) if kept else 0.0 for name, kept in about.items()}
        bounds[mode] = {name: interval(kept) for name, kept in about.items()}
    return found, bounds


def gains(values: Mapping[str, Mapping[str, Values]]) -> dict[str, dict[str, Difference]]:
    """Modes that combine, against the better one of dense and keyword search by each measure."""
    if not all(part in values for part in _PARTS):
        return {}
    best = {
        name: max((values[part][name] for part in _PARTS), key=lambda column: sum(value or 0.0 for value in column))
        for name in values[_PARTS[0]]
    }
    return {
        mode: {name: _paired(best[name], column) for name, column in measures.items()}
        for mode, measures in values.items()
        if mode not in _PARTS
    }


def compare(now: Evaluation, values: PerQuestion, before: Evaluation, values_before: PerQuestion) -> Comparison:
    """What changed since an earlier evaluation.

    Raises:
        InputError: They are not of the same questions, or share no mode.
    """
    if (now.kind, now.dataset_sha256) != (before.kind, before.dataset_sha256):
        raise InputError(
            f"{before.id!r} cannot be compared with {now.id!r}: it is {before.kind} on other questions "
            f"({before.dataset!r}).",
            hint="`ragkit evaluate runs` lists those of each dataset.",
        )
    if set(values.ids) != set(values_before.ids):
        raise InputError(f"{before.id!r} names its questions in another way; it was made by an earlier version.")
    modes = [mode for mode in values.values if mode in values_before.values]
    if not modes:
        raise InputError(f"{before.id!r} has no mode in common with {now.id!r}: it has {', '.join(before.measures)}.")
    order = {key: place for place, key in enumerate(values_before.ids)}
    places = [order[key] for key in values.ids]
    differences: dict[str, dict[str, Difference]] = {}
    flips: dict[str, list[Flip]] = {}
    for mode in modes:
        earlier = {name: [column[place] for place in places] for name, column in values_before.values[mode].items()}
        shared = [name for name in values.values[mode] if name in earlier]
        differences[mode] = {name: _paired(earlier[name], values.values[mode][name]) for name in shared}
        flips[mode] = _flips(values, earlier[shared[0]], values.values[mode][shared[0]])
    return Comparison(
        evaluation=now.id,
        against=before.id,
        differences=differences,
        better={mode: tuple(flip for flip in flips[mode] if flip.after > flip.before) for mode in modes},
        worse={mode: tuple(flip for flip in flips[mode] if flip.after < flip.before) for mode in modes},
    )


def _paired(before: Values, after: Values) -> Difference:
    both = [(a, b) for a, b in zip(before, after, strict=True) if a is not None and b is not None]
    return paired([a for a, _ in both], [b for _, b in both])


def _flips(questions: PerQuestion, before: Values, after: Values) -> list[Flip]:
    found = [
        Flip(id=key, text=text, before=a, after=b)
        for key, text, a, b in zip(questions.ids, questions.texts, before, after, strict=True)
        if a is not None and b is not None and a != b
    ]
    return sorted(found, key=lambda flip: (-abs(flip.after - flip.before), flip.id))
