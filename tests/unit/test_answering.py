from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest

from ragkit.answer.conversations import Conversations
from ragkit.answer.records import Records
from ragkit.answering import AsyncConversations, _own_provider
from ragkit.callers import Caller
from ragkit.errors import InputError, NotAllowed, TooLarge, UpstreamError
from ragkit.parts import Parts
from ragkit.prompting import PromptRef
from ragkit.recorded import Trace
from ragkit.settings import Settings
from ragkit.store.engine import Database, now
from ragkit.threads import Threads
from ragkit.types import Answer, Usage

pytestmark = pytest.mark.anyio

ANSWER = Answer(
    answer="In 30 days.", citations=(), abstained=False, reason=None, prompt=PromptRef(name="answer", version=1),
    model="scripted:1", usage=Usage(), trace_id="t1", conversation_id="conv_1", took_ms=3.5,
)  # fmt: skip
TRACE = Trace(
    id="t1", question="When?", standalone_question="When?", collection="default", generation=1, hits=(),
    answer=ANSWER, stages_ms={}, created_at=now(),
)  # fmt: skip


class Asker:
    """Answers never, or not at all."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked: list[dict[str, Any]] = []
        self.begun = anyio.Event()

    async def __call__(self, question: str, **how: Any) -> Answer:
        self.asked.append(how)
        self.begun.set()
        if self.error:
            raise self.error
        await anyio.sleep_forever()
        raise AssertionError


@pytest.fixture
def parts(home: Path) -> Iterator[Parts]:
    """With one conversation of one question."""
    database = Database.open(f"sqlite:///{home / 'ragkit.db'}")
    own = SimpleNamespace(
        conversations=Conversations(database), records=Records(database), settings=Settings(max_question_chars=50)
    )
    own.records.save(TRACE)
    yield cast("Parts", own)
    database.close()


def conversations(parts: Parts, ask: Asker) -> AsyncConversations:
    return AsyncConversations(parts, Threads(2), ask, Caller())


async def test_an_edit_that_is_cancelled_leaves_no_branch(parts: Parts) -> None:
    ask = Asker()
    own = conversations(parts, ask)
    ((question, _), before) = (await own.show("conv_1")).messages, await own.list()
    async with anyio.create_task_group() as group:
        group.start_soon(own.edit, "conv_1", question.id, "When not?")
        await ask.begun.wait()
        assert len(await own.list()) == 2
        group.cancel_scope.cancel()
    assert await own.list() == before


async def test_an_edit_that_fails_tells_why_and_leaves_no_branch(parts: Parts) -> None:
    own = conversations(parts, Asker(UpstreamError("The provider is down.")))
    question, _ = (await own.show("conv_1")).messages
    with pytest.raises(UpstreamError, match="The provider is down"):
        await own.edit("conv_1", question.id, "When not?")
    assert len(await own.list()) == 1


@pytest.mark.parametrize(("asked", "error"), [(" ", InputError), ("x" * 51, TooLarge), (" When? ", InputError)])
async def test_a_question_that_cannot_be_asked_makes_no_branch(
    parts: Parts, asked: str, error: type[Exception]
) -> None:
    ask = Asker()
    own = conversations(parts, ask)
    question, _ = (await own.show("conv_1")).messages
    with pytest.raises(error):
        await own.edit("conv_1", question.id, asked)
    assert ask.asked == []


CONFIGURED = "openai:a, huggingface:/models/small"


@pytest.mark.parametrize("model", ["openai:b", "extractive", "openai:b, huggingface:/models/small"])
def test_a_key_holder_may_replay_with_models_of_this_service(model: str) -> None:
    _own_provider(model, CONFIGURED)


@pytest.mark.parametrize("model", ["openai:a,ollama:y", "huggingface:/etc", "openai:a, huggingface:/etc", "a,b"])
def test_a_key_holder_names_no_other_provider_in_a_list_and_no_other_folder(model: str) -> None:
    with pytest.raises(NotAllowed, match="provider"):
        _own_provider(model, CONFIGURED)
