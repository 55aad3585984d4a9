"""What is looked for: a question as terms with weights. Nothing in it is syntax but quotation marks.

The weights were chosen on the training halves of the sets that `benchmarks/keywords.py` reports on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.index.keyword_terms import (
    ENGLISH,
    GRAM,
    PAIR,
    PAIRED,
    encodable,
    folded,
    humps,
    stem,
    without_stop_words,
)

if TYPE_CHECKING:
    import tantivy

__all__ = ["Weights", "query_of", "terms_of"]

_MAX_CHARS = 20_000
_MAX_TERMS = 64  # of a kind
_MAX_UNKNOWN = 4
_MAX_PHRASES = 8  # each is counted over the whole index, and then searched for
_SHORTEST_TYPO, _TWO_TYPOS = 5, 9
"""Letters that a word needs for one letter of it to be taken for a slip, and for two."""
_COMMON, _FEW = 0.1, 1_000
"""Four characters that more of the passages have than this, and than so many, tell little and take long to look for."""
# Both take a time in proportion to the question, whatever it is.
_QUOTED = re.compile(r'"([^"]{1,200})"|“([^”]{1,200})”|„([^“”]{1,200})[“”]|«([^»]{1,200})»|「([^」]{1,200})」')
_JOINED = re.compile(r"(?<!\w)\w++(?:[.\-/@:'’]\w++)++")  # noqa: RUF001
_IDENTIFIER = re.compile(r"[\d_./:@]")
_HAN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_HANGUL = "\uac00-\ud7af"
_OTHERS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
_RUN = re.compile(f"[{_HAN}]+|[{_HANGUL}]+|[{_OTHERS}]+")
_UNPAIRED = re.compile(f"[{_OTHERS}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What each kind of term counts, times its BM25 score; zero leaves it out."""

    stem: float = 1.0
    exact: float = 0.3
    character: float = 0.5
    """Of a script without spaces."""
    pair: float = 1.0
    """Two characters of Chinese, Japanese or Korean."""
    gram: float = 0.2
    """Four characters of a word in another language than English."""
    identifier: float = 1.0
    """A code, version, address or path in one piece: `E-4012`, `v1.2.3`, `os.path`."""
    joined: float = 0.3
    """Words that a hyphen or an apostrophe joins, in one piece."""
    quoted: float = 2.0
    typo: float = 1.0
    """A word that is spelled like one that is nowhere."""
    stop_words: bool = False
    """Whether they are looked for."""


def query_of(
    text: str,
    *,
    searcher: tantivy.Searcher,
    schema: tantivy.Schema,
    languages: Sequence[str],
    weights: Weights,
    document_ids: Sequence[str] = (),
) -> tantivy.Query | None:
    """Any of the terms of `text`; none when it has no term.

    Args:
        text: A question, or anything.
        searcher: Knows how many passages have a term.
        schema: Of the index.
        languages: Those of the passages, the most frequent first.
        weights: Of the kinds of terms.
        document_ids: What to look in; empty for everything.
    """
    from tantivy import Occur, Query

    made = _Wanted(searcher=searcher, schema=schema, languages=languages or (ENGLISH,), weights=weights)
    parts = [
        (Occur.Should, part if weight == 1.0 else Query.boost_query(part, weight))
        for weight, part in made.parts(encodable(text[:_MAX_CHARS]))
        if weight > 0
    ]
    if not parts:
        return None
    wanted = Query.boolean_query(parts)
    if not document_ids:
        return wanted
    allowed = Query.const_score_query(Query.term_set_query(schema, "document_id", list(document_ids)), 0.0)
    return Query.boolean_query([(Occur.Must, wanted), (Occur.Must, allowed)])


