"""How two answers differ."""

from __future__ import annotations

import difflib

from ragkit.answer.records import tally
from ragkit.errors import InputError
from ragkit.recorded import AnswerDiff, Trace
from ragkit.store.answered import ERASED
from ragkit.text import sentences

__all__ = ["compare", "with_texts"]


def compare(a: Trace, b: Trace) -> AnswerDiff:
    """What is different in `b`."""
    before, after = _quotes(a), _quotes(b)
    return AnswerDiff(
        a=a.id,
        b=b.id,
        same_question=a.question == b.question,
        text="\n".join(difflib.unified_diff(_lines(a), _lines(b), a.id, b.id, lineterm="", n=1)),
        citations_added=tuple(quote for quote in after if quote not in before),
        citations_removed=tuple(quote for quote in before if quote not in after),
        verdicts=(tally(a.answer.citations), tally(b.answer.citations)),
        abstained=(a.answer.abstained, b.answer.abstained),
        model=(a.answer.model, b.answer.model),
        prompt=(str(a.answer.prompt), str(b.answer.prompt)),
        generation=(a.generation, b.generation),
        rendered_alike=a.rendered_sha256 == b.rendered_sha256,
        hits_shared=_shared({key for key, _ in a.hits}, {key for key, _ in b.hits}),
        tokens=(_tokens(a), _tokens(b)),
        cost_usd=(a.answer.usage.cost_usd, b.answer.usage.cost_usd),
        took_ms=(a.answer.took_ms, b.answer.took_ms),
    )


def with_texts(trace: Trace) -> Trace:
    """The record, which has texts that can be compared.

    Raises:
        InputError: They were not kept, or erased.
    """
    if not trace.with_texts:
        raise InputError(
            f"The answer {trace.id!r} was recorded without its texts.",
            hint="RAGKIT_STORE_TEXTS=true keeps the texts of what is asked from then on.",
        )
    if trace.answer.answer == ERASED:
        raise InputError(f"The answer {trace.id!r} was erased with a document that it was made from.")
    return trace


def _lines(trace: Trace) -> list[str]:
    text = trace.answer.answer
    return [" ".join(text[start:end].split()) for start, end in sentences(text)]


def _quotes(trace: Trace) -> list[str]:
    found = [f"{one.uri}: {' '.join(one.quote.split())}" for one in trace.answer.citations]
    return list(dict.fromkeys(found))


def _tokens(trace: Trace) -> int:
    return trace.answer.usage.input_tokens + trace.answer.usage.output_tokens


def _shared(a: set[str], b: set[str]) -> float:
    return round(len(a & b) / len(a | b), 4) if a | b else 1.0
