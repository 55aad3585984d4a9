"""Answers that the model itself did not write just now: a substitute in an outage, and an earlier reply."""

from __future__ import annotations

import pytest

from ragkit.answer.pipeline import last_answer
from ragkit.answer.records import Records
from ragkit.errors import UpstreamError
from ragkit.models.extractive import ExtractiveChat
from ragkit.models.fallback import FallbackChat
from ragkit.models.patience import Patience
from ragkit.models.remembered import RememberingChat
from ragkit.protocols import ChatModel
from ragkit.reader import Reader
from ragkit.store.engine import Database
from ragkit.testing import HashedEmbedder, ScriptedChat
from ragkit.types import Usage
from tests.asking import HIT, QUESTION, Build, FixedSearch

pytestmark = pytest.mark.anyio


async def test_in_an_outage_the_answer_is_quoted_and_says_why(build: Build, database: Database) -> None:
    chat = outage("'a:1' is down.", last=ExtractiveChat(Reader(HashedEmbedder())))
    answer = await last_answer(build(chat).stream(QUESTION, collection="default"))
    assert (answer.model, answer.fallback) == ("extractive", "'a:1' is down.")
    assert "30 days" in answer.citations[0].quote
    assert Records(database).trace(answer.trace_id).answer == answer


async def test_in_an_outage_a_follow_up_is_rewritten_by_rule(build: Build) -> None:
    search = FixedSearch(HIT)
    answerer = build(outage("'a:1' is down.", last=ScriptedChat("Within 30 days [1].")), search)
    first = await last_answer(answerer.stream(QUESTION, collection="default"))
    again = await last_answer(
        answerer.stream("And for gift cards?", collection="default", conversation_id=first.conversation_id)
    )
    assert str(again.fallback).endswith("'a:1' is down.")
    assert "gift cards" in search.queries[-1]


async def test_a_repeated_answer_is_checked_anew_and_costs_nothing(build: Build) -> None:
    usage = Usage(input_tokens=10, output_tokens=5, cost_usd=0.5)
    chat = ScriptedChat("Refunds are paid within 30 days [1].", "Within 30 days [1].", usage=usage)
    answerer = build(RememberingChat(chat, most=5))
    first = await last_answer(answerer.stream(QUESTION, collection="default"))
    again = await last_answer(answerer.stream(QUESTION, collection="default"))
    assert (again.answer, again.citations) == (first.answer, first.citations)
    assert (first.usage.cost_usd, again.usage) == (0.5, Usage(cached=True))
    assert again.trace_id != first.trace_id
    other = await last_answer(answerer.stream(QUESTION, collection="default", access=("staff",)))
    assert other.answer == "Within 30 days [1]."


def outage(why: str, *, last: ChatModel) -> ChatModel:
    down = ScriptedChat([UpstreamError(why)], name="a:1")
    return FallbackChat([down], last=last, patience=Patience(first_s=0.001, longest_s=0.002, total_s=5))
