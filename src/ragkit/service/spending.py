"""What an answer may use: a place, time, tokens and money, taken before it is begun and settled when it is over."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, TypeVar, cast

import anyio
import anyio.to_thread
from fastapi import Depends, Request

from ragkit.errors import NotAllowed, Overloaded, RagkitError, TimedOut
from ragkit.events import Accepted, Done, Event, Failed, Retrieved, Token
from ragkit.models.prices import Prices, Tokens
from ragkit.service.deps import caller_of, while_connected
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
NOTHING = Tokens(input=0, output=0)
GRACE_S = 60.0
"""How much longer than the answer may take a reservation stands, for who must settle it."""
QUEUE_S = 10.0
"""How long a question waits for a place: who waits longer asks again sooner than it is answered."""


class Spending:
    """What one answer takes and uses. It is closed when the response has been sent, whatever became of that."""

    def __init__(self, request: Request) -> None:
        state = request.app.state
        self._request = request
        self._kit: AsyncRagkit = state.kit
        self._caller = caller_of(request)
        self._admission: Admission = state.admission
        self._metrics: Metrics = state.metrics
        self._prices: Prices = state.prices
        self._settings: Settings = state.settings
        self._models: list[str] = []
        self._admitted = False
        self._reserving: asyncio.Future[str] | None = None
        self._most = self._broken_off = NOTHING
        self._condensing = 0
        self._used: Usage | None = None
        self._deadline = self._at_latest()
        self._clock: asyncio.Timeout | None = None
        self._stopped = False
        self._is_taken_over = False

    async def begin(self, question: str, *, follows_up: bool, llm: str | None = None) -> None:
        """Take what the answer may need at most.

        Args:
            question: What is asked.
            follows_up: Whether a model may have to make it stand alone first.
            llm: The model, where it is not that of the settings.

        Raises:
            ClientGone: The client left before there was a place.
            Overloaded: The service has too much to do.
            OverQuota: The key may not use that much.
            NotAllowed: The key has a limit of money, and it is not known what the model costs.
        """
        await while_connected(self._request, self._enter())
        models = [name.strip() for name in (llm or self._settings.llm).split(",")]
        if not self._caller.metered or models == ["extractive"]:
            return
        asked = await anyio.to_thread.run_sync(count_tokens, question)
        self._condensing = CONDENSING_TOKENS if follows_up else 0
        self._most = self._at_most(asked)
        self._models = models
        limited = any(limit.measure == "usd" for limit in self._caller.limits)
        usd = self._cost(self._most)
        if usd is None and limited:
            raise NotAllowed(
                f"The key may use so many US dollars, and what {', '.join(models)} costs is not known.",
                hint="Name its price in the file of RAGKIT_LLM_PRICES, or limit tokens instead.",
            )
        await self._reserve(usd or 0.0)

    async def _enter(self) -> None:
        await self._admission.enter(within_s=QUEUE_S)
        self._admitted = True
        if not self._stopped:  # what was waited is no time of the answer
            self._deadline = self._at_latest()

    def _at_latest(self) -> float:
        return asyncio.get_running_loop().time() + self._settings.answer_timeout_s

    def _at_most(self, asked: int) -> Tokens:
        read, written = self._settings.context_tokens + PROMPT_TOKENS + asked, self._settings.llm_max_tokens
        if self._settings.unsupported == "repair":  # a second call reads also what the first one wrote
            read, written = 2 * read + written, 2 * written
        return Tokens(input=read + self._condensing, output=written)

    async def _reserve(self, usd: float) -> None:
        reserve = functools.partial(
            self._kit.quotas.reserve,
            self._caller,
            tokens=self._most.input + self._most.output,
            usd=usd,
            holds_s=self._settings.answer_timeout_s + GRACE_S,
        )
        # It is made also where the request is cancelled meanwhile: who closes waits for it, and gives it back.
        self._reserving = asyncio.ensure_future(anyio.to_thread.run_sync(reserve))
        try:
            await asyncio.shield(self._reserving)
        except RagkitError:
            self._reserving = None
            raise

    async def watched(self, events: AsyncIterator[Event]) -> AsyncGenerator[Event]:
        """The same events, at most as long as an answer may take; what they tell of its use is noted.

        Raises:
            TimedOut: It took longer: the model's call is cancelled.
            Overloaded: The service stops.
        """
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
            Overloaded: The service stops.
        """
        self._broken_off = self._most
        with self._metrics.answer() as watch:
            try:
                result = await self._in_time(work)
            except RagkitError as error:
                self._used = None if isinstance(error, TimedOut | Overloaded) else Usage()
                raise
            watch.answered(answer(result))
        self._used = answer(result).usage
        return result

    def stop(self, within_s: float) -> None:
        """Let the answer go on for so long, as the service stops."""
        self._stopped = True
        self._deadline = min(self._deadline, asyncio.get_running_loop().time() + within_s)
        if self._clock is not None and not self._clock.expired():
            self._clock.reschedule(self._deadline)

    async def _in_time(self, work: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout_at(self._deadline) as clock:
                self._clock = clock
                return await work
        except TimeoutError as error:
            if not clock.expired():
                raise
            raise self._too_late() from error
        finally:
            self._clock = None

    def _too_late(self) -> RagkitError:
        if self._stopped:
            return Overloaded("The service is stopping, and the answer was not whole yet.", hint="Ask again.")
        return TimedOut(
            f"The answer took longer than {self._settings.answer_timeout_s:g} seconds.",
            hint="RAGKIT_ANSWER_TIMEOUT_S sets how long one may take.",
        )

    def taken_over(self) -> Callable[[], Awaitable[None]]:
        """Have it closed by this call instead of with the response, by what goes on beyond that."""
        self._is_taken_over = True
        return self._closed

    async def close_with_response(self) -> None:
        """Close it, unless somebody else does."""
        if not self._is_taken_over:
            await self._closed()

    async def _closed(self) -> None:
        self._request.app.state.under_way.discard(self)
        with anyio.CancelScope(shield=True):
            await self.close()

    async def close(self) -> None:
        """Give back what was taken, and count what was used."""
        try:
            if self._reserving is not None:
                await anyio.to_thread.run_sync(self._settle, await self._reserving)
        except RagkitError as error:  # the response has been sent; the estimate is given back in time
            log.error("What an answer used could not be counted: %s", error.detail)
        finally:
            if self._admitted:
                self._admission.leave()

    def _note(self, event: Event) -> None:
        """Keep what it counts if the answer breaks off here: what was sent to the model by then, and its writing."""
        if self._reserving is None:
            return
        if isinstance(event, Accepted):
            self._broken_off = Tokens(input=self._condensing, output=0)
        elif isinstance(event, Retrieved):
            self._broken_off = self._most if self._drafts else self._sent(event)
        elif isinstance(event, Token) and not self._drafts:
            written = self._broken_off.output + count_tokens(event.text)
            self._broken_off = replace(self._broken_off, output=written)
        elif isinstance(event, Failed):
            self._used = event.usage
        elif isinstance(event, Done):
            self._used = event.answer.usage

    @property
    def _drafts(self) -> bool:
        """Whether the model writes the whole answer before any of it is told."""
        return self._settings.unsupported in {"abstain", "repair"}

    def _sent(self, event: Retrieved) -> Tokens:
        texts = sum(count_tokens(hit.text) for hit in event.hits)
        read = min(texts, self._settings.context_tokens) + PROMPT_TOKENS
        return Tokens(input=self._condensing + read, output=0)

    def _settle(self, reservation: str) -> None:
        last = self._broken_off
        used = self._used or Usage(input_tokens=last.input, output_tokens=last.output, cost_usd=self._cost(last))
        usd = used.cost_usd
        if usd is None:  # of one of several models no price is known: the dearest of the others stands for it
            usd = self._cost(Tokens(input=used.input_tokens, output=used.output_tokens)) or 0.0
        tokens = used.input_tokens + used.output_tokens
        self._kit.quotas.settle(self._caller.name, reservation, tokens=tokens, usd=usd)

    def _cost(self, used: Tokens) -> float | None:
        """What this many tokens cost with the dearest of the models, in US dollars; none where that is not known."""
        costs = [self._prices.cost(model, used) for model in self._models if model != "extractive"]
        return None if None in costs else max((cost for cost in costs if cost is not None), default=0.0)


async def _spending(request: Request) -> AsyncIterator[Spending]:
    under_way: set[Spending] = request.app.state.under_way
    spending = Spending(request)
    under_way.add(spending)
    try:
        yield spending
    finally:
        await spending.close_with_response()


Spends = Annotated[Spending, Depends(_spending)]
"""For a route that has a model write."""
