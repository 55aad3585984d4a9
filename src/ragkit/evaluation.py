"""What hangs off the local engine as `evaluate`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from ragkit.checking import check_labelled
from ragkit.evaluate.compare import Comparison
from ragkit.evaluate.golden import read_golden
from ragkit.evaluate.groundedness import Groundedness
from ragkit.evaluate.precision import Threshold
from ragkit.evaluate.retrieval import OnQuestion
from ragkit.evaluate.runs import Evaluation, PerQuestion
from ragkit.evaluate.tuning import Tuning
from ragkit.measuring import ChunkingOptions, Measuring, RetrievalOptions
from ragkit.store.engine import now
from ragkit.threads import Threads
from ragkit.thresholds import reset_threshold, tune_threshold
from ragkit.tuning import tune_collection
from ragkit.types import Answer

if TYPE_CHECKING:
    from ragkit.parts import Parts

__all__ = ["AsyncEvaluation"]


class AsyncEvaluation:
    """Measures search and answers by questions with known answers, and keeps what was measured."""

    def __init__(self, parts: Parts, threads: Threads, ask: Callable[..., Awaitable[Answer]]) -> None:
        self._parts = parts
        self._threads = threads
        self._ask = ask
        self._measuring = Measuring(parts)

    async def retrieval(self, folder: str | Path, **options: Unpack[RetrievalOptions]) -> Evaluation:
        """Search by the judged questions of a folder in BEIR's format.

        Args:
            folder: With `queries.jsonl`, `qrels/test.tsv` and, where no collection is named, `corpus.jsonl`.
            options: `RetrievalOptions` says which there are.

        Raises:
            InputError: The folder cannot be read, or there is no such mode.
            NotFound: There is no such collection.
            ConfigError: A mode needs a part that is not configured.
        """
        return await self._threads.run(partial(self._measuring.retrieval, Path(folder), **options))

    async def chunking(self, folder: str | Path, **options: Unpack[ChunkingOptions]) -> Evaluation:
        """Passages by the excerpts that were highlighted in a folder of `chunking_eval`'s format.

        Args:
            folder: With `questions_df.csv` and `corpora/`.
            options: `ChunkingOptions` says which there are.

        Raises:
            InputError: The folder cannot be read, or an excerpt does not stand where it is said to.
            ConfigError: A mode needs a part that is not configured.
        """
        return await self._threads.run(partial(self._measuring.chunking, Path(folder), **options))

    async def golden(
        self, file: str | Path, *, collection: str | None = None, corpus: str | Path | None = None
    ) -> Evaluation:
        """Answers to golden questions: whether they cite the right source, quote the facts, and refuse what they must.

        Args:
            file: A question a line, as in `data/golden`.
            collection: Which one answers; `RAGKIT_COLLECTION` when it is not given.
            corpus: Files that are ingested first, into a collection of their own, which then answers.

        Raises:
            InputError: The file cannot be read.
            NotFound: There is no such collection.
            UpstreamError: The model's provider failed.
        """
        started = now()
        questions = await self._threads.run(read_golden, Path(file))
        there = await self._threads.run(
            self._measuring.golden_corpus, collection, None if corpus is None else Path(corpus)
        )
        answers = [await self._ask(question.question, collection=there.collection) for question in questions]
        measured = partial(self._measuring.golden, Path(file), questions, answers, corpus=there, started=started)
        return await self._threads.run(measured)

    async def groundedness(self, file: str | Path) -> Groundedness:
        """The check of citations by statements of which it is known whether their context supports them.

        Args:
            file: `{"context", "statement", "label"}` a line; labels are `supported`, `partial` and `unsupported`.

        Raises:
            InputError: The file cannot be read, or has too few of a label.
        """
        return await check_labelled(self._parts, self._threads, Path(file))

    async def tune(
        self,
        questions: str | Path | None = None,
        *,
        collection: str | None = None,
        split: str = "test",
        on_question: OnQuestion = lambda offset, done, total: None,
    ) -> Tuning:
        """Weigh the hybrid search of a collection by questions; kept only where that is no worse.

        Args:
            questions: A folder with `queries.jsonl` and `qrels/SPLIT.tsv`, or a file of golden questions. Documents are
                named by their uri, or its end. Without any, questions are made of the collection's own headings and
                sentences, which tells less.
            collection: `RAGKIT_COLLECTION` when it is not given.
            split: Which judgements of a folder.
            on_question: Called after each question with the round, how many are done, and of how many.

        Raises:
            InputError: The questions cannot be read, are too few, or name no document of the collection.
            NotFound: There is no such collection.
        """
        name = collection or self._parts.settings.collection
        file = None if questions is None else Path(questions)
        work = partial(tune_collection, self._parts, file, collection=name, split=split, on_question=on_question)
        return await self._threads.run(work)

    async def precision(
        self,
        questions: str | Path,
        *,
        wanted: float,
        collection: str | None = None,
        on_question: OnQuestion = lambda offset, done, total: None,
    ) -> Threshold:
        """Choose from which probability on a collection is answered, for a wanted share of right answers.

        Kept only where that share is reached on questions that the threshold was not chosen by.

        Args:
            questions: A file of golden questions; some of them must be refused.
            wanted: Of the answers that are given, the share that cites a right document and quotes every fact.
            collection: `RAGKIT_COLLECTION` when it is not given.
            on_question: As for `tune`.

        Raises:
            InputError: The questions cannot be read, or are too few.
            NotFound: There is no such collection.
            UpstreamError: The model's provider failed.
        """
        name = collection or self._parts.settings.collection
        work = partial(tune_threshold, wanted=wanted, collection=name, on_question=on_question)
        return await work(self._parts, self._threads, Path(questions))

    async def forget_precision(self, *, collection: str | None = None) -> None:
        """Answer a collection from the built-in probability on again.

        Raises:
            NotFound: There is no such collection.
        """
        name = collection or self._parts.settings.collection
        await self._threads.run(reset_threshold, self._parts, name)

    async def list(self) -> tuple[Evaluation, ...]:
        """Those that were made here, newest first."""
        return await self._threads.run(self._parts.evaluations.list)

    async def show(self, evaluation_id: str) -> Evaluation:
        """One of them.

        Raises:
            NotFound: None has this id.
        """
        return await self._threads.run(self._parts.evaluations.get, evaluation_id)

    async def per_question(self, evaluation_id: str) -> PerQuestion:
        """The values behind the means of one of them.

        Raises:
            NotFound: None has this id.
        """
        return await self._threads.run(self._parts.evaluations.per_question, evaluation_id)

    async def compare(self, evaluation_id: str, *, against: str = "last") -> Comparison:
        """One of them against another of the same questions, or the `last` one before it.

        Raises:
            NotFound: None has this id, or there is no earlier one.
            InputError: They are not of the same questions, or share no mode.
        """
        return await self._threads.run(self._measuring.compare, evaluation_id, against)
