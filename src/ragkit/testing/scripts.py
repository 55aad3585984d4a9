"""What the stand-in for a language model replies, and how badly it behaves."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from string import ascii_lowercase
from typing import Any

from ragkit.errors import InputError

__all__ = ["Reply", "Script", "behaviour", "echo_sources", "moment", "since", "words"]

Reply = Sequence[str] | Callable[[Mapping[str, Any]], Sequence[str]]
"""The texts of a reply, an event each, or what makes them from the body of the request."""

_SOURCE = re.compile(r'<source number="(\d+)"[^>]*>\n(.*?)\n</source>', re.DOTALL)
_FLAG = re.compile(r"([a-z]+?)(\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What one request gets.

    Args:
        deltas: The reply; the default one is a greeting.
        status: Anything but 200 answers with an error body instead.
        headers: Sent with the status.
        message: What the error says.
        latency_s: Waited before the status, and so before the first token.
        tokens_per_s: How fast the deltas come; 0 is as fast as they can be sent.
        usage: Sent when the client asks for it: (input tokens, output tokens). Counted where it is True, None never.
        drop_after: Close the connection after so many deltas, in the middle of the reply.
        malformed_after: Send an event that is not JSON after so many deltas.
        error_after: Send an error as an event after so many deltas, and end.
        hang_after: Send nothing more after so many deltas, until the client leaves.
        finish_reason: Why the reply ends; `length` where it was cut off.
    """

    deltas: Reply = ("Hello.",)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "scripted error"
    latency_s: float = 0.0
    tokens_per_s: float = 0.0
    usage: tuple[int, int] | bool | None = True
    drop_after: int | None = None
    malformed_after: int | None = None
    error_after: int | None = None
    hang_after: int | None = None
    finish_reason: str = "stop"

    def reply_to(self, body: Mapping[str, Any]) -> Sequence[str]:
        """The deltas for a request."""
        return self.deltas(body) if callable(self.deltas) else self.deltas


def words(text: str) -> list[str]:
    """A text in deltas of a word each, as models write."""
    return re.findall(r"\s*\S+", text)


def echo_sources(body: Mapping[str, Any]) -> list[str]:
    """The first sentence of each source of a prompt with its marker; NO_ANSWER where there are none."""
    prompt = "\n".join(_text(message["content"]) for message in body["messages"])
    found = [f"{_first_sentence(text)} [{number}]" for number, text in _SOURCE.findall(prompt)]
    return words(" ".join(found) or "NO_ANSWER")


def behaviour(model: str, dice: random.Random) -> Script:
    """The script that the name of a model stands for, as a load test wants it.

    `double-ttft50-tps100` writes its first token after 50 ms, and 100 a second from then on. The name is `double`
    followed by any of these, each after a hyphen:

        ttftN     milliseconds to the first token
        tpsN      tokens a second; as fast as possible without it
        nN        tokens of a reply, 50 without it
        echo      the reply is made of the sources in the prompt
        clock     each token is a word for the moment at which it is sent (`moment`), ten of them a sentence
        failN     N % of the requests get a 500
        limitN    N % get a 429, with a Retry-After of one second or of `afterN` seconds
        dropN     of N % the connection breaks off in the middle of the reply
        badN      N % have an event that is not JSON in the middle
        errorN    N % have an error in the middle
        hangN     N % fall silent in the middle

    Args:
        model: The name.
        dice: Says which of the requests fail.

    Raises:
        InputError: The name says something else.
    """
    first, *flags = model.split("-")
    values: dict[str, int] = {}
    for flag in flags:
        match = _FLAG.fullmatch(flag)
        if first != "double" or match is None or match[1] not in _KNOWN or (match[2] is None) != (match[1] in _BARE):
            raise InputError(
                f"The model {model!r} has no behaviour {flag!r}.",
                hint=f"double, and any of {', '.join(sorted(_KNOWN))}: double-ttft50-tps100.",
            )
        values[match[1]] = int(match[2] or 0)
    length = values.get("n", 50)
    script = Script(
        deltas=echo_sources if "echo" in values else _Clock(length) if "clock" in values else ["word "] * length,
        latency_s=values.get("ttft", 0) / 1000,
        tokens_per_s=values.get("tps", 0),
    )
    return _failing(script, values, length // 2, dice.random() * 100)


_BARE = frozenset({"echo", "clock"})
_KNOWN = frozenset("ttft tps n fail limit after drop bad error hang".split()) | _BARE


class _Clock(Sequence[str]):
    """Tells the time whenever it is read."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, place: Any) -> Any:
        if place not in range(self._length):
            raise IndexError(place)
        word = moment(time.time())
        return f"{word}.\n" if place % 10 == 9 else f"{word} " if place % 10 else f"{word.capitalize()} "


def moment(seconds: float) -> str:
    """A word of six letters for a point in time, to the millisecond; after three and a half days they come again."""
    left, letters = int(1e3 * seconds), ""
    for _ in range(6):
        left, letter = divmod(left, len(ascii_lowercase))
        letters = ascii_lowercase[letter] + letters
    return letters


def since(word: str, seconds: float) -> float:
    """Milliseconds from the moment of a word to a point in time."""
    begun = 0
    for letter in word.lower():
        begun = begun * len(ascii_lowercase) + ascii_lowercase.index(letter)
    return float((int(1e3 * seconds) - begun) % len(ascii_lowercase) ** 6)


def _failing(script: Script, values: Mapping[str, int], middle: int, roll: float) -> Script:
    """The script, or a failure where the roll of 0 to 100 says so; failures exclude each other."""
    failures: dict[str, dict[str, Any]] = {
        "fail": {"status": 500},
        "limit": {"status": 429, "headers": {"retry-after": str(values.get("after", 1))}},
        "drop": {"drop_after": middle},
        "bad": {"malformed_after": middle},
        "error": {"error_after": middle},
        "hang": {"hang_after": middle},
    }
    for flag, change in failures.items():
        roll -= values.get(flag, 0)
        if roll < 0:
            return replace(script, **change)
    return script


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?])\s", text.strip(), maxsplit=1)[0]


def _text(content: Any) -> str:
    """The text of a message, whose content may be a list of parts."""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content or ())
