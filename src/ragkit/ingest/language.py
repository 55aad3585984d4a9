"""The language of a text, found on this machine: py3langid carries its model (140 languages, 5 MB) in its wheel."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from tempfile import gettempdir
from typing import TYPE_CHECKING

from ragkit.errors import StorageError

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

__all__ = ["LANGUAGES", "language", "languages"]

LANGUAGES = frozenset(
    """
    af am an ar as az ba be bg bn br bs ca cs cy da de dz el en eo es et eu fa fi fo fr fy ga gd gl gu ha he hi hr ht hu
    hy id ig is it ja jv ka kk km kn ko ku ky la lb lg ln lo lt lv mg mk ml mn mr ms mt my ne nl nn no oc om or pa pl ps
    pt qu ro ru rw sa se si sk sl sn so sq sr st sv sw ta te tg th tk tl tr tt ug uk ur uz vi vo wa xh yo zh zu
    """.split()
)
"""What is told apart, in ISO 639-1; a variety without a code of two letters counts as the nearest language."""

_NO_LANGUAGE = "zxx"  # ISO 639-2: no linguistic content, such as base64
_WINDOWS, _WINDOW = 3, 300
"""What is read of a text: beginning, middle and end. More decides no better on real pages, and takes longer."""
_LIKELY = 0.5
_FEWEST_LETTERS = 12


def language(text: str) -> str | None:
    """The language that most of a text is in, as ISO 639-1; None where there is too little to tell or no language."""
    probabilities = languages(text)
    best = max(probabilities, key=probabilities.__getitem__, default=None)
    return best if best is not None and probabilities[best] >= _LIKELY else None


def languages(text: str) -> Mapping[str, float]:
    """How probable each language is, by ISO 639-1; empty where there is too little to tell or no language."""
    sample = _sample(text)
    if sum(map(str.isalpha, sample)) < _FEWEST_LETTERS:
        return {}
    ranked = dict(_identifier().rank(sample))
    return {} if ranked.pop(_NO_LANGUAGE) >= _LIKELY else ranked


def _sample(text: str) -> str:
    if len(text) <= _WINDOWS * _WINDOW:
        return text
    step = (len(text) - _WINDOW) // (_WINDOWS - 1)
    return " ".join(text[start : start + _WINDOW] for start in range(0, step * _WINDOWS, step))


@cache
def _identifier() -> LanguageIdentifier:
    """The model: half a second to read, 76 MB, so only when something is there to be told apart."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    try:
        identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)  # unpacks it into a scratch file
    except OSError as error:
        raise StorageError(
            f"The model that tells languages apart cannot be unpacked: {error.strerror or error}.",
            hint=f"Free some disk space in {gettempdir()!r}.",
        ) from error
    identifier.set_languages([*LANGUAGES, _NO_LANGUAGE])
    return identifier
