"""Passages measured by excerpts that were highlighted for each question, at a budget of tokens.

Token recall, precision and intersection over union as in Smith and Troynikov, "Evaluating Chunking Strategies for
Retrieval", Chroma Technical Report, 2024, whose folders this reads: `questions_df.csv` and `corpora/*.md`.
"""

from __future__ import annotations

import csv
import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ragkit.errors import InputError
from ragkit.evaluate.runs import PerQuestion
from ragkit.tokens import token_spans

__all__ = ["MEASURES", "Excerpts", "Find", "Place", "TokenText", "lost", "measure", "overlap", "read_excerpts"]

MEASURES = ("recall", "precision", "IoU")

Place = tuple[str, int, int]
"""A stretch of a document: its name, start and end in its text."""
Find = Callable[[str], Sequence[Place]]
"""The places of the passages that answer a question, best first, in the texts as they were ingested."""

_CHARACTERS = 4  # of a token, about


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpts:
    """Questions with the excerpts that answer them."""

    name: str
    corpora: Mapping[str, str]
    """The text of each document by the name of its file."""
    questions: tuple[str, ...]
    excerpts: tuple[tuple[Place, ...], ...]
    """Of each question, in the texts of `corpora`."""

    @property
    def sha256(self) -> str:
        rows = [sorted(self.corpora.items()), self.questions, self.excerpts]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def read_excerpts(folder: Path) -> Excerpts:
    """Read a folder.

    Raises:
        InputError: A file is missing, or an excerpt does not stand where it is said to.
    """
    files = {file.stem: file for file in sorted((folder / "corpora").glob("*")) if file.is_file()}
    corpora = {stem: _read(file) for stem, file in files.items()}
    questions, excerpts = [], []
    csv.field_size_limit(2**31 - 1)  # the references of a question stand in one field
    for row in csv.DictReader(_read(folder / "questions_df.csv").splitlines(keepends=True)):
        try:
            question, where, text = row["question"], row["corpus_id"], corpora[row["corpus_id"]]
            given = json.loads(row["references"])
            found = [(int(one["start_index"]), int(one["end_index"]), one["content"]) for one in given]
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"A question of {str(folder)!r} cannot be used: {error!r}.",
                hint="questions_df.csv has question, references and corpus_id; corpora/ has the documents.",
            ) from error
        if wrong := [content for start, end, content in found if text[start:end] != content]:
            raise InputError(f"An excerpt does not stand where {str(folder)!r} says: {wrong[0][:60]!r}.")
        questions.append(question)
        excerpts.append(tuple((files[where].name, start, end) for start, end, _ in found))
    if not questions:
        raise InputError(f"There is no question in {str(folder / 'questions_df.csv')!r}.")
    return Excerpts(
        name=folder.resolve().name,
        corpora={file.name: corpora[stem] for stem, file in files.items()},
        questions=tuple(questions),
        excerpts=tuple(excerpts),
    )


class TokenText:
    """A document as it was ingested, in tokens, where places of its original text are found again.

    Parsers change white space and leave marks out, so a place is looked for by its other characters.

    Args:
        text: As ingested.
        original: As in the file.
    """

    def __init__(self, text: str, original: str) -> None:
        spans = token_spans(text)
        self._starts = [start for start, _ in spans]
        self._ends = [end for _, end in spans]
        self._places = _kept(text)
        self._squeezed = _squeezed(text)
        self._original = original
        self._original_places = _kept(original)

    def tokens(self, start: int, end: int) -> range:
        """Those that have a character in `start:end` of the ingested text."""
        return range(bisect_right(self._ends, start), bisect_left(self._starts, end))

    def find(self, start: int, end: int) -> range | None:
        """The tokens of `start:end` of the original text; none where it cannot be found."""
        wanted = _squeezed(self._original[start:end])
        if not wanted:
            return None
        expected = bisect_left(self._original_places, start)
        found = min(_occurrences(self._squeezed, wanted), key=lambda place: abs(place - expected), default=None)
        if found is None:
            return None
        return self.tokens(self._places[found], self._places[found + len(wanted) - 1] + 1)


def measure(given: Excerpts, texts: Mapping[str, TokenText], finds: Mapping[str, Find], *, budget: int) -> PerQuestion:
    """Every measure of every question; an excerpt that was not ingested counts as not found.

    Args:
        given: The questions.
        texts: The documents that were ingested, by name.
        finds: By mode.
        budget: How many tokens are read.
    """
    wanted = [
        [token for name, start, end in places for token in _tokens(texts.get(name), name, start, end)]
        for places in given.excerpts
    ]
    values = {}
    for mode, find in finds.items():
        rows = []
        for question, relevant in zip(given.questions, wanted, strict=True):
            passages = [(name, texts[name].tokens(start, end)) for name, start, end in find(question)]
            rows.append(overlap(relevant, passages, budget=budget))
        columns = [tuple(round(value, 5) for value in column) for column in zip(*rows, strict=True)]
        values[mode] = dict(zip(MEASURES, columns, strict=True))
    ids = tuple(str(number) for number in range(1, len(given.questions) + 1))
    return PerQuestion(ids=ids, texts=given.questions, values=values)


def lost(given: Excerpts, texts: Mapping[str, TokenText]) -> int:
    """How many excerpts are not in what was ingested."""
    return sum(
        name not in texts or texts[name].find(start, end) is None
        for places in given.excerpts
        for name, start, end in places
    )


def overlap(
    relevant: Iterable[tuple[str, int]], retrieved: Sequence[tuple[str, range]], *, budget: int
) -> tuple[float, float, float]:
    """Recall, precision and intersection over union.

    Args:
        relevant: Tokens as (document, number).
        retrieved: Passages as tokens of documents, best first; what repeats is paid for again.
        budget: How many tokens are read; the last passage is cut there.
    """
    wanted = set(relevant)
    read: list[tuple[str, int]] = []
    for document, tokens in retrieved:
        room = budget - len(read)
        if room <= 0:
            break
        read += [(document, token) for token in tokens[:room]]
    shared = len(wanted & set(read))
    union = len(read) + len(wanted) - shared
    return (
        shared / len(wanted) if wanted else 0.0,
        shared / len(read) if read else 0.0,
        shared / union if union else 0.0,
    )


def _tokens(text: TokenText | None, name: str, start: int, end: int) -> list[tuple[str, int]]:
    """An excerpt's tokens; where it is lost, as many that no passage has, so that it still counts."""
    found = text.find(start, end) if text else None
    if found is None:
        return [(name, -place) for place in range(start + 1, end + 1, _CHARACTERS)]
    return [(name, token) for token in found]


def _squeezed(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _kept(text: str) -> list[int]:
    """Where the characters of `_squeezed` stand."""
    return [place for place, character in enumerate(text) if character.isalnum()]


def _occurrences(text: str, wanted: str) -> Iterator[int]:
    place = text.find(wanted)
    while place >= 0:
        yield place
        place = text.find(wanted, place + 1)


def _read(file: Path) -> str:
    try:
        with file.open(encoding="utf-8", newline="") as opened:
            return opened.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"{str(file)!r} cannot be read: {reason}.") from error
