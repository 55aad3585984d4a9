"""What an answer may use: a place, time, tokens and money, taken before it is begun and settled when it is over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, TypeVar, cast

import anyio
import anyio.to_thread
from fastapi import Depends, Request

from ragkit.callers import Principal
from ragkit.errors import NotAllowed, RagkitError, TimedOut
from ragkit.events import Done, Event, Failed, Retrieved, Token
from ragkit.models.prices import Prices, Tokens
from ragkit.service.deps import caller_of
from ragkit.tokens import count_tokens
from ragkit.types import Answer, Usage

if TYPE_CHECKING:
    from ragkit.engine import AsyncRagkit
    from ragkit.service.admission import Admission
    from ragkit.service.metrics import Metrics
    from ragkit.settings import Settings

__all__ = ["Spending", "Spends"]

T = TypeVar("T")

log = logging.getLogger(__name__)

PROMPT_TOKENS = 1_000
"""More than the words of a prompt around question and sources have."""
CONDENSING_TOKENS = 4_000
"""More than it takes to make a question stand alone: what was said before, and the question that is written."""
GRACE_S = 60.0
"""How much longer than the answer may take a reservation stands, for who must settle it."""


class Spending:
    """What one answer takes and uses. It is closed when the response has been sent, whatever became of that."""

    def __init__(
        self,
        kit: AsyncRagkit,
        caller: Principal,
        *,
        admission: Admission,
        metrics: Metrics,
        prices: Prices,
        settings: Settings,
    ) -> None:
        self._kit = kit
        self._caller = caller
        self._admission = admission
        self._metrics = metrics
        self._prices = prices
        self._settings = settings
        self._models: list[str] = []
        self._admitted = False
        self._reservation: str | None = None
        self._used: Usage | None = None
        self._read = self._written = 0
        self._deadline = asyncio.get_running_loop().time() + settings.answer_timeout_s

    async def begin(self, question: str, *, follows_up: bool, llm: str | None = None) -> None:
        """Take what the answer may need at most.

        Args:
            question: What is asked.
            follows_up: Whether a model may have to make it stand alone first.
            llm: The model, where it is not that of the settings.

        Raises:
            Overloaded: The service has too much to do.
            OverQuota: The key may not use that much.
            NotAllowed: The key has a limit of money, and it is not known what the model costs.
        """
        await self._admission.enter(within_s=self._left_s())
        self._admitted = True
        models = [name.strip() for name in (llm or self._settings.llm).split(",")]
        if not self._caller.metered or models == ["extractive"]:
            return
        read = self._settings.context_tokens + PROMPT_TOKENS + await anyio.to_thread.run_sync(count_tokens, question)
        self._read = read + (CONDENSING_TOKENS if follows_up else 0)
        self._written = self._settings.llm_max_tokens
        self._models = models
        limited = any(limit.measure == "usd" for limit in self._caller.limits)
        usd = self._cost()
        if usd is None and limited:
            raise NotAllowed(
                f"The key may use so many US dollars, and what {', '.join(models)} costs is not known.",
                hint="Name its price in the file of RAGKIT_LLM_PRICES, or limit tokens instead.",
            )
        self._reservation = await anyio.to_thread.run_sync(
            lambda: self._kit.quotas.reserve(
                self._caller,
                tokens=self._read + self._written,
                usd=usd or 0.0,
                holds_s=self._settings.answer_timeout_s + GRACE_S,
            )
        )

    async def watched(self, events: AsyncIterator[Event]) -> AsyncGenerator[Event]:
        """The same events, at most as long as an answer may take; what they tell of its use is noted.

        Raises:
            TimedOut: It took longer: the model's call is cancelled.
        """
        self._read = self._written = 0
        async with aclosing(cast("AsyncGenerator[Event]", events)):
            with self._metrics.answer() as watch:
                while (event := await self._in_time(anext(events, None))) is not None:
                    self._note(event)
                    watch.note(event)
                    yield event

    async def answered(self, work: Awaitable[T], answer: Callable[[T], Answer]) -> T:
        """Wait for an answer that tells no events; where it breaks off, all that it could have used counts.

        Raises:
            TimedOut: It took longer than an answer may take, and was cancelled.
        """
        with self._metrics.answer() as watch:
            try:
                result = await self._in_time(work)
            except RagkitError as error:
                self._used = None if isinstance(error, TimedOut) else Usage()
                raise
            watch.answered(answer(result))
        self._used = answer(result).usage
        return result

    async def _in_time(self, work: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout_at(self._deadline) as scope:
                return await work
        except TimeoutError as error:
            if not scope.expired():
                raise
            raise TimedOut(
                f"The answer took longer than {self._settings.answer_timeout_s:g} seconds.",
                hint="RAGKIT_ANSWER_TIMEOUT_S sets how long one may take.",
            ) from error

    async def close(self) -> None:
        """Give back what was taken, and count what was used."""
        try:
            if self._reservation is not None:
                await anyio.to_thread.run_sync(self._settle, self._reservation)
        except RagkitError as error:  # the response has been sent; the estimate is given back in time
            log.error("What an answer used could not be counted: %s", error.detail)
        finally:
            if self._admitted:
                self._admission.leave()

    def _note(self, event: Event) -> None:
        if isinstance(event, Done):
            self._used = event.answer.usage
        elif isinstance(event, Failed):
            # Most providers ask no money for what they could not do, unless they had begun to write.
            self._used = None if self._written else Usage()
        elif isinstance(event, Retrieved):
            texts = sum(count_tokens(hit.text) for hit in event.hits) if self._reservation else 0
            self._read = min(texts, self._settings.context_tokens) + PROMPT_TOKENS
        elif isinstance(event, Token) and self._reservation:
            self._written += count_tokens(event.text)

    def _settle(self, reservation: str) -> None:
        # Where it broke off: what was sent to the model by then, and what it had written.
        used = self._used or Usage(input_tokens=self._read, output_tokens=self._written, cost_usd=self._cost())
        tokens, usd = used.input_tokens + used.output_tokens, used.cost_usd or 0.0
        self._kit.quotas.settle(self._caller.name, reservation, tokens=tokens, usd=usd)

    def _cost(self) -> float | None:
        """What this many tokens cost with the dearest of the models, in US dollars; none where that is not known."""
        used = Tokens(input=self._read, output=self._written)
        costs = [self._prices.cost(model, used) for model in self._models if model != "extractive"]
        return None if None in costs else max((cost for cost in costs if cost is not None), default=0.0)

    def _left_s(self) -> float:
        return self._deadline - asyncio.get_running_loop().time()


async def _spending(request: Request) -> AsyncIterator[Spending]:
    state = request.app.state
    spending = Spending(
        state.kit,
        caller_of(request),
        admission=state.admission,
        metrics=state.metrics,
        prices=state.prices,
        settings=state.settings,
    )
    try:
        yield spending
    finally:
        with anyio.CancelScope(shield=True):
            await spending.close()


Spends = Annotated[Spending, Depends(_spending)]
"""For a route that has a model write."""
