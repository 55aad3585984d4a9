"""How text becomes terms: stems by language, words as they are written, and parts of words.

Every analyzer runs inside tantivy, so that 100,000 passages take seconds. What a field holds of a passage:

- `body`: stems by Snowball's stemmer of the document's language, of title, headings and text together.
- `exact`: words as written, without accents, with positions; a character each where there are no spaces between words.
- `grams`: two characters each in Chinese, Japanese and Korean, where a word has no edges; four each in languages other
  than English, which holds the parts of compounds and what stemmers miss (McNamee and Mayfield, "Character N-Gram
  Tokenization for European Language Text Retrieval", Information Retrieval 7, 2004). Nothing for English.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from ragkit.index.stopwords import MORE_STOPWORDS

if TYPE_CHECKING:
    import tantivy

    from ragkit.protocols import KeywordEntry

__all__ = [
    "ENGLISH",
    "GRAM",
    "PAIR",
    "PAIRED",
    "document",
    "encodable",
    "folded",
    "humps",
    "register",
    "schema",
    "stem",
    "without_stop_words",
]

ENGLISH = "en"
"""Also what a text is taken for whose language could not be told."""
_SPACELESS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""Scripts without spaces between words, as a class of Rust's regular expressions."""
PAIRED = frozenset({"zh", "ja", "ko"})
GRAM, PAIR = 4, 2
_WORD = rf"[\p{{L}}\p{{M}}\p{{N}}_--[{_SPACELESS}]]+"
_WORDS = rf"[{_SPACELESS}]|{_WORD}"
_LONGEST = 120  # bytes of a word; a longer one is data
_SNOWBALL = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish", "fi": "finnish",
    "fr": "french", "hu": "hungarian", "it": "italian", "nb": "norwegian", "nl": "dutch", "nn": "norwegian",
    "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish", "ta": "tamil",
    "tr": "turkish",
}  # fmt: skip
_HUMPED = re.compile(r"[a-z0-9][A-Z][a-z]|[A-Z]{2}[a-z]{3}")  # not the plural of an abbreviation: DMRs
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LETTERS = re.compile(r"[A-Za-z][A-Za-z0-9]{2,63}")


def schema() -> tantivy.Schema:
    """The fields of an index; a change of these, or of what goes into them, needs a new version of the index."""
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_text_field("chunk_id", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("document_id", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("language", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("body", tokenizer_name="stems", index_option="freq")
    builder.add_text_field("exact", tokenizer_name="words", index_option="position")
    builder.add_text_field("grams", tokenizer_name="grams", index_option="freq")
    return builder.build()


def register(index: tantivy.Index) -> None:
    """Give an index the analyzers that its fields name."""
    index.register_tokenizer("stems", _stems(ENGLISH))
    index.register_tokenizer("words", _words())
    index.register_tokenizer("grams", _grams(GRAM))


def document(entry: KeywordEntry) -> tantivy.Document:
    """A passage as the index takes it."""
    import tantivy

    language = entry.language.partition("-")[0].lower() or ENGLISH
    text = encodable("\n".join(filter(None, (entry.title, entry.heading, entry.text))))
    made = tantivy.Document(chunk_id=entry.chunk_id, document_id=entry.document_id, language=language, exact=text)
    if language == ENGLISH:  # analyzed by the field's own analyzers, which is three times as fast
        made.add_text("body", text)
    else:
        made.add_pre_tokenized_text("body", _stems(language).pre_tokenize(text))
        if language in PAIRED:
            made.add_pre_tokenized_text("grams", _grams(PAIR).pre_tokenize(text))
        else:
            made.add_text("grams", text)
    if parts := humps(text):
        made.add_pre_tokenized_text("body", _stems(language).pre_tokenize(" ".join(parts)))
    return made


def encodable(text: str) -> str:
    """Text that tantivy takes: lone surrogates, which no UTF-8 can hold, become question marks."""
    return text.encode("utf-8", "replace").decode()


def humps(text: str) -> list[str]:
    """The parts of names in camel case: `get`, `User` and `Name` of `getUserName`."""
    if not _HUMPED.search(text):
        return []
    words = filter(_HUMPED.search, dict.fromkeys(_LETTERS.findall(text)))
    return [part for word in words for part in _HUMP.split(word)]


def without_stop_words(text: str, languages: Sequence[str]) -> str:
    """The words that tell what a question is about, as they are written but for case.

    Args:
        text: A question.
        languages: Those that it may be in, at least one; it is taken for the one of which it has most stop words.

    Returns:
        Words with a space between; all of them when there are only stop words.
    """
    kept = sorted((_plain(language).analyze(text) for language in languages), key=len)
    return " ".join(kept[0] or _plain().analyze(text))


def stem(text: str, languages: Iterable[str]) -> list[str]:
    """Terms of `body`: the stems of each word, by the rules of each language."""
    return list(dict.fromkeys(term for language in languages for term in _stems(language).analyze(text)))


def folded(text: str) -> list[str]:
    """Terms of `exact`, in order."""
    return _words().analyze(text)


@cache
def _stems(language: str) -> tantivy.TextAnalyzer:
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    # Where there are no spaces, what lies between two marks is no word.
    spaceless = language in {"zh", "ja", "th", "lo", "km", "my"}
    tokenizer = Tokenizer.regex(_WORD) if spaceless else Tokenizer.simple()
    builder = TextAnalyzerBuilder(tokenizer).filter(Filter.remove_long(40)).filter(Filter.lowercase())
    if language in _SNOWBALL:
        builder = builder.filter(Filter.stemmer(_SNOWBALL[language]))
    return builder.build()


@cache
def _words() -> tantivy.TextAnalyzer:
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    builder = TextAnalyzerBuilder(Tokenizer.regex(_WORDS)).filter(Filter.remove_long(_LONGEST))
    return builder.filter(Filter.lowercase()).filter(Filter.ascii_fold()).build()


@cache
def _grams(length: int) -> tantivy.TextAnalyzer:
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    return TextAnalyzerBuilder(Tokenizer.ngram(length, length)).filter(Filter.lowercase()).build()


@cache
def _plain(stops: str = "") -> tantivy.TextAnalyzer:
    """Words in lower case, all of them or without the stop words of a language."""
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    builder = TextAnalyzerBuilder(Tokenizer.regex(_WORDS)).filter(Filter.remove_long(_LONGEST))
    builder = builder.filter(Filter.lowercase())
    if stops in _SNOWBALL:
        builder = builder.filter(Filter.stopword(_SNOWBALL[stops]))
    if stops in MORE_STOPWORDS:
        builder = builder.filter(Filter.custom_stopword(sorted(MORE_STOPWORDS[stops])))
    return builder.build()
