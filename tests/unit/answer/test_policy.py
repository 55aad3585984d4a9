from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.answer.citations import Resolved
from ragkit.answer.conversations import Conversations
from ragkit.answer.markers import MarkedText, Sentence
from ragkit.answer.pipeline import Answerer
from ragkit.answer.policy import Holding
from ragkit.answer.records import Records
from ragkit.errors import UpstreamError, error_for
from ragkit.events import Done, Event, Failed, Token, Verified
from ragkit.index.surroundings import Surroundings
from ragkit.models.extractive import ExtractiveChat
from ragkit.prompts import PromptRegistry
from ragkit.protocols import ChatModel
from ragkit.reader import Reader
from ragkit.settings import Settings
from ragkit.store.engine import Database
from ragkit.testing import HashedEmbedder, ScriptedChat
from ragkit.types import Answer, Hit, SearchResult

pytestmark = pytest.mark.anyio

QUESTION = "Within how many days are refunds paid?"
TEXT = "Refunds are paid within 30 days. They go to the card that was used. Gift cards are not refundable."
HIT = Hit(
    rank=1, score=0.9, via=("dense",), document_id="d", uri="u", title="Returns policy", page=None, heading="",
    chunk_id="c", start=100, end=100 + len(TEXT), text=TEXT,
)  # fmt: skip
RIGHT = "Refunds are paid within 30 days [1]."
WRONG = "Refunds are paid within 14 days [1]."
INVENTED = "The warehouse in Bodø ships every parcel by reindeer [1]."

Ask = Callable[..., Any]


@pytest.fixture
def ask(home: Path) -> Iterator[Ask]:
    database = Database.open(f"sqlite:///{home / 'ragkit.db'}")

    async def ask(chat: ChatModel, hits: tuple[Hit, ...] = (HIT,), **settings: object) -> tuple[Answer, list[Event]]:
        async def search(query: str, **_: object) -> SearchResult:
            return SearchResult(query=query, hits=hits, took_ms=1.0)

        answerer = Answerer(
            search=search,
            generation=lambda _: 1,
            chat=chat,
            prompts=PromptRegistry(database),
            sections=Surroundings(database),
            conversations=Conversations(database),
            records=Records(database, with_texts=True),
            reader=Reader(HashedEmbedder()),
            settings=Settings(**settings),
        )
        events = [event async for event in answerer.stream(QUESTION, collection="default")]
        if isinstance(events[-1], Failed):
            raise error_for(events[-1].code)(events[-1].detail)
        assert isinstance(events[-1], Done)
        assert events[-1].answer.answer == "".join(event.text for event in events if isinstance(event, Token))
        return events[-1].answer, events

    yield ask
    database.close()


async def test_by_default_a_wrong_sentence_is_shown_with_its_verdict(ask: Ask) -> None:
    answer, events = await ask(ScriptedChat(f"{RIGHT} {WRONG}"))
    assert answer.answer == f"{RIGHT} {WRONG}"
    assert [event.verdict for event in events if isinstance(event, Verified)] == ["supported", "contradicted"]
    assert (answer.citation_precision, answer.coverage, answer.notes) == (0.5, 0.5, ())


@pytest.mark.parametrize("reply", [f"{WRONG} {RIGHT}", f"{RIGHT} {WRONG}", f"{INVENTED}\n\n{RIGHT} {WRONG}"])
async def test_dropped_sentences_are_never_shown(ask: Ask, reply: str) -> None:
    answer, events = await ask(ScriptedChat([*reply]), unsupported="drop")
    assert answer.answer == RIGHT
    assert (answer.citation_precision, answer.coverage, answer.notes) == (1.0, 1.0, ("dropped",))
    assert [c.verdict for c in answer.citations] == ["supported"]
    assert any(event.dropped for event in events if isinstance(event, Verified))


async def test_an_answer_of_which_nothing_is_left_is_a_refusal(ask: Ask) -> None:
    answer, _ = await ask(ScriptedChat(INVENTED), unsupported="drop")
    assert (answer.abstained, answer.reason, answer.citations) == (True, "no_evidence", ())
    assert "Bodø" not in answer.answer


async def test_one_wrong_sentence_can_make_the_answer_a_refusal(ask: Ask) -> None:
    answer, events = await ask(ScriptedChat(f"{RIGHT} {WRONG}"), unsupported="abstain")
    assert (answer.abstained, answer.reason, answer.citations) == (True, "no_evidence", ())
    assert not any("14 days" in event.text for event in events if isinstance(event, Token))
    right, _ = await ask(ScriptedChat(RIGHT), unsupported="abstain")
    assert (right.answer, right.abstained) == (RIGHT, False)


@pytest.mark.parametrize("policy", ["drop", "abstain", "repair"])
async def test_a_link_that_was_taken_out_is_no_wrong_sentence(ask: Ask, policy: str) -> None:
    chat = ScriptedChat(f"{RIGHT} https://evil.example/portal")
    answer, _ = await ask(chat, unsupported=policy)
    assert (answer.answer, answer.notes) == (f"{RIGHT} (link removed)", ())
    assert (answer.abstained, len(chat.requests)) == (False, 1)