def terms_of(text: str, *, searcher: tantivy.Searcher, languages: Sequence[str]) -> dict[str, int]:
    """The stems of `text` and what is written as one in it, with the number of passages that have each."""
    languages = languages or (ENGLISH,)
    text = encodable(text[:_MAX_CHARS])
    stems = stem(" ".join([without_stop_words(text, languages), *humps(text)]), languages)[:_MAX_TERMS]
    whole = [term for match in _JOINED.finditer(text) for term in folded(match.group())]
    found = {term: searcher.doc_freq("body", term) for term in stems}
    return found | {term: searcher.doc_freq("exact", term) for term in whole[:_MAX_TERMS] if term not in found}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """The terms that are looked for in one index."""

    searcher: tantivy.Searcher
    schema: tantivy.Schema
    languages: Sequence[str]
    weights: Weights

    def parts(self, text: str) -> Iterator[tuple[float, tantivy.Query]]:
        """Pairs (weight, query)."""
        weights = self.weights
        kept = text if weights.stop_words else without_stop_words(text, self.languages)
        stems = stem(" ".join([kept, *humps(text)]), self.languages)
        for term in stems[:_MAX_TERMS]:
            yield weights.stem, self._term("body", term)
        words = list(dict.fromkeys(folded(kept)))[:_MAX_TERMS]
        for term in words:
            alone = len(term) == 1 and _RUN.fullmatch(term)
            yield weights.character if alone else weights.exact, self._term("exact", term)
        yield from self._phrases(text)
        yield from self._grams(text, kept)
        if weights.typo:
            yield from self._typos(words)

    def _term(self, field: str, term: str) -> tantivy.Query:
        from tantivy import Query

        return Query.term_query(self.schema, field, term, "freq")

    def _phrases(self, text: str) -> Iterator[tuple[float, tantivy.Query]]:
        from tantivy import Query

        for weight, phrase in self._pieces(text):
            words = folded(phrase)[:_MAX_TERMS]
            if len(words) > 1:
                yield weight, self._as_one_term(Query.phrase_query(self.schema, "exact", list(words)))
            elif words and weight == self.weights.quoted:
                yield weight, self._term("exact", words[0])

    def _pieces(self, text: str) -> Iterator[tuple[float, str]]:
        """What was written as one, with what it counts."""
        weights = self.weights
        quoted = dict.fromkeys("".join(match.groups("")) for match in _QUOTED.finditer(text))
        joined = dict.fromkeys(match.group() for match in _JOINED.finditer(text))
        pieces = [(weights.quoted, phrase) for phrase in quoted]
        pieces += [(weights.identifier, phrase) for phrase in joined if _IDENTIFIER.search(phrase)]
        pieces += [(weights.joined, phrase) for phrase in joined if not _IDENTIFIER.search(phrase)]
        yield from pieces[:_MAX_PHRASES]

    def _grams(self, text: str, kept: str) -> Iterator[tuple[float, tantivy.Query]]:
        others = set(self.languages) - {ENGLISH}
        runs = _RUN.findall(text)
        paired = [run for run in runs if not _UNPAIRED.match(run)]
        if others & PAIRED:
            for term in _cut(paired, PAIR):
                yield self.weights.pair, self._term("grams", term)
        if others - PAIRED:
            words = [f" {word} " for word in kept.split() if not _RUN.fullmatch(word)]
            most = max(self.searcher.num_docs * _COMMON, _FEW)
            for term in _cut([*words, *(run for run in runs if run not in paired)], GRAM):
                if self.searcher.doc_freq("grams", term) <= most:
                    yield self.weights.gram, self._term("grams", term)

    def _typos(self, words: Sequence[str]) -> Iterator[tuple[float, tantivy.Query]]:
        """What is spelled like the words that no passage has, worth what a word in so many passages is."""
        from tantivy import Query

        unknown = [word for word in words if len(word) >= _SHORTEST_TYPO and word.isalpha() and not self._known(word)]
        for word in unknown[:_MAX_UNKNOWN]:
            slips = 1 if len(word) < _TWO_TYPOS else 2
            alike = Query.fuzzy_term_query(self.schema, "exact", word, slips, True)
            yield self.weights.typo, self._as_one_term(alike)

    def _as_one_term(self, of_many: tantivy.Query) -> tantivy.Query:
        """Worth what one word in so many passages is, and not the sum of its words, or nothing, as tantivy has it."""
        from tantivy import Query

        count: int = self.searcher.search(of_many, limit=1, count=True).count  # type: ignore[attr-defined]
        missing = self.searcher.num_docs - count
        return Query.const_score_query(of_many, math.log(1 + (missing + 0.5) / (count + 0.5)) if count else 0.0)

    def _known(self, word: str) -> bool:
        if self.searcher.doc_freq("exact", word):
            return True
        return any(self.searcher.doc_freq("body", term) for term in stem(word, self.languages))


def _cut(words: Sequence[str], length: int) -> list[str]:
    """Every stretch of so many characters, once, shorter words whole."""
    cut = (word[at : at + length] for word in words for at in range(max(1, len(word) - length + 1)))
    return list(dict.fromkeys(cut))[: 2 * _MAX_TERMS]
