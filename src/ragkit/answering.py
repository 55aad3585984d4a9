"""What hangs off the engine as attributes: conversations, and the records of answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from anyio import CancelScope

from ragkit.answer.compare import compare, with_texts
from ragkit.answer.pipeline import checked_question
from ragkit.answer.suggestions import suggested
from ragkit.callers import Caller, Within, carries_no_tags
from ragkit.errors import ConfigError, InputError, NotAllowed, NotFound, RagkitError
from ragkit.recorded import (
    AnswerDiff,
    AnswerSummary,
    Conversation,
    ConversationView,
    Forgotten,
    Replay,
    Trace,
)
from ragkit.threads import Threads
from ragkit.types import Answer, SearchResult

if TYPE_CHECKING:
    from ragkit.answer.ports import Search
    from ragkit.parts import Parts

__all__ = ["AsyncAnswers", "AsyncConversations", "asked_in", "checked_limit"]

MOST = 500
"""Entries of one page of a list."""


class AsyncConversations:
    """What was asked and answered, in the order in which it was said. Each belongs to the caller who began it."""

    def __init__(self, parts: Parts, threads: Threads, ask: Callable[..., Awaitable[Answer]], caller: Caller) -> None:
        self._stored, self._records = parts.conversations, parts.records
        self._longest = parts.settings.max_question_chars
        self._threads = threads
        self._ask = ask
        self._name = caller.name

    async def list(self, *, limit: int = 50, before: str | None = None) -> tuple[Conversation, ...]:
        """Those last answered in first.

        Args:
            limit: How many at most, up to 500.
            before: Go on after this `Conversation.place`, or after the one with this id where it stands now.

        Raises:
            NotFound: There is no conversation `before`.
        """
        limit = checked_limit(limit)
        return await self._threads.run(self._stored.list, limit=limit, before=before, caller=self._name)

    async def show(self, conversation_id: str) -> ConversationView:
        """A conversation with its messages.

        Raises:
            NotFound: There is no such conversation.
        """
        return await self._threads.run(self._stored.show, conversation_id, caller=self._name)

    async def rename(self, conversation_id: str, title: str) -> Conversation:
        """Give it a title.

        Raises:
            NotFound: There is no such conversation.
        """
        return await self._threads.run(self._stored.rename, conversation_id, title, caller=self._name)

    async def branch(self, conversation_id: str, message_id: int) -> Conversation:
        """Begin another conversation with what was said up to a message; a question is left out.

        Raises:
            NotFound: There is no such conversation or message.
        """
        return await self._threads.run(self._stored.branch, conversation_id, message_id, caller=self._name)

    async def edit(self, conversation_id: str, message_id: int, question: str) -> Answer:
        """Ask a question of it in other words, in a branch: what was said stays as it is.

        It is asked as the first one was: there, with its filters and `mmr`, and with its prompt where that was not
        `answer`, whose version in production answers.

        Raises:
            NotFound: There is no such conversation or message.
            InputError: The message is no question, or the new one is empty or too long.
        """
        said = await self._threads.run(self._stored.question, conversation_id, message_id, caller=self._name)
        if checked_question(question, self._longest) == said.message.text.strip():
            raise InputError("The question is the same.", hint="Change it, or go on with the conversation.")
        how = await self._threads.run(self._asked_how, said.trace_id)
        branch = None
        try:
            branch = await self.branch(conversation_id, message_id)
            return await self._ask(question, conversation_id=branch.id, **how)
        except BaseException:
            if branch is not None:
                # What went wrong is told, also where the cleaning up fails; and a cancelled call cleans up as well.
                with CancelScope(shield=True), suppress(RagkitError):
                    await self.delete(branch.id)
            raise

    def _asked_how(self, trace_id: str | None) -> dict[str, Any]:
        """How the first question was asked; nothing where that is not known any more."""
        if trace_id is None:
            return {}
        try:
            trace = self._records.trace(trace_id, caller=self._name)
        except NotFound:
            return {}
        used = trace.answer.prompt
        own = {"prompt": None if used.name == "answer" else str(used), "filters": trace.filters, "mmr": trace.mmr}
        return {"collection": trace.collection, **own}

    async def delete(self, conversation_id: str, *, branches: bool = False) -> Forgotten:
        """Forget a conversation: its messages, answers and their records are erased.

        Args:
            conversation_id: Which.
            branches: Also those that began as a copy of it.

        Raises:
            NotFound: There is no such conversation.
        """
        return await self._threads.run(self._stored.delete, conversation_id, branches=branches, caller=self._name)


class AsyncAnswers:
    """The records of answers: what each was made from, how, at what cost, and what was checked."""

    def __init__(self, parts: Parts, threads: Threads, caller: Caller, within: Within) -> None:
        self._parts = parts
        self._threads = threads
        self._caller = caller
        self._within = within

    async def list(
        self, *, conversation_id: str | None = None, limit: int = 50, before: str | None = None
    ) -> tuple[AnswerSummary, ...]:
        """Records of answers, newest first.

        Args:
            conversation_id: Only those of this conversation.
            limit: How many at most, up to 500.
            before: Go on after the one with this id.

        Raises:
            NotFound: There is no answer `before`.
        """
        how: dict[str, Any] = {"conversation_id": conversation_id, "limit": checked_limit(limit), "before": before}
        return await self._threads.run(self._parts.records.list, caller=self._caller.name, **how)

    async def show(self, answer_id: str) -> Trace:
        """The record of one answer; its id is the `trace_id` of the answer.

        Raises:
            NotFound: There is no such answer.
        """
        return await self._threads.run(self._parts.records.trace, answer_id, caller=self._caller.name)

    async def suggest(self, answer_id: str, *, limit: int = 3) -> tuple[str, ...]:
        """Questions to go on with, which the documents that an answer cites answer; made of headings, without a model.

        Args:
            answer_id: The `trace_id` of the answer.
            limit: How many at most, up to 500.

        Raises:
            NotFound: There is no such answer.
        """
        limit, trace = checked_limit(limit), await self.show(answer_id)
        view = partial(self._parts.catalog.view, with_chunks=True, access=self._caller.access)
        chunks = {}
        for key in dict.fromkeys(one.document_id for one in trace.answer.citations):
            if not self._within.holds(trace.collection):
                break
            with suppress(NotFound):  # deleted since
                chunks[key] = (await self._threads.run(view, key)).chunks
        return tuple(suggested(trace.question, trace.answer.citations, chunks)[:limit])

    async def replay(
        self, answer_id: str, *, prompt: str | None = None, model: str | None = None, generation: int | None = None
    ) -> Replay:
        """Ask again what was asked, and see the difference; for operators.

        Args:
            answer_id: From `list`, or the `trace_id` of an answer.
            prompt: `NAME`, `NAME@ALIAS` or `NAME@VERSION`; by default the version of then.
            model: As in `RAGKIT_LLM`, which is the default; over HTTP with a key, of the same provider or `extractive`.
            generation: The number of another generation that is kept; by default the one that answers now.

        Raises:
            NotFound: There is no such answer, prompt or generation.
            InputError: The answer was recorded without its texts, or the model cannot be used.
            NotAllowed: The caller carries access tags, or may not choose the provider.
            UpstreamError: The model's provider failed.
        """
        carries_no_tags(self._caller.access)
        if model is not None and self._caller.name is not None:
            _own_provider(model, self._parts.settings.llm)
        first = await self.show(answer_id)
        self._within.named(first.collection)
        open_answerer = partial(self._parts.answerer, self._search(generation), self._threads, llm=model)
        try:
            answerer = await self._threads.run(open_answerer)
        except ConfigError as error:
            if model is None:
                raise
            raise InputError(f"The model cannot be {model!r}: {error.detail}", hint=error.hint) from error
        again = await answerer.replay(first, prompt=prompt, generation=generation, caller=self._caller.name)
        return Replay(trace=again, diff=compare(first, again))

    async def diff(self, a: str, b: str) -> AnswerDiff:
        """How answer `b` differs from answer `a`: text, citations, verdicts, cost and time.

        Raises:
            NotFound: There is no such answer.
            InputError: One of them was recorded without its texts, or was erased.
        """
        return compare(with_texts(await self.show(a)), with_texts(await self.show(b)))

    def _search(self, number: int | None) -> Search:
        async def search(query: str, *, collection: str, **how: Any) -> SearchResult:
            return await self._threads.run(self._found, query, collection, number, how)

        return search

    def _found(self, query: str, collection: str, number: int | None, how: dict[str, Any]) -> SearchResult:
        parts, generation = self._parts, None
        if number is not None:
            live = parts.collections.get(collection)
            generation = None if number == live.number else parts.numbered(live, number)
        return parts.retriever.search(query, collection=collection, generation=generation, **how)


def _own_provider(model: str, configured: str) -> None:
    own = {name.strip() for name in configured.split(",")}
    # What follows `huggingface:` is a folder of this machine: only the one that is set may be read.
    providers = ({name.partition(":")[0] for name in own} | {"extractive"}) - {"huggingface"}
    if any(name not in own and name.partition(":")[0] not in providers for name in map(str.strip, model.split(","))):
        raise NotAllowed(
            f"The model {model!r} is of a provider that this service does not use.",
            hint=f"Take one of {', '.join(sorted(providers | own))}, or replay beside the database.",
        )


async def asked_in(
    collection: str | None, conversation_id: str | None, conversations: AsyncConversations, within: Within
) -> str | None:
    """The collection that is asked, where it is told already.

    A conversation may have begun in one that its caller may not ask any more.

    Raises:
        NotAllowed: The caller may not ask there.
    """
    if within.everywhere:
        return collection
    if collection is None and conversation_id is not None:
        collection = (await conversations.show(conversation_id)).conversation.collection
    return within.named(collection)


def checked_limit(limit: int) -> int:
    """How many entries a list may have.

    Raises:
        InputError: It is asked for none, or for too many.
    """
    if not 1 <= limit <= MOST:
        raise InputError(f"A list cannot have {limit} entries.", hint=f"Ask for 1 to {MOST}.")
    return limit