async def test_the_model_is_asked_once_more_with_the_objection(ask: Ask) -> None:
    chat = ScriptedChat(f"{RIGHT} {WRONG}", RIGHT)
    answer, _ = await ask(chat, unsupported="repair")
    assert (answer.answer, answer.notes) == (RIGHT, ("repaired",))
    first, second = chat.requests
    assert second.messages[: len(first.messages)] == first.messages
    assert "contradicted: Refunds are paid within 14 days." in second.messages[-1].text


async def test_what_is_wrong_again_is_dropped(ask: Ask) -> None:
    answer, _ = await ask(ScriptedChat(f"{RIGHT} {WRONG}"), unsupported="repair")
    assert (answer.answer, answer.notes) == (RIGHT, ("repaired", "dropped"))


async def test_a_right_answer_is_not_repaired(ask: Ask) -> None:
    chat = ScriptedChat(RIGHT)
    answer, _ = await ask(chat, unsupported="repair")
    assert (answer.answer, answer.notes, len(chat.requests)) == (RIGHT, (), 1)


OLD, NEW = (
    replace(HIT, document_id=year, uri=f"{year}.md", title=title, text=text, end=100 + len(text))
    for year, title, text in (
        ("2023", "Policy of www.shop.example 2023", "Refunds are paid within 14 days."),
        ("2026", "Policy of www.shop.example 2026", "Refunds are paid within 30 days."),
    )
)


@pytest.mark.parametrize("policy", ["flag", "drop", "abstain", "repair"])
async def test_that_sources_disagree_is_said_under_every_policy(ask: Ask, policy: str) -> None:
    answer, events = await ask(ExtractiveChat(Reader(HashedEmbedder())), (OLD, NEW), unsupported=policy)
    assert answer.answer.startswith(
        f"The sources disagree: “{NEW.title}” is newer than “{OLD.title}”, and comes first."
    )
    assert (answer.abstained, answer.reason, answer.notes) == (False, "conflicting_sources", ())
    assert [event.verdict for event in events if isinstance(event, Verified)] == ["supported"] * 3


@pytest.mark.parametrize(
    ("reply", "supported"),
    [
        ("The sources disagree.", True),
        ("These sources contradict each other about this.", True),
        ("The sources disagree: it is 900 days.", False),
    ],
)
async def test_a_model_may_say_that_sources_disagree_and_nothing_else(ask: Ask, reply: str, supported: bool) -> None:
    said = f"{reply} Refunds are paid within 30 days [2]. Refunds are paid within 14 days [1]."
    _, events = await ask(ScriptedChat(said), (OLD, NEW))
    first = next(event for event in events if isinstance(event, Verified))
    assert (first.sentence, first.verdict == "supported") == (reply, supported)


@pytest.mark.parametrize(
    "deltas",
    [
        [f"{RIGHT} "] * 500,
        [f"{RIGHT} ", *["the same words again and "] * 500],
    ],
)
async def test_a_model_that_repeats_itself_is_ended(ask: Ask, deltas: Sequence[str]) -> None:
    chat = ScriptedChat(deltas)
    answer, _ = await ask(chat)
    assert "looped" in answer.notes
    assert len(answer.answer) < 1_500
    assert chat.cancelled == 1
    assert 3 <= answer.usage.output_tokens <= 100
    assert answer.usage.cost_usd is None


async def test_a_reply_that_breaks_off_inside_a_sentence_is_checked_to_its_end(ask: Ask) -> None:
    answer, events = await ask(ScriptedChat([RIGHT, " Gift cards are", " not refund"]))
    assert answer.answer == f"{RIGHT} Gift cards are not refund"
    assert len([event for event in events if isinstance(event, Verified)]) == 2


async def test_a_reply_of_invented_markers_only_is_an_error(ask: Ask) -> None:
    with pytest.raises(UpstreamError, match="wrote nothing"):
        await ask(ScriptedChat("[999]"))


PIECES = ["Yes, it is so. ", "No.", " [1]", "[7]", "\n\n", "`x[3]`", "```\na\n```\n", "and ", "[", "]"]


@given(st.lists(st.sampled_from(PIECES)))
def test_what_is_held_back_comes_out_whole(pieces: list[str]) -> None:
    marked, gate, shown = MarkedText(2), Holding(), ""
    for piece in pieces:
        shown += _text(gate.written(marked.feed(piece)))
        shown += "".join(_text(gate.closed(one, _resolved(one))) for one in marked.closed())
    shown += _text(gate.written(marked.finish()))
    shown += "".join(_text(gate.closed(one, _resolved(one))) for one in marked.closed(final=True))
    shown += _text(gate.finished())
    assert shown == marked.text.strip()


def _text(events: Iterator[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Token))


def _resolved(sentence: Sentence) -> Resolved:
    verified = Verified(sentence=sentence.text, markers=sentence.markers, verdict="supported", score=1.0)
    return Resolved(cited=(), verified=verified)
