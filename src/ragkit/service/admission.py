"""How many answers are at work at once, and how many may wait: what is more is turned away before all become slow."""

from __future__ import annotations

import asyncio
from collections import deque

from ragkit.errors import Overloaded

__all__ = ["Admission"]

RETRY_AFTER_S = 2.0


class Admission:
    """Places for answers, given in the order in which they were asked for; on one event loop.

    Args:
        at_once: Places.
        waiting: How many may wait for one.

    Attributes:
        taken: Places that are in use.
    """

    def __init__(self, at_once: int, waiting: int) -> None:
        self._at_once = at_once
        self._most_waiting = waiting
        self._queue: deque[asyncio.Future[None]] = deque()
        self.taken = 0

    @property
    def waiting(self) -> int:
        return len(self._queue)

    async def enter(self, *, within_s: float) -> None:
        """Take a place, and wait for it if need be; `leave` gives it back.

        Raises:
            Overloaded: There is none within this time, or too many wait already.
        """
        if self.taken < self._at_once and not self._queue:
            self.taken += 1
            return
        if len(self._queue) >= self._most_waiting:
            raise _full()
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            async with asyncio.timeout(within_s):
                await turn
        except BaseException as error:
            if turn in self._queue:
                self._queue.remove(turn)
            elif turn.done() and not turn.cancelled():  # the place came at the moment at which nobody waited any more
                self.leave()
            if isinstance(error, TimeoutError):
                raise _full() from error
            raise

    def leave(self) -> None:
        """Give a place back: to who has waited longest, if anybody waits."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.taken -= 1


def _full() -> Overloaded:
    return Overloaded(
        "The service has as many answers under way as it can write in time.",
        hint="Ask again in a moment; RAGKIT_ANSWERS_AT_ONCE and RAGKIT_ANSWERS_WAITING set how many there may be.",
        retry_after=RETRY_AFTER_S,
    )
