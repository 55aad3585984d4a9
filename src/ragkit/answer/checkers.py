"""What a stronger check counts beside the built-in one.

It decides, but for two things: what stands in the source word for word is not looked at again, and nothing makes a
sentence supported that has a number, a date, a unit, a quotation or an address that its source lacks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from ragkit.answer.citations import Resolved
from ragkit.answer.groundedness import Check
from ragkit.events import Cited
from ragkit.opinions import Checker, Opinion
from ragkit.types import Citation, Hit, Verdict

__all__ = ["Sampled", "checked_again", "looked_at_again"]

_RANK: dict[Verdict, int] = {"contradicted": 0, "unsupported": 1, "partly": 2, "supported": 3}
_CERTAIN = 1.0
_DRAWN_FROM = 2**32


class Sampled:
    """A checker that is asked about a share of the sentences.

    Args:
        checker: Which one.
        share: Of all sentences, 0 to 1; a sentence is drawn by its words, so that a repetition is treated alike.
    """

    def __init__(self, checker: Checker, *, share: float) -> None:
        self._checker = checker
        self._share = share

    @property
    def name(self) -> str:
        return self._checker.name

    async def opinion(self, statement: str, passages: Sequence[Hit]) -> Opinion | None:
        """That of the checker, where the sentence is drawn."""
        digest = hashlib.sha256(statement.encode("utf-8", "surrogatepass")).digest()
        drawn = int.from_bytes(digest[:4], "big") < self._share * _DRAWN_FROM
        return await self._checker.opinion(statement, passages) if drawn else None


async def checked_again(own: Check, statement: str, passages: Sequence[Hit], checker: Checker) -> Opinion | None:
    """What another checker says of a statement that the built-in one has looked at; none where that one's word stands.

    Raises:
        ConfigError: The checker cannot be used.
    """
    if own.score == _CERTAIN or not passages:
        return None
    opinion = await checker.opinion(statement, passages)
    if opinion is not None and own.barred and opinion.verdict in {"supported", "partly"}:
        return replace(opinion, verdict=own.verdict, score=min(own.score, opinion.score))
    return opinion


async def looked_at_again(resolved: Resolved, sources: Sequence[Hit], checker: Checker) -> Resolved:
    """With the word of another checker on a sentence that cites something.

    Of several citations each keeps its own verdict, as far as that is no better than the sentence's.

    Raises:
        ConfigError: The checker cannot be used.
    """
    verified = resolved.verified
    own = Check(verdict=verified.verdict, score=verified.score, barred=resolved.barred)
    passages = [sources[marker - 1] for marker in verified.markers]
    opinion = await checked_again(own, verified.sentence, passages, checker)
    if opinion is None or opinion.verdict is None:
        return replace(resolved, usage=opinion.usage if opinion else None)
    decided = replace(verified, verdict=opinion.verdict, score=round(opinion.score, 4), checked_by=checker.name)
    alone = len(resolved.cited) == 1
    cited = tuple(
        Cited(citation=_decided(one.citation, opinion.verdict, opinion.score, checker.name, alone=alone))
        for one in resolved.cited
    )
    return replace(resolved, cited=cited, verified=decided, usage=opinion.usage)


def _decided(citation: Citation, verdict: Verdict, score: float, name: str, *, alone: bool) -> Citation:
    if not alone and _RANK[citation.verdict] <= _RANK[verdict]:
        return citation
    return replace(
        citation,
        verdict=verdict,
        score=round(score if alone else min(citation.score, score), 4),
        supported=verdict == "supported",
        checked_by=name,
    )
