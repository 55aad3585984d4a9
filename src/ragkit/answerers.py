"""Which model answers, with what around it, for the settings there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ragkit.answer.conversations import Conversations
from ragkit.answer.feedback import FeedbackStore
from ragkit.answer.records import Records
from ragkit.checkers import open_checker
from ragkit.models.named import with_model
from ragkit.threads import Once

if TYPE_CHECKING:
    from ragkit.answer.pipeline import Answerer
    from ragkit.answer.ports import Search
    from ragkit.index.generations import Collections
    from ragkit.prompts.registry import PromptRegistry
    from ragkit.protocols import Embedder
    from ragkit.settings import Settings
    from ragkit.store.engine import Database
    from ragkit.threads import Threads

__all__ = ["Answerers"]


class Answerers:
    """Puts the answer path together.

    Args:
        settings: Which model, and its limits.
        database: Where conversations and records are.
        collections: What can be asked.
        prompts: What a model is told.
        embedder: Opens the embedder that reads questions and passages.

    Attributes:
        conversations: What was said.
        records: What was answered; `feedback`: what was said of it.
        checker: Opens the stronger check of sentences, where there is one.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        *,
        collections: Collections,
        prompts: PromptRegistry,
        embedder: Callable[[], Embedder],
    ) -> None:
        self.conversations = Conversations(database)
        self.records = Records(database, with_texts=settings.store_texts)
        self.feedback = FeedbackStore(database, with_texts=settings.store_texts)
        self._settings = settings
        self._database = database
        self._collections = collections
        self._prompts = prompts
        self._embedder = embedder
        self.checker = Once(lambda: open_checker(settings))

    def open(self, search: Search, threads: Threads, *, llm: str | None = None, least: float | None = None) -> Answerer:
        """With the model of `RAGKIT_LLM`, or another one spelled alike.

        Args:
            search: Finds passages.
            threads: For blocking work.
            llm: The other model.
            least: From which probability on is answered, whatever a collection was tuned to.

        Raises:
            ConfigError: The model cannot be used.
        """
        from ragkit.answer.pipeline import Answerer
        from ragkit.index.surroundings import Surroundings
        from ragkit.models.chat import open_chat
        from ragkit.reader import Reader

        settings = self._settings if llm is None else with_model(self._settings, llm)
        reader = Reader(self._embedder())
        return Answerer(
            search=search,
            generation=lambda name: self._collections.get(name).number,
            chat=open_chat(settings, reader=reader, threads=threads),
            prompts=self._prompts,
            sections=Surroundings(self._database),
            conversations=self.conversations,
            records=self.records,
            reader=reader,
            settings=settings,
            threads=threads,
            least=self._least if least is None else lambda name: least,
            checker=self.checker(),
        )

    def _least(self, collection: str) -> float | None:
        return self._collections.get(collection).answers_from
