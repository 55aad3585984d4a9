"""The quality gate: whether a parsed text is worth answering from, one verdict a filter.

The filters catch what is wrong with most of a document, not what is odd in places: the defaults keep far from what real
documents measure (`benchmarks/quality.py`). Repetition and symbols follow the rules made for Gopher (Rae et al.,
"Scaling Language Models: Methods, Analysis & Insights from Training Gopher", 2021, appendix A.1.1), with wider limits,
because manuals and tables repeat more than what is good to train on.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ragkit.history import FilterVerdict
from ragkit.ingest import measures
from ragkit.ingest.language import LANGUAGES, languages
from ragkit.parsed import Parsed

__all__ = ["QualityPolicy", "judge"]

_READ, _WINDOWS = 60_000, 3
"""Characters that are judged of a longer text: its beginning, middle and end."""
_IMPROBABLE = 0.1


def _known(codes: tuple[str, ...]) -> tuple[str, ...]:
    if unknown := [code for code in codes if code not in LANGUAGES]:
        raise ValueError(f"{unknown[0]!r} is not the two-letter code of a language that can be told apart")
    return codes


class QualityPolicy(BaseModel):
    """The section `[filters]` of a pipeline file: one key a filter, which is also the filter's name in its verdict."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_characters: int = Field(10, ge=0, description="Letters and digits in the text; 0 turns it off.")
    max_characters: int = Field(50_000_000, ge=0, description="Letters and digits in the text.")
    max_mojibake: float = Field(
        1, ge=0, description="Traces of a wrong decoding, such as `Ã¼` or `�`, in 1,000 characters; 1000 turns it off."
    )
    languages: Annotated[tuple[str, ...], AfterValidator(_known)] = Field(
        (), description='What a text may be in, such as `["en", "de"]`; empty allows any. Text in no language passes.'
    )
    max_repeated_lines: float = Field(
        0.8, ge=0, le=1, description="Share of the text in lines that occurred before; 1 turns it off."
    )
    max_repeated_paragraphs: float = Field(
        0.8, ge=0, le=1, description="Share of the text in paragraphs that occurred before; 1 turns it off."
    )
    max_repeated_phrases: float = Field(
        0.9, ge=0, le=1, description="Share of the sequences of ten words that occurred before; 1 turns it off."
    )
    max_menu_lines: float = Field(
        0.9, ge=0, le=1, description="Share of the lines of one to four words and nothing else; 1 turns it off."
    )
    max_symbols: float = Field(
        0.5, ge=0, le=1, description="Share of punctuation and signs in the characters; 1 turns it off."
    )
    min_word_length: float = Field(1.5, ge=0, description="Mean characters of a word; 0 turns it off.")
    max_word_length: float = Field(40, ge=0, description="Mean characters of a word.")
    max_line_length: int = Field(100_000, ge=0, description="Characters of the longest line.")
    max_outlier: float = Field(
        0,
        ge=0,
        description="How much further from what the collection is about than its documents are, as a robust z-score "
        "over vectors; 3.5 is usual, 0 turns it off. Held against what was live when the run began.",
    )

    @classmethod
    def off(cls) -> QualityPolicy:
        """One that nothing fails."""
        return cls(
            min_characters=0,
            max_mojibake=1_000,
            max_repeated_lines=1,
            max_repeated_paragraphs=1,
            max_repeated_phrases=1,
            max_menu_lines=1,
            max_symbols=1,
            min_word_length=0,
            max_word_length=math.inf,
            max_line_length=sys.maxsize,
        )


@dataclass(frozen=True, slots=True)
class _Filter:
    measure: Callable[[str], float | None]
    sentence: str
    whole: bool = False
    """Whether all of a long text is read, not a sample."""


_FILTERS: Mapping[str, _Filter] = {
    "min_characters": _Filter(measures.characters, "It has {:,.0f} letters and digits.", whole=True),
    "max_characters": _Filter(measures.characters, "It has {:,.0f} letters and digits.", whole=True),
    "max_mojibake": _Filter(measures.mojibake, "Of 1,000 characters {:.1f} are traces of a wrong decoding."),
    "max_repeated_lines": _Filter(measures.repeated_lines, "{:.0%} of it are lines that occurred before."),
    "max_repeated_paragraphs": _Filter(
        measures.repeated_paragraphs, "{:.0%} of it are paragraphs that occurred before."
    ),
    "max_repeated_phrases": _Filter(measures.repeated_phrases, "{:.0%} of its sequences of ten words occurred before."),
    "max_menu_lines": _Filter(
        measures.menu_lines, "{:.0%} of its lines are a few words and no sentence, as in a menu."
    ),
    "max_symbols": _Filter(measures.symbols, "{:.0%} of its characters are punctuation and signs."),
    "min_word_length": _Filter(measures.word_length, "Its words have {:.1f} characters on average."),
    "max_word_length": _Filter(measures.word_length, "Its words have {:.1f} characters on average."),
    "max_line_length": _Filter(measures.longest_line, "Its longest line has {:,.0f} characters.", whole=True),
}


def judge(parsed: Parsed, policy: QualityPolicy) -> tuple[FilterVerdict, ...]:
    """The verdict of every filter on a text, in the order of the policy; a document is good when all of them passed.

    What takes vectors, `max_outlier`, is judged later, by `judge_place`.
    """
    sample = _sample(parsed.text)
    needed = {(filter.measure, filter.whole) for filter in _FILTERS.values()}  # two filters may share a measure
    values = {measure: measure(parsed.text if whole else sample) for measure, whole in needed}
    verdicts = {
        name: _measured(name, values[filter.measure], getattr(policy, name)) for name, filter in _FILTERS.items()
    }
    verdicts["languages"] = _spoken(parsed.text, policy.languages)
    return tuple(verdicts[name] for name in type(policy).model_fields if name in verdicts)


def _measured(name: str, value: float | None, threshold: float) -> FilterVerdict:
    if value is None:
        return FilterVerdict(filter=name, passed=True, value=None, threshold=threshold, detail="Too little to measure.")
    passed = value >= threshold if name.startswith("min_") else value <= threshold
    detail = _FILTERS[name].sentence.format(value)
    return FilterVerdict(filter=name, passed=passed, value=round(value, 4), threshold=threshold, detail=detail)


def _spoken(text: str, allowed: tuple[str, ...]) -> FilterVerdict:
    """The value is how probable it is that the text is in a language that is allowed."""
    value, detail = None, "Any language is allowed."
    if allowed and (likely := languages(text)):
        value = round(sum(likely[code] for code in allowed), 4)
        detail = f"It is most likely in {max(likely, key=likely.__getitem__)!r}."
    elif allowed:
        detail = "It is in no language, or too short to tell."
    passed = value is None or value >= _IMPROBABLE
    return FilterVerdict(filter="languages", passed=passed, value=value, threshold=_IMPROBABLE, detail=detail)


def _sample(text: str) -> str:
    if len(text) <= _READ:
        return text
    window = _READ // _WINDOWS
    step = (len(text) - window) // (_WINDOWS - 1)
    return "\n".join(text[start : start + window] for start in range(0, step * _WINDOWS, step))
