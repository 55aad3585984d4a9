"""The work behind `ragkit tune --precision`: golden questions are answered from whatever is found for them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit.answer.abstain import ANSWERABLE
from ragkit.answer.pipeline import last_answer
from ragkit.errors import InputError
from ragkit.evaluate.golden import GoldenQuestion, is_right, read_golden
from ragkit.evaluate.precision import FEWEST, Outcome, Threshold, threshold_for

if TYPE_CHECKING:
    from ragkit.evaluate.retrieval import OnQuestion
    from ragkit.parts import Parts
    from ragkit.threads import Threads
    from ragkit.types import Answer, SearchResult

__all__ = ["reset_threshold", "tune_threshold"]


async def tune_threshold(
    parts: Parts, threads: Threads, file: Path, *, wanted: float, collection: str, on_question: OnQuestion
) -> Threshold:
    """See `AsyncEvaluation.precision`."""
    if not 0 < wanted < 1:
        raise InputError(f"The precision cannot be {wanted}.", hint="Give a share between 0 and 1, such as 0.9.")
    questions = await threads.run(read_golden, file)
    generation = await threads.run(parts.collections.get, collection)
    if len(questions) < FEWEST:
        threshold_for(collection, [Outcome(probability=None, right=False)] * len(questions), wanted=wanted, now=0.0)

    async def search(query: str, *, collection: str, **how: Any) -> SearchResult:
        return await threads.run(partial(parts.retriever.search, query, collection=collection, **how))

    answerer = await threads.run(partial(parts.answerer, search, threads, least=0.0))
    outcomes = []
    for done, question in enumerate(questions, start=1):
        answer = await last_answer(answerer.stream(question.question, collection=collection))
        outcomes.append(_outcome(question, answer))
        on_question("", done, len(questions))
    now = ANSWERABLE if generation.answers_from is None else generation.answers_from
    found = threshold_for(collection, outcomes, wanted=wanted, now=now)
    if found.kept:
        await threads.run(partial(parts.collections.tune, generation, answers_from=found.least))
    return found


def reset_threshold(parts: Parts, collection: str) -> None:
    """See `AsyncEvaluation.forget_precision`."""
    parts.collections.tune(parts.collections.get(collection), answers_from=None)


def _outcome(question: GoldenQuestion, answer: Answer) -> Outcome:
    """A refusal in spite of a threshold of 0 is the model's, or a rule's."""
    given = not answer.abstained and answer.evidence is not None
    probability = answer.evidence.probability if given and answer.evidence else None
    return Outcome(probability=probability, right=is_right(question, answer))
