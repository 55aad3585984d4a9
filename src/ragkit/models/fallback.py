"""Several language models, one after the other: what one cannot answer, the next one does.

A model is asked again, or another one instead, only until the first token is there: what a reader has seen is not
written anew.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import cast

import anyio
from tenacity import AsyncRetrying, before_sleep_log, retry_if_exception, stop_after_attempt, stop_before_delay

from ragkit.errors import RagkitError, UpstreamError, UpstreamRateLimited, UpstreamTimeout
from ragkit.models.breaker import Breaker
from ragkit.models.patience import Patience, Wait
from ragkit.models.providers import status_of
from ragkit.protocols import ChatDelta, ChatModel, ChatRequest, MeasuredChat
from ragkit.tokens import count_tokens
from ragkit.types import Usage

__all__ = ["FallbackChat"]

log = logging.getLogger(__name__)

TRIES = 3
_TRANSIENT = frozenset({408, 409, 425, 429})
"""Refusals (4xx) that another try may find withdrawn."""


class FallbackChat:
    """A ChatModel over others, in the order in which they are asked.

    Args:
        models: They write.
        last: Quotes the sources where none of them can be reached; it is no substitute for a request without sources.
        patience: How long their failures are borne; `total_s` is what a first token may take, all tries together.
    """

    def __init__(
        self, models: Sequence[ChatModel], *, last: ChatModel | None = None, patience: Patience | None = None
    ) -> None:
        self._patience = patience or Patience(longest_s=8.0, total_s=120.0)
        self._tried = [_Tried(model, self._patience) for model in models]
        self._last = last
        self._measured = [model for model in models if isinstance(model, MeasuredChat)]

    @property
    def name(self) -> str:
        """That of the first one; a delta says so where another one writes."""
        return self._tried[0].name

    def reads(self) -> int | None:
        """What every one of them reads, of those of which it is known."""
        known = []
        for model in self._measured:
            with suppress(RagkitError):  # it is told when the model is asked
                known.append(model.reads())
        return min((tokens for tokens in known if tokens), default=None)

    def count(self, text: str) -> int:
        """By the one that counts most."""
        counts = [count_tokens(text)]
        for model in self._measured:
            with suppress(RagkitError):
                counts.append(model.count(text))
        return max(counts)

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """The reply of the first that writes.

        Raises:
            UpstreamError: All failed, or the one that had begun to write.
            ConfigError: The same, where that is not the fault of a provider.
        """
        deadline = time.monotonic() + self._patience.total_s
        failures: list[RagkitError] = []
        spent = Usage()
        for tried in self._tried:
            if failures and time.monotonic() >= deadline:
                break  # to be given no time would count as a failure of the next one
            try:
                async with aclosing(tried.stream(request, deadline)) as deltas:
                    first = True
                    async for delta in deltas:
                        if first and failures:
                            yield ChatDelta(model=tried.name, fallback=failures[0].detail)
                        first = False
                        yield _beside(spent, delta)
                return
            except _Unreached as error:
                failures.append(error.cause)
                spent += error.usage
            log.warning("%s", failures[-1].detail)
        if self._last is None or not request.sources or not any(isinstance(e, UpstreamError) for e in failures):
            if spent != Usage():
                yield ChatDelta(usage=spent)  # whoever thought, and wrote nothing
            raise failures[0]
        yield ChatDelta(model=self._last.name, fallback=failures[0].detail)
        async with aclosing(cast("AsyncGenerator[ChatDelta]", self._last.stream(request))) as deltas:
            async for delta in deltas:
                yield _beside(spent, delta)


def _beside(spent: Usage, delta: ChatDelta) -> ChatDelta:
    """A delta whose usage has in it what was spent in vain."""
    so_far = delta.so_far
    return replace(
        delta,
        usage=delta.usage and delta.usage + spent,
        so_far=so_far and (lambda: so_far() + spent),
    )


class _Unreached(Exception):
    """A model wrote nothing, so that another one may; it may have cost something all the same."""

    def __init__(self, cause: RagkitError, usage: Usage | None = None) -> None:
        self.cause = cause
        self.usage = usage or Usage()


class _Tried:
    """One of the models, with what is known of its health."""

    def __init__(self, model: ChatModel, patience: Patience) -> None:
        self._model = model
        self._patience = patience
        self._breaker = Breaker(failures=patience.failures, rest_s=patience.rest_s)
        self._why = ""

    @property
    def name(self) -> str:
        return self._model.name

    async def stream(self, request: ChatRequest, deadline: float) -> AsyncGenerator[ChatDelta]:
        """Its reply.

        Args:
            request: What it is asked.
            deadline: By `time.monotonic`, for the first token.

        Raises:
            _Unreached: It failed before the first token.
            UpstreamError: It failed after that.
        """
        head, deltas = await self._begun(request, deadline)
        async with aclosing(deltas):
            for delta in head:
                yield delta
            try:
                async for delta in deltas:
                    yield delta
            except UpstreamError as error:
                self._noted(error, time.monotonic())
                raise

    async def _begun(self, request: ChatRequest, deadline: float) -> tuple[list[ChatDelta], AsyncGenerator[ChatDelta]]:
        """What it has written with the first token, and the rest to come."""
        trying = AsyncRetrying(
            retry=retry_if_exception(lambda error: _passing(error) and not self._breaker.is_open),
            wait=Wait(self._patience),
            stop=stop_after_attempt(TRIES) | stop_before_delay(max(0.0, deadline - time.monotonic())),
            sleep=anyio.sleep,
            before_sleep=before_sleep_log(log, logging.INFO),
            reraise=True,
        )
        try:
            return await trying(self._first, request, deadline)
        except RagkitError as error:
            raise _Unreached(error) from error

    async def _first(self, request: ChatRequest, deadline: float) -> tuple[list[ChatDelta], AsyncGenerator[ChatDelta]]:
        if not self._breaker.allows():
            raise UpstreamError(f"{self.name!r} is left alone for now: {self._why}", hint="Ask again later.")
        deltas = cast("AsyncGenerator[ChatDelta]", self._model.stream(request))
        try:
            head = await self._head(deltas, deadline)
        except BaseException as error:
            with anyio.CancelScope(shield=True):
                await deltas.aclose()
            if isinstance(error, RagkitError):
                self._noted(error, deadline)
            raise
        self._breaker.succeeded()
        return head, deltas

    async def _head(self, deltas: AsyncIterator[ChatDelta], deadline: float) -> list[ChatDelta]:
        """Everything up to the first token."""
        head: list[ChatDelta] = []
        try:
            with anyio.fail_after(max(0.0, deadline - time.monotonic())):
                async for delta in deltas:
                    head.append(delta)
                    if delta.text:
                        return head
        except TimeoutError as error:
            raise UpstreamTimeout(
                f"{self.name!r} wrote nothing in the {self._patience.total_s:g} seconds that an answer may wait.",
                hint="RAGKIT_LLM_DEADLINE_S sets how long that is.",
            ) from error
        usage = sum((delta.usage for delta in head if delta.usage), Usage())
        raise _Unreached(UpstreamError(f"{self.name!r} wrote nothing.", hint="Ask again."), usage)

    def _noted(self, error: RagkitError, deadline: float) -> None:
        """Remember how a call went wrong, where it tells something about the next one."""
        if isinstance(error, UpstreamRateLimited):
            self._breaker.succeeded()  # it is there
            if error.retry_after is not None and time.monotonic() + error.retry_after > deadline:
                self._breaker.rest(error.retry_after)
        elif isinstance(error, UpstreamError) and not _refused(error):
            self._breaker.failed()
        self._why = error.detail


def _passing(error: BaseException) -> bool:
    """Whether the same model may write at another try; one that was silent for long would be so again."""
    return isinstance(error, UpstreamError) and not isinstance(error, UpstreamTimeout) and not _refused(error)


def _refused(error: RagkitError) -> bool:
    """Whether the provider is there, and does not take this request."""
    status = status_of(error.__cause__) if isinstance(error.__cause__, Exception) else None
    return status is not None and 400 <= status < 500 and status not in _TRANSIENT
