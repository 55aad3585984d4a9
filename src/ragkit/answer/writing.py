"""Lets the model write an answer, and checks every sentence of it as it closes."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from ragkit.answer import reply
from ragkit.answer.budget import Room, room_in
from ragkit.answer.checkers import looked_at_again
from ragkit.answer.citations import Resolved, resolve
from ragkit.answer.conflicts import disagreement, is_announced, note
from ragkit.answer.context import written
from ragkit.answer.instructions import as_evidence
from ragkit.answer.links import REMOVED, without_foreign_links
from ragkit.answer.markers import Sentence
from ragkit.answer.policy import Flagging, Gate, Holding, fails, objection
from ragkit.answer.ports import Prompts, Sections, deltas
from ragkit.answer.sources import Source, assembled, passages_of, shown, within
from ragkit.answer.turn import Turn
from ragkit.errors import UpstreamError
from ragkit.events import Cited, Event, Token, Verified
from ragkit.opinions import Checker
from ragkit.protocols import ChatDelta, ChatModel, ChatRequest, Disagreement
from ragkit.reader import Reader
from ragkit.settings import Settings
from ragkit.statements import ranked
from ragkit.text import sha256
from ragkit.threads import Threads
from ragkit.types import Hit, Message

__all__ = ["Writer"]


class Writer:
    """Writes answers from what was found.

    Args:
        chat: The model.
        prompts: Puts values into the prompt of a turn.
        sections: Tells what stands around what was found.
        reader: Reads what is written and what it cites, to hold one against the other, and the sources.
        settings: Budgets, and what becomes of sentences that are not supported.
        threads: For blocking work.
        checker: Looks once more at each sentence that cites something.
    """

    def __init__(
        self,
        *,
        chat: ChatModel,
        prompts: Prompts,
        sections: Sections,
        reader: Reader,
        settings: Settings,
        threads: Threads,
        checker: Checker | None = None,
    ) -> None:
        self._chat = chat
        self._checker = checker
        self._prompts = prompts
        self._sections = sections
        self._reader = reader
        self._settings = settings
        self._threads = threads

    async def write(self, turn: Turn) -> AsyncGenerator[Event]:
        """The answer to a turn, as events; what is written is kept in the turn.

        Raises:
            UpstreamError: The model failed, or wrote nothing.
        """
        request = await self._threads.run(self._request, turn)
        policy = self._settings.unsupported
        if policy in {"abstain", "repair"}:
            draft = await _all(self._reply(turn, request, Flagging()))
            failed = [event for event in draft if isinstance(event, Verified) and fails(event)]
            if failed and policy == "abstain":
                turn.verdicts += [replace(one, dropped=True) for one in failed]
                turn.reason = "no_evidence"
                return
            if failed:
                turn.notes.append("repaired")
                request = await self._objected(request, draft, failed)
                draft = await _all(self._reply(turn, request, Holding()))
            for event in draft:
                yield _kept(turn, event)
        else:
            gate = Holding() if policy == "drop" else Flagging()
            async with aclosing(self._reply(turn, request, gate)) as events:
                async for event in events:
                    yield _kept(turn, event)
        if not turn.text:
            # Nothing of it could be said.
            turn.reason = turn.reason or "no_evidence"
        if not turn.citations and reply.declines(turn.text):
            turn.reason = "no_evidence"

    def _request(self, turn: Turn) -> ChatRequest:
        """What the model is asked; sources and parameters are kept in the turn."""
        room = self._room(turn)
        # Who quotes has no use for what stands around a passage.
        sections = {} if self._chat.name == "extractive" else self._sections([hit.chunk_id for hit in turn.hits])
        turn.sources = assembled(turn.hits, sections, budget=room.tokens, count=room.count)
        read = as_evidence([source.hit for source in turn.sources])
        turn.disagreement = self._disagreement(turn)
        values = {"sources": written(read) + note(turn.disagreement), "question": turn.standalone}
        messages = self._prompts.messages(turn.prompt, values, examples=room.examples)
        turn.rendered_sha256 = _sha256_of(messages)
        turn.parameters = {"max_tokens": self._settings.llm_max_tokens, "context_tokens": room.tokens}
        if turn.prompt.examples:
            turn.parameters = {**turn.parameters, "examples": room.examples}
        return ChatRequest(
            messages=messages,
            question=turn.standalone,
            sources=read,
            disagreement=turn.disagreement,
            scope=turn.scope,
        )

    def _room(self, turn: Turn) -> Room:
        bare = self._prompts.messages(turn.prompt, {"sources": "", "question": turn.standalone})
        shown = 2 * len(turn.prompt.examples)
        fixed, examples = [*bare[: len(bare) - shown - 1], bare[-1]], bare[len(bare) - shown - 1 : -1]
        return room_in(
            self._chat,
            fixed=fixed,
            examples=[examples[at : at + 2] for at in range(0, shown, 2)],
            wanted=self._settings.context_tokens,
            reply=self._settings.llm_max_tokens,
        )

    async def _reply(self, turn: Turn, request: ChatRequest, gate: Gate) -> AsyncGenerator[Event]:
        """One call of the model."""
        since, wrote = time.perf_counter(), False
        async with (
            aclosing(deltas(self._chat, request)) as pieces,
            aclosing(_noted(turn, pieces)) as noted,
            aclosing(
                without_foreign_links(noted, [f"{hit.title}\n{hit.heading}\n{hit.text}" for hit in request.sources])
            ) as clean,
            aclosing(reply.read(clean, sources=len(request.sources))) as parts,
        ):
            async for part in parts:
                turn.spent(part.usage)
                if (part.text or part.declined) and not wrote:
                    wrote = True
                    turn.passed("first_token", since)
                for event in gate.written(part.text):
                    yield event
                for sentence, resolved in await self._checked(turn, part.closed, request.sources):
                    for event in gate.closed(sentence, resolved):
                        yield event
                if part.declined:
                    turn.reason = "no_evidence"
                if part.looped:
                    turn.notes.append("looped")
        for event in gate.finished():
            yield event
        turn.passed("generate", since)
        if not wrote:
            raise UpstreamError(f"{self._chat.name!r} wrote nothing.", hint="Ask again.")

    async def _objected(self, request: ChatRequest, draft: Sequence[Event], failed: Sequence[Verified]) -> ChatRequest:
        prompt = await self._threads.run(self._prompts.resolve, "repair", like="repair")
        said = "".join(event.text for event in draft if isinstance(event, Token))
        text = self._prompts.render(prompt, {"problems": objection(failed)})
        again = (Message(role="assistant", text=said), Message(role="user", text=text))
        return replace(request, messages=(*request.messages, *again))

    def _disagreement(self, turn: Turn) -> Disagreement | None:
        # Of the passages, which were read to judge them; the sources that they have grown to were not read yet.
        reading = self._reader.read(turn.standalone, as_evidence(shown(turn.hits, turn.sources)))
        found = disagreement(reading.asked, ranked(reading), reading.hits)
        return found and within(found, reading.hits, turn.sources)

    async def _checked(
        self, turn: Turn, closed: Sequence[Sentence], sources: Sequence[Hit]
    ) -> list[tuple[Sentence, Resolved]]:
        if not closed:
            return []
        since = time.perf_counter()
        passages = passages_of(turn.sources, sources)

        def checked(one: Sentence) -> Resolved:
            if turn.disagreement is not None and not one.markers and is_announced(one.text, sources):
                told = Verified(sentence=one.text, markers=(), verdict="supported", score=1.0)
                return Resolved(cited=(), verified=told)
            # That a link was taken out is no claim of the model's.
            return resolve(replace(one, text=one.text.replace(REMOVED, "")), sources, self._reader, passages=passages)

        found = await self._threads.run(lambda: [(one, checked(one)) for one in closed])
        if self._checker is not None:
            for place, (sentence, resolved) in enumerate(found):
                again = await looked_at_again(resolved, sources, self._checker)
                turn.usage += [again.usage] if again.usage else []
                found[place] = (sentence, again)
        turn.passed("check", since)
        return [(sentence, _as_shown(sentence, resolved, turn.sources)) for sentence, resolved in found]


async def _noted(turn: Turn, pieces: AsyncIterator[ChatDelta]) -> AsyncGenerator[ChatDelta]:
    """The same, with the turn told who writes, and what that uses."""
    async for piece in pieces:
        turn.so_far = piece.so_far or turn.so_far
        if piece.model:
            turn.model, turn.fallback = piece.model, piece.fallback
        yield piece


async def _all(events: AsyncGenerator[Event]) -> list[Event]:
    async with aclosing(events):
        return [event async for event in events]


def _kept(turn: Turn, event: Event) -> Event:
    """Keep in the turn what is shown."""
    if isinstance(event, Token):
        turn.text += event.text
    elif isinstance(event, Cited) and event.citation not in turn.citations:
        turn.citations.append(event.citation)
    elif isinstance(event, Verified):
        turn.verdicts.append(event)
        turn.notes += ["dropped"] if event.dropped else []
    return event


def _as_shown(sentence: Sentence, resolved: Resolved, sources: Sequence[Source]) -> Resolved:
    """With the sentence as it was written, and each quote as it stands in its document and in its place there.

    For the check something may have been blanked out in them.
    """
    cited = []
    for one in resolved.cited:
        source, start, end = sources[one.citation.marker - 1], one.citation.start, one.citation.end
        quote, place = source.hit.text[start - source.hit.start : end - source.hit.start], source.holding(start)
        where: dict[str, Any] = {"page": place.page, "heading": place.heading, "chunk_id": place.chunk_id}
        own = replace(one.citation, quote=quote, title=source.hit.title, **where)
        cited.append(replace(one, citation=own))
    return replace(resolved, cited=tuple(cited), verified=replace(resolved.verified, sentence=sentence.text))


def _sha256_of(messages: Sequence[Message]) -> str:
    """Of what a model is sent; of its text where that is one message."""
    said = [(message.role, message.text) for message in messages]
    return sha256(said[0][1] if len(said) == 1 else json.dumps(said))
