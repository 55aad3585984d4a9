"""Which model answers, with what around it, for the settings there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import SecretStr

from ragkit.answer.conversations import Conversations
from ragkit.answer.feedback import FeedbackStore
from ragkit.answer.records import Records

if TYPE_CHECKING:
    from ragkit.answer.pipeline import Answerer
    from ragkit.answer.ports import Search
    from ragkit.index.generations import Collections
    from ragkit.prompts.registry import PromptRegistry
    from ragkit.protocols import Embedder
    from ragkit.settings import Settings
    from ragkit.store.engine import Database
    from ragkit.threads import Threads

__all__ = ["Answerers", "with_model"]


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

    def open(self, search: Search, threads: Threads, *, llm: str | None = None) -> Answerer:
        """With the model of `RAGKIT_LLM`, or another one spelled alike.

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
        )


def with_model(settings: Settings, llm: str) -> Settings:
    """With another model, or several; each has key and address of its provider as they are set, and of no other.

    Raises:
        ConfigError: There are several addresses or keys, but not one for each model that is set.
    """
    from ragkit.models.chat import each_of

    known = {one.llm.partition(":")[0]: one for one in reversed(list(each_of(settings)))}
    mine = [known.get(name.strip().partition(":")[0]) for name in llm.removesuffix(",extractive").split(",")]
    keys = [one.llm_api_key.get_secret_value() if one and one.llm_api_key else "" for one in mine]
    urls = [(one.llm_base_url or "") if one else "" for one in mine]
    own: dict[str, object] = {"llm": llm, "llm_window": settings.llm_window if llm == settings.llm else None}
    own |= {"llm_api_key": SecretStr(",".join(keys)) if any(keys) else None}
    own |= {"llm_base_url": ",".join(urls) if any(urls) else None}
    return settings.model_copy(update=own)
