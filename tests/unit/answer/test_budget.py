from __future__ import annotations

import pytest

from ragkit.answer.budget import PER_MESSAGE, room_in
from ragkit.errors import ConfigError
from ragkit.testing import ScriptedChat
from ragkit.types import Message

FIXED = [Message(role="user", text="x" * 100)]
EXAMPLES = [[Message(role="user", text="x" * 92), Message(role="assistant", text="x" * 92)]] * 3


class SmallChat(ScriptedChat):
    """A model that reads so many tokens, a character each."""

    def __init__(self, reads: int | None) -> None:
        super().__init__("")
        self._reads = reads

    def reads(self) -> int | None:
        return self._reads

    def count(self, text: str) -> int:
        return len(text)


def test_a_model_of_which_nothing_is_known_gets_what_is_set() -> None:
    for chat in (ScriptedChat(""), SmallChat(None)):
        room = room_in(chat, fixed=FIXED, examples=EXAMPLES, wanted=3000, reply=500)
        assert (room.tokens, room.examples) == (3000, 3)


def test_a_small_model_keeps_room_for_question_and_reply() -> None:
    room = room_in(SmallChat(1000), fixed=FIXED, examples=[], wanted=3000, reply=300)
    assert room.tokens == 1000 - 300 - 100 - PER_MESSAGE
    assert room.count("ab") == 2


def test_sources_go_before_examples() -> None:
    room = room_in(SmallChat(1000), fixed=FIXED, examples=EXAMPLES, wanted=390, reply=100)
    assert (room.tokens, room.examples) == (390, 2)


def test_a_model_without_room_for_sources_is_named() -> None:
    with pytest.raises(ConfigError, match="'scripted:1' reads 200 tokens; question, prompt and reply leave 0"):
        room_in(SmallChat(200), fixed=FIXED, examples=[], wanted=3000, reply=300)
