"""Answers measured by questions whose sources and facts are known, and by questions that must be refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ragkit.errors import InputError
from ragkit.evaluate.dataset import json_lines
from ragkit.evaluate.runs import PerQuestion
from ragkit.types import Answer, Citation

__all__ = ["MODE", "GoldenQuestion", "fingerprint", "is_right", "missed", "read_golden", "score"]

MODE = "ask"
"""What stands where others have the mode of search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenQuestion:
    """A question as it is asked, and what a right answer holds."""

    question: str
    must_cite: tuple[str, ...] = ()
    """Ends of the uris of documents that hold the answer; one of them must be cited."""
    must_say: tuple[str, ...] = ()
    """What must stand in the quoted text, each of it, but for case and white space."""
    must_refuse: bool = False
    """The documents do not hold the answer."""
    tags: tuple[str, ...] = ()

    def is_source(self, uri: str) -> bool:
        """Whether a document is one of those that hold the answer."""
        return any(f"/{uri}".endswith(f"/{path}") for path in self.must_cite)


def read_golden(file: Path) -> list[GoldenQuestion]:
    """One question a line.

    Raises:
        InputError: The file cannot be read, a line lacks something, or there is no question.
    """
    adapter = TypeAdapter(GoldenQuestion)
    found = []
    for number, row in json_lines(file):
        try:
            found.append(adapter.validate_python(row))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise InputError(
                f"Line {number} of {str(file)!r} is not a golden question: {where}: {first['msg']}.",
                hint="data/golden/README.md says what a line holds.",
            ) from error
    if not found:
        raise InputError(f"There is no question in {str(file)!r}.")
    return found


def fingerprint(questions: Sequence[GoldenQuestion]) -> str:
    """SHA-256 of what is asked and what is right."""
    return _sha256(sorted(map(_row, questions)))


def score(questions: Sequence[GoldenQuestion], answers: Sequence[Answer]) -> PerQuestion:
    """What each answer holds of what it must hold, as 0 or 1.

    Returns:
        Of the answerable questions: `source_in_3` and `source_first` (a right document is among the first three that
        are cited, or the first), `facts` (all of them are quoted), `citation_precision` (the share of the citations
        that quote one of them from a right document; none for a refusal), `citation_recall` (the share of the facts
        that are so quoted), `refused_wrongly`. Of the others: `refused_rightly`.
    """
    pairs = list(zip(questions, answers, strict=True))
    checks: Mapping[str, Callable[[GoldenQuestion, Answer], float | None]] = {
        "source_in_3": lambda q, a: _cites(q, a, first=3),
        "source_first": lambda q, a: _cites(q, a, first=1),
        "facts": _says,
        "citation_precision": _precision,
        "citation_recall": _recall,
        "refused_wrongly": lambda _, a: a.abstained,
    }
    values: dict[str, tuple[float | None, ...]] = {
        name: tuple(None if q.must_refuse else _number(check(q, a)) for q, a in pairs) for name, check in checks.items()
    }
    values["refused_rightly"] = tuple(float(a.abstained) if q.must_refuse else None for q, a in pairs)
    texts = tuple(q.question for q in questions)
    # Not their numbers: runs of the same questions in another order are compared, too.
    return PerQuestion(ids=tuple(_sha256(_row(q))[:12] for q in questions), texts=texts, values={MODE: values})


def is_right(question: GoldenQuestion, answer: Answer) -> bool:
    """Whether an answer that was given cites a right document among the first three, and quotes every fact."""
    if question.must_refuse:
        return False
    return (not question.must_cite or _cites(question, answer, first=3)) and _says(question, answer)


def missed(each: PerQuestion) -> dict[str, list[str]]:
    """The questions behind what each measure lacks: those that failed it, or were refused wrongly."""
    return {
        name: [
            text
            for text, value in zip(each.texts, column, strict=True)
            if value is not None and bool(value) == (name == "refused_wrongly")
        ]
        for name, column in each.values[MODE].items()
    }


def _row(question: GoldenQuestion) -> list[Any]:
    return [question.question, list(question.must_cite), list(question.must_say), question.must_refuse]


def _sha256(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _cites(question: GoldenQuestion, answer: Answer, *, first: int) -> bool:
    cited = answer.citations[:first]
    return any(question.is_source(citation.uri) for citation in cited)


def _says(question: GoldenQuestion, answer: Answer) -> bool:
    quoted = _plain(" ".join(citation.quote for citation in answer.citations))
    return all(_plain(fact) in quoted for fact in question.must_say)


def _precision(question: GoldenQuestion, answer: Answer) -> float | None:
    if not answer.citations:
        return None
    right = [_held(question, citation) for citation in answer.citations]
    return sum(map(bool, right)) / len(right)


def _recall(question: GoldenQuestion, answer: Answer) -> float:
    """Where no fact is named, whether a right document is cited."""
    held = set().union(*(_held(question, citation) for citation in answer.citations))
    return len(held) / len(_facts(question))


def _held(question: GoldenQuestion, citation: Citation) -> set[str]:
    """The facts that it quotes from a right document."""
    if not question.is_source(citation.uri):
        return set()
    quoted = _plain(citation.quote)
    return {fact for fact in _facts(question) if _plain(fact) in quoted}


def _facts(question: GoldenQuestion) -> set[str]:
    return set(question.must_say) or {""}


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
