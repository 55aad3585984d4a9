"""Blocking work is bounded, and what threads ask for at the same time is done together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from ragkit.threads import Threads, Together


class Doubling:
    """Doubles numbers, and stops in the first run until it is told to go on."""

    def __init__(self) -> None:
        self.runs: list[list[int]] = []
        self.begun, self.go_on = Event(), Event()

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.runs.append(list(numbers))
        self.begun.set()
        self.go_on.wait()
        if 13 in numbers:
            raise ValueError("13")
        return [2 * number for number in numbers]


def test_who_asks_alone_is_served_alone_and_at_once() -> None:
    doubling = Doubling()
    doubling.go_on.set()
    together = Together(doubling, most=8)
    assert [together(1), together(2)] == [2, 4]
    assert doubling.runs == [[1], [2]]


def test_those_who_come_meanwhile_are_served_together() -> None:
    doubling = Doubling()
    together = Together(doubling, most=3)
    with ThreadPoolExecutor(max_workers=8) as threads:
        first = threads.submit(together, 1)
        doubling.begun.wait()
        others = [threads.submit(together, number) for number in range(2, 7)]
        while len(together._waiting) < len(others):
            pass
        doubling.go_on.set()
        assert [future.result() for future in (first, *others)] == [2, 4, 6, 8, 10, 12]
    assert [len(run) for run in doubling.runs] == [1, 3, 2]


def test_a_failure_is_that_of_all_who_were_served_together_and_of_no_other() -> None:
    doubling = Doubling()
    together = Together(doubling, most=2)
    with ThreadPoolExecutor(max_workers=4) as threads:
        first = threads.submit(together, 1)
        doubling.begun.wait()
        others = []
        for number in (13, 2, 3):
            others.append(threads.submit(together, number))
            while len(together._waiting) < len(others):
                pass
        doubling.go_on.set()
        assert first.result() == 2
        for failed in others[:2]:
            with pytest.raises(ValueError, match="13"):
                failed.result()
        assert others[2].result() == 6


def test_many_threads_each_get_their_own_result() -> None:
    together = Together(lambda numbers: [number * number for number in numbers], most=4)
    barrier = Barrier(16)

    def ask(number: int) -> list[int]:
        barrier.wait()
        return [together(number + 16 * n) for n in range(50)]

    with ThreadPoolExecutor(max_workers=16) as threads:
        found = list(threads.map(ask, range(16)))
    assert found == [[(number + 16 * n) ** 2 for n in range(50)] for number in range(16)]


@pytest.mark.anyio
async def test_callers_who_leave_do_not_lift_the_bound_on_threads() -> None:
    threads, begun, go_on = Threads(2), list[int](), Event()

    def work(number: int) -> int:
        begun.append(number)
        go_on.wait()
        return number

    for wave in range(3):
        callers = [asyncio.ensure_future(threads.run(work, 10 * wave + number)) for number in range(4)]
        while len(begun) < 2:  # noqa: ASYNC110 - filled by threads
            await asyncio.sleep(0.001)
        for caller in callers:
            caller.cancel()
        await asyncio.wait(callers)
    waiting = asyncio.ensure_future(threads.run(work, 99))
    await asyncio.sleep(0.01)
    assert begun == [0, 1], "those who left while they waited are not begun either"
    go_on.set()
    assert (await waiting, begun) == (99, [0, 1, 99])
