"""Reads questions and passages with the embedder, and remembers what it has read."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ragkit.demands import kind_of
from ragkit.interaction import WORD, token_weights
from ragkit.lexical import numbers, terms, weights
from ragkit.passages import Unit, clipped
from ragkit.protocols import Embedder, TokenEmbedder, TokenVectors
from ragkit.reading import Asked, Line, Passage, Reading, Word, lines, met, neighbours
from ragkit.types import Hit
from ragkit.whole import read_whole

if TYPE_CHECKING:
    from ragkit.protocols import Vector

__all__ = ["MAX_HITS", "Reader"]

MAX_HITS = 8
"""So many passages are read; what stands in none of them seldom stands in later ones."""
REMEMBERED = 128
"""Passages that are kept as they were read, those used last: 45 MB with 384 dimensions, where none has grown to its
section."""
FEW_TOKENS = 1_000
"""Up to so many are multiplied with a question's without the threads of the linear algebra."""

# They fix the scale for any embedder: how near a question is to its answer, and to another's answer.
_ANCHORS = (
    ("How long is the warranty of the pump?", "The pump comes with a warranty of two years."),
    ("Who approves travel expenses?", "Travel expenses are approved by the head of the department."),
    ("When does the library close on Saturdays?", "On Saturdays the library is open until four in the afternoon."),
    ("How do I get a new password?", "Ask the help desk for a new password, or set one on the sign-in page."),
)
_Key = tuple[str, str, str]
"""Title, headings and text."""
_Scale = tuple[float, float]
"""The cosine of unrelated texts, and how much more that of a question and its answer is."""


class Reader:
    """Reads the same passage once, whoever asks; safe to share between threads.

    Args:
        embedder: One that gives no vectors of tokens is read line by line: a line is its one token.
        remembered: So many questions and passages are kept as they were read.
    """

    def __init__(self, embedder: Embedder, *, remembered: int = REMEMBERED) -> None:
        self._embedder = embedder
        self._remembered = remembered
        self._asked = lru_cache(remembered)(self._read_question)
        self._memory: OrderedDict[_Key, Passage] = OrderedDict()
        self._lock = Lock()

    @property
    def reads_tokens(self) -> bool:
        """Whether it tells tokens apart, and not only lines."""
        return isinstance(self._embedder, TokenEmbedder)

    def read(self, question: str, hits: Sequence[Hit]) -> Reading:
        """Read the first `MAX_HITS` hits for a question."""
        found = tuple(hits[:MAX_HITS])
        asked, passages = self._asked(question), self._passages(found)
        of_tokens, of_lines = self._scales
        return Reading(
            asked=asked,
            hits=found,
            passages=passages,
            tokens=tuple(_scaled(cosines, of_tokens) for cosines in _cosines(asked, passages)),
            lines=tuple(_scaled(_similar(asked, passage), of_lines) for passage in passages),
        )

    def _read_question(self, text: str) -> Asked:
        embedder, words = self._embedder, terms(text)
        if isinstance(embedder, TokenEmbedder):
            (tokens,) = embedder.embed_tokens([text])
            rows, placed = tokens.rows, list(_words(text, tokens.spans))
            about, asking = token_weights(text, tokens.spans)
        else:
            rows, placed = embedder.embed_query(clipped(text, embedder))[None], list(_words(text, ()))
            about, asking = np.ones(1, np.float32), np.zeros(1, np.float32)
        return Asked(
            text=text,
            wanted=weights(text),
            words=tuple(placed),
            pairs=neighbours(words),
            numbers=frozenset(numbers(text)),
            kind=kind_of(text),
            rows=rows,
            about=about,
            asking=asking,
        )

    def _passages(self, hits: Sequence[Hit]) -> tuple[Passage, ...]:
        keys = [(hit.title, hit.heading, hit.text) for hit in hits]
        with self._lock:
            known = {key: self._memory[key] for key in keys if key in self._memory}
        new = [key for key in dict.fromkeys(keys) if key not in known]
        # Not under the lock: two threads may read the same passage, none waits for the other's.
        known.update(zip(new, self._read_passages(new), strict=True))
        with self._lock:
            for key in keys:
                self._memory[key] = known[key]
                self._memory.move_to_end(key)
            while len(self._memory) > self._remembered:
                self._memory.popitem(last=False)
        return tuple(known[key] for key in keys)

    def _read_passages(self, keys: Sequence[_Key]) -> Iterator[Passage]:
        said = [list(lines(*key)) for key in keys]
        for key, own, tokens in zip(keys, said, self._tokens(keys, said), strict=True):
            yield Passage(
                lines=tuple(_placed(line, key, tokens.spans) for line in own),
                held=frozenset(terms(" ".join(key))),
                rows=tokens.rows,
                before=bisect_left([start for start, _ in tokens.spans], len(_above(key))),
            )

    def _tokens(self, keys: Sequence[_Key], said: Sequence[Sequence[Line]]) -> list[TokenVectors]:
        embedder = self._embedder
        if isinstance(embedder, TokenEmbedder):
            return read_whole(embedder, [(_above(key), key[2]) for key in keys])
        rows = embedder.embed_documents(
            [clipped(f"{line.topic}: {line.said}", embedder) for own in said for line in own]
        )
        found = []
        for key, own in zip(keys, said, strict=True):
            offset = len(_above(key))
            spans = [(line.unit.start + offset, line.unit.end + offset) for line in own]
            found.append(TokenVectors(spans=spans, rows=rows[: len(own)]))
            rows = rows[len(own) :]
        return found

    @cached_property
    def _scales(self) -> tuple[_Scale, _Scale]:
        asked = [self._asked(question) for question, _ in _ANCHORS]
        answers = list(self._read_passages([("", "", answer) for _, answer in _ANCHORS]))
        of_tokens = [[met(q.about, q.rows @ a.rows.T) for q in asked] for a in answers]
        of_lines = [[float(_similar(q, a)[0]) for q in asked] for a in answers]
        return _scale(np.array(of_tokens)), _scale(np.array(of_lines))


