"""What becomes of sentences that their sources do not support."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ragkit.answer.citations import Resolved
from ragkit.answer.markers import Sentence
from ragkit.events import Event, Token, Verified
from ragkit.types import Verdict

__all__ = ["Flagging", "Gate", "Holding", "fails", "objection"]

_FAILING: frozenset[Verdict] = frozenset({"unsupported", "contradicted"})


class Flagging:
    """Shows text as it comes, and the verdict when its sentence closes."""

    def written(self, text: str) -> Iterator[Event]:
        if text:
            yield Token(text=text)

    def closed(self, sentence: Sentence, resolved: Resolved) -> Iterator[Event]:
        yield from resolved.cited
        yield resolved.verified

    def finished(self) -> Iterator[Event]:
        yield from ()


class Holding:
    """Holds a sentence back until it is checked, and leaves it out when it fails."""

    def __init__(self) -> None:
        self._text = ""
        self._passed = 0
        self._shown = False
        self._space = ""

    def written(self, text: str) -> Iterator[Event]:
        self._text += text
        yield from ()

    def closed(self, sentence: Sentence, resolved: Resolved) -> Iterator[Event]:
        verified = resolved.verified
        dropped = fails(verified)
        yield from self._show(self._text[self._passed : sentence.start if dropped else sentence.end])
        self._passed = sentence.end
        if dropped:
            yield Verified(
                sentence=verified.sentence,
                markers=verified.markers,
                verdict=verified.verdict,
                score=verified.score,
                dropped=True,
            )
            return
        yield from resolved.cited
        yield verified

    def finished(self) -> Iterator[Event]:
        """What no sentence holds, such as code at the end."""
        yield from self._show(self._text[self._passed :])

    def _show(self, text: str) -> Iterator[Event]:
        """White space waits for what follows it, as that may be left out."""
        text = self._space + text if self._shown else text.lstrip()
        said = text.rstrip()
        self._space = text[len(said) :]
        if said:
            self._shown = True
            yield Token(text=said)


Gate = Flagging | Holding


def fails(verified: Verified) -> bool:
    """Whether a sentence must not be said as if it stood in the sources."""
    return verified.verdict in _FAILING


def objection(failed: Sequence[Verified]) -> str:
    """What to tell the model about its sentences."""
    return "\n".join(f"- {one.verdict}: {one.sentence}" for one in failed)
