"""A language model in the memory of this process, by transformers: no server, no network.

LangChain's package for it asks for an older huggingface-hub than transformers does, and cannot stop a generation.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from ragkit.errors import ConfigError, MissingExtra, RagkitError, UpstreamError, UpstreamRateLimited, UpstreamTimeout
from ragkit.models.folder import slug
from ragkit.models.tokenizer import encodable
from ragkit.protocols import ChatDelta, ChatRequest
from ragkit.settings import Settings
from ragkit.threads import Once
from ragkit.types import Usage

if TYPE_CHECKING:
    from transformers import AsyncTextIteratorStreamer

__all__ = ["LocalChat", "open_local_model"]

log = logging.getLogger(__name__)


def open_local_model(name: str, settings: Settings) -> LocalChat:
    """The model of `huggingface:NAME`; it is loaded at its first question.

    Args:
        name: The path of a model folder or of a GGUF file, or the name of a folder under `RAGKIT_HOME/models`.
        settings: Limits.

    Raises:
        ConfigError: There is no such model.
    """
    for path in (Path(name).expanduser(), settings.home.resolve() / "models" / slug(name)):
        if path.suffix == ".gguf" or (path / "config.json").is_file():
            return LocalChat(path, name=settings.llm, settings=settings)
    raise ConfigError(
        f"RAGKIT_LLM is {settings.llm!r}, and there is no such model.",
        hint="huggingface: takes the folder of a model with its tokenizer, or a GGUF file. Nothing is downloaded.",
    )


class LocalChat:
    """A ChatModel over the model in a folder; it writes one reply at a time, the likeliest word each time.

    Args:
        path: Its folder, or its GGUF file.
        name: As in `RAGKIT_LLM`.
        settings: Limits.

    Attributes:
        writing: Held by the reply that is being written.
    """

    def __init__(self, path: Path, *, name: str, settings: Settings) -> None:
        self._name = name
        self._timeout_s = settings.llm_timeout_s
        # The other half is for its first token.
        self._patience_s = settings.llm_deadline_s / 2
        self._max_tokens = settings.llm_max_tokens
        self._window = settings.llm_window
        self._loaded = Once(lambda: _load(path, name))
        self.writing = threading.Lock()

    @property
    def name(self) -> str:
        return self._name

    def reads(self) -> int | None:
        """By the setting, else by the model's own description, for which it is loaded.

        Raises:
            ConfigError: It cannot be loaded.
            MissingExtra: transformers is not installed.
        """
        return self._window or _window_of(self._loaded()[1])

    def count(self, text: str) -> int:
        """Its own tokens."""
        return len(self._loaded()[0](encodable(text), add_special_tokens=False)["input_ids"])

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """The reply as it is written; closing the iterator stops the model at its next token.

        Raises:
            ConfigError: The model cannot be loaded, or reads less than the prompt.
            MissingExtra: transformers is not installed.
            UpstreamRateLimited: It has other replies to write first.
            UpstreamError: It failed, or was silent for too long.
        """
        tokenizer, model = await anyio.to_thread.run_sync(self._loaded)
        ids = self._ids(tokenizer, model, request)
        run = _Run(self.writing, tokenizer, model, ids, limit=request.max_tokens or self._max_tokens)

        def used() -> Usage:
            return Usage(input_tokens=int(ids["input_ids"].shape[1]), output_tokens=run.written)

        async with aclosing(run.pieces()) as pieces:
            await self._turn(pieces)
            while (text := await self._next(pieces)) is not None:
                if text:
                    yield ChatDelta(text=text, so_far=used)
        yield ChatDelta(usage=used())

    async def _turn(self, pieces: AsyncGenerator[str]) -> None:
        """Wait until it begins; that it has others to answer first is no sign that something is wrong with it."""
        try:
            with anyio.fail_after(self._patience_s):
                await anext(pieces)
        except TimeoutError as error:
            raise UpstreamRateLimited(
                f"{self._name!r} was busy with other replies for {self._patience_s:g} seconds.",
                hint="RAGKIT_LLM_DEADLINE_S sets how long to wait; a server for the model writes several at a time.",
            ) from error

    async def _next(self, pieces: AsyncGenerator[str]) -> str | None:
        try:
            with anyio.fail_after(self._timeout_s):
                return await anext(pieces, None)
        except TimeoutError as error:
            raise UpstreamTimeout(
                f"{self._name!r} wrote nothing for {self._timeout_s:g} seconds.",
                hint="RAGKIT_LLM_TIMEOUT_S sets how long to wait for its next token.",
            ) from error
        except RagkitError:
            raise
        except Exception as error:  # whatever the model's code raises
            raise UpstreamError(f"{self._name!r} failed: {error}") from error

    def _ids(self, tokenizer: Any, model: Any, request: ChatRequest) -> Any:
        said = [{"role": message.role, "content": encodable(message.text)} for message in request.messages]
        try:
            ids = tokenizer.apply_chat_template(said, add_generation_prompt=True, return_dict=True, return_tensors="pt")
        except ValueError as error:
            raise ConfigError(f"{self._name!r} is no model to talk with: {error}") from error
        length, most = int(ids["input_ids"].shape[1]), _window_of(model)
        if most is not None and length >= most:
            raise ConfigError(
                f"{self._name!r} reads {most} tokens, and the prompt has {length}.",
                hint="Lower RAGKIT_CONTEXT_TOKENS.",
            )
        return ids


def _window_of(model: Any) -> int | None:
    return getattr(model.config, "max_position_embeddings", None)


class _Run:
    """One reply, written in a thread of its own.

    Attributes:
        written: Tokens so far.
    """

    def __init__(self, turn: threading.Lock, tokenizer: Any, model: Any, ids: Any, *, limit: int) -> None:
        self._turn = turn
        self._tokenizer = tokenizer
        self._model = model
        self._ids = ids
        self._limit = limit
        self._stopped = threading.Event()
        self._loop, self._begun = asyncio.get_running_loop(), asyncio.Event()
        self._failure: Exception | None = None
        self.written = 0

    async def pieces(self) -> AsyncGenerator[str]:
        """An empty one as it begins, then its text, a word or so at a time."""
        from transformers import AsyncTextIteratorStreamer

        streamer = AsyncTextIteratorStreamer(self._tokenizer, skip_prompt=True, skip_special_tokens=True)
        thread = threading.Thread(target=self._write, args=(streamer,), daemon=True)
        thread.start()
        try:
            await self._begun.wait()
            yield ""
            async for text in streamer:
                yield text
        finally:
            self._stopped.set()
        if self._failure is not None:
            raise self._failure

    def _write(self, streamer: AsyncTextIteratorStreamer) -> None:
        with self._turn:
            try:
                if not self._stopped.is_set():
                    self._loop.call_soon_threadsafe(self._begun.set)
                    self._generate(streamer)
            except Exception as error:
                self._failure = error
                try:
                    streamer.on_finalized_text("", stream_end=True)
                except RuntimeError:  # who asked has gone, and the event loop with them
                    log.debug("A reply that nobody waits for failed.", exc_info=error)

    def _generate(self, streamer: AsyncTextIteratorStreamer) -> None:
        def stop(ids: Any, scores: Any, **_: Any) -> bool:
            self.written += 1
            return self._stopped.is_set()

        self._model.generate(
            **self._ids, streamer=streamer, max_new_tokens=self._limit, do_sample=False, stopping_criteria=[stop]
        )


def _load(path: Path, name: str) -> tuple[Any, Any]:
    """The tokenizer and the model."""
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils.logging import disable_progress_bar
    except ImportError as error:
        raise MissingExtra(f"{name!r} needs the package 'transformers'.", hint="pip install 'ragkit[local]'") from error
    disable_progress_bar()  # type: ignore[no-untyped-call]
    where: dict[str, Any] = {"local_files_only": True}
    if path.suffix == ".gguf":
        path, where = path.parent, {**where, "gguf_file": path.name}
    try:
        return AutoTokenizer.from_pretrained(path, **where), AutoModelForCausalLM.from_pretrained(path, **where)
    except ImportError as error:
        raise MissingExtra(f"{name!r} needs another package: {error}", hint="pip install gguf accelerate") from error
    except Exception as error:  # whatever the model's own code raises
        raise ConfigError(
            f"{name!r} cannot be loaded: {error}.", hint="huggingface: takes the complete folder of a model."
        ) from error