def _scale(cosines: NDArray[np.float64]) -> _Scale:
    """Of the anchors' answers with the anchors' questions; each belongs to the one in the same place."""
    same = np.eye(len(cosines), dtype=bool)
    unrelated = float(cosines[~same].mean())
    return unrelated, max(float(cosines[same].mean()) - unrelated, 1e-6)


def _scaled(cosines: NDArray[np.float32], scale: _Scale) -> NDArray[np.float32]:
    return (cosines - scale[0]) / scale[1]


def _cosines(asked: Asked, passages: Sequence[Passage]) -> list[NDArray[np.float32]]:
    """Of the question's tokens with those of each passage."""
    if not passages:
        return []
    # One product for all: each of its own would wait for the threads of the linear algebra. A small one waits for none.
    rows = np.concatenate([passage.rows for passage in passages])
    products = np.einsum("qd,td->qt", asked.rows, rows) if len(rows) <= FEW_TOKENS else asked.rows @ rows.T
    return np.split(products, np.cumsum([len(passage.rows) for passage in passages])[:-1], axis=1)


def _similar(asked: Asked, passage: Passage) -> NDArray[np.float32]:
    """The cosine of the question with each line, both as the mean of their tokens."""
    question = _mean(asked.rows)
    return np.array([_mean(passage.rows[line.rows]) @ question for line in passage.lines], np.float32)


def _mean(rows: NDArray[np.float32]) -> Vector:
    total = rows.sum(axis=0)
    return np.asarray(total / max(float(np.linalg.norm(total)), 1e-9), np.float32)


def _placed(line: Line, key: _Key, spans: Sequence[tuple[int, int]]) -> Line:
    starts, ends, offset = [start for start, _ in spans], [end for _, end in spans], len(_above(key))

    def rows(start: int, end: int) -> slice:
        first = bisect_right(ends, start + offset)
        return slice(first, max(bisect_left(starts, end + offset), first))

    return replace(line, rows=rows(line.unit.start, line.unit.end), opening=rows(*_opening(key[2], line.unit)))


def _opening(text: str, unit: Unit) -> tuple[int, int]:
    """The first line of the block that the unit stands in; nothing where the unit is in that line."""
    blank = text.rfind("\n\n", 0, unit.start)
    start = blank + 2 if blank >= 0 else 0
    end = text.find("\n", start)
    return (start, end) if 0 <= end <= unit.start else (start, start)


def _above(key: _Key) -> str:
    context = " > ".join(filter(None, key[:2]))
    return f"{context}\n" if context else ""


def _words(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[Word]:
    """The words that tell what it is about, with their tokens."""
    for word in WORD.finditer(text):
        tells = weights(word.group())
        rows = [row for row, (start, end) in enumerate(spans) if start < word.end() and end > word.start()]
        if tells:
            yield Word(
                terms=frozenset(tells),
                tells=max(tells.values()),
                rows=slice(rows[0], rows[-1] + 1) if rows else slice(0, 0),
            )
