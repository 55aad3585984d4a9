"""The work behind `kit.evaluate`: corpora go in and questions are asked as users do it, and the result is kept."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import quote

from ragkit.evaluate import chunking, golden, retrieval
from ragkit.evaluate.compare import Comparison, compare, gains, means
from ragkit.evaluate.dataset import meant, read_corpus, read_dataset
from ragkit.evaluate.retrieval import OnQuestion, Search, spread
from ragkit.evaluate.runs import Evaluation, Kind, PerQuestion, made_here, new_id
from ragkit.ingest.pipelines import Pipeline
from ragkit.ingest.quality import QualityPolicy
from ragkit.ingest.report import Progress
from ragkit.ingest.sources import discover, roots_of
from ragkit.ingest.texts import GivenText, Texts
from ragkit.retrieve.late_interaction import NAME
from ragkit.store.engine import now
from ragkit.store.scratch import scratch_folder
from ragkit.types import Answer, IngestReport, Mode, SearchResult

if TYPE_CHECKING:
    from ragkit.parts import Parts

__all__ = ["ChunkingOptions", "Corpus", "Measuring", "RetrievalOptions"]

PREFIX = "corpus/"
MAX_NAME = 60
DEEP = 200
"""Passages that are asked for to fill a budget of tokens."""

OnProgress = Callable[[Progress], None]


class ChunkingOptions(TypedDict, total=False):
    """How passages are measured."""

    modes: Sequence[Mode]
    """Each is measured; `hybrid` by default."""
    budget: int
    """Tokens that are read for each question; 1,000 by default."""
    on_progress: OnProgress
    """Called after each document that is ingested, from another thread."""


class RetrievalOptions(TypedDict, total=False):
    """How search is measured."""

    modes: Sequence[Mode]
    """Each is measured; `hybrid` by default."""
    split: str
    """Which judgements; `test` by default."""
    collection: str | None
    """One that is there, instead of the folder's corpus; judged documents are known by their uri, or its end."""
    on_progress: OnProgress
    """Called after each document that is ingested, from another thread."""
    on_question: OnQuestion
    """Called after each question with the mode, how many are done, and of how many."""


def _nothing(*_: object) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Where documents went, and what they are called in the dataset."""

    collection: str
    ids: Mapping[str, str] = field(default_factory=dict)
    """By uri."""
    report: IngestReport = field(default_factory=IngestReport)


class Measuring:
    """Blocking; `AsyncEvaluation` puts it into threads."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def retrieval(
        self,
        folder: Path,
        *,
        modes: Sequence[Mode] = ("hybrid",),
        split: str = "test",
        collection: str | None = None,
        on_progress: OnProgress = _nothing,
        on_question: OnQuestion = _nothing,
    ) -> Evaluation:
        """See `AsyncEvaluation.retrieval`."""
        started = now()
        dataset = read_dataset(folder, split=split)
        if collection is None:
            passages, sha256 = read_corpus(folder)
            texts = {p.id: GivenText(uri=_uri(p.id), title=p.title, text=p.text) for p in passages}
            corpus = self._ingest_texts(folder, texts, sha256, on_progress)
        else:
            self._parts.collections.get(collection)
            uris = [document.uri for document in self._parts.catalog.documents(collection=collection)]
            corpus = Corpus(collection=collection, ids=meant(dataset, uris))
        found = retrieval.measure(
            dataset,
            self._search(corpus.collection, modes),
            modes,
            document_of=lambda uri: corpus.ids.get(uri, uri),
            on_question=on_question,
        )
        absent = dataset.documents - set(corpus.ids.values())
        notes = (f"{len(absent)} judged documents are not in the corpus, such as {min(absent)!r}.",) if absent else ()
        return self._keep(
            kind="retrieval",
            dataset=dataset.name,
            dataset_sha256=dataset.sha256,
            corpus=corpus,
            started=started,
            settings={"split": split, "judgements": dataset.judgements},
            per_question=found.per_question,
            times=found.times,
            notes=notes + found.notes,
        )

    def chunking(
        self,
        folder: Path,
        *,
        modes: Sequence[Mode] = ("hybrid",),
        budget: int = 1_000,
        on_progress: OnProgress = _nothing,
    ) -> Evaluation:
        """See `AsyncEvaluation.chunking`."""
        started = now()
        given = chunking.read_excerpts(folder)
        texts = {name: GivenText(uri=_uri(name), title="", text=text) for name, text in given.corpora.items()}
        corpus = self._ingest_texts(folder, texts, given.sha256, on_progress)
        search = self._search(corpus.collection, modes)
        live = self._parts.catalog.documents(collection=corpus.collection)
        tokens = {
            name: chunking.TokenText(self._parts.catalog.view(document.id).text, given.corpora[name])
            for document in live
            for name in [corpus.ids[document.uri]]
        }

        def find(question: str, mode: Mode) -> list[chunking.Place]:
            return [(corpus.ids[hit.uri], hit.start, hit.end) for hit in search(question, DEEP, mode).hits]

        lost = chunking.lost(given, tokens)
        finds: dict[str, chunking.Find] = {mode: partial(find, mode=mode) for mode in modes}
        return self._keep(
            kind="chunking",
            dataset=given.name,
            dataset_sha256=given.sha256,
            corpus=corpus,
            started=started,
            settings={"budget": budget},
            per_question=chunking.measure(given, tokens, finds, budget=budget),
            notes=(f"{lost} excerpts are not in what was ingested, and count as not found.",) if lost else (),
        )

    def golden_corpus(self, collection: str | None, folder: Path | None) -> Corpus:
        """Who answers: a collection that is there, or a folder that is ingested as `ragkit ingest` does it."""
        if folder is None:
            return Corpus(collection=collection or self._parts.settings.collection)
        where = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:8]  # folders of one name stay apart
        collection = f"eval-{_plain(folder.resolve().name)}-{where}"
        roots = roots_of([str(folder)])
        report = self._parts.ingestor().run(
            collection, discover(roots), roots=[root.prefix for root in roots], prune=True, force=True
        )
        return Corpus(collection=collection, report=report)

    def golden(
        self,
        file: Path,
        questions: Sequence[golden.GoldenQuestion],
        answers: Sequence[Answer],
        *,
        corpus: Corpus,
        started: datetime,
    ) -> Evaluation:
        """Keep what the answers to golden questions are worth."""
        took = [answer.took_ms for answer in answers]
        return self._keep(
            kind="golden",
            dataset=file.resolve().parent.name,
            dataset_sha256=golden.fingerprint(questions),
            corpus=corpus,
            started=started,
            settings={"model": answers[0].model, "prompt": str(answers[0].prompt)},
            per_question=golden.score(questions, answers),
            times={golden.MODE: {"took_s": round(sum(took) / 1e3, 2)} | spread(took)},
        )

    def compare(self, evaluation_id: str, against: str) -> Comparison:
        """See `AsyncEvaluation.compare`."""
        stored = self._parts.evaluations
        this = stored.get(evaluation_id)
        other = stored.before(this) if against == "last" else stored.get(against)
        return compare(this, stored.per_question(this.id), other, stored.per_question(other.id))

    def _search(self, collection: str, modes: Sequence[Mode]) -> Search:
        """Search of a collection, tried in every mode first: one may lack what it needs."""

        def search(query: str, k: int, mode: Mode) -> SearchResult:
            return self._parts.retriever.search(query, collection=collection, k=k, mode=mode)

        for mode in modes:
            search("?", 1, mode)
        return search

    def _ingest_texts(
        self, folder: Path, texts: Mapping[str, GivenText], sha256: str, on_progress: OnProgress
    ) -> Corpus:
        """Bring a corpus into a collection of its own; one that is there already costs its hashes."""
        collection = f"eval-{_plain(folder.resolve().name)}-{sha256[:8]}"
        with scratch_folder(self._parts.settings.home.resolve()) as scratch:
            origin = Texts(prefix=PREFIX, texts=list(texts.values()), scratch=scratch)
            # Whoever judged a document has chosen it: no filter may hold it back.
            pipeline = Pipeline(source=scratch, collection=collection, filters=QualityPolicy.off())
            report = self._parts.ingestor().run(
                collection,
                list(origin.items()),
                roots=[PREFIX],
                profile=self._parts.profile(pipeline),
                on_progress=on_progress,
            )
        return Corpus(collection=collection, ids={text.uri: key for key, text in texts.items()}, report=report)

    def _keep(
        self,
        *,
        kind: Kind,
        dataset: str,
        dataset_sha256: str,
        corpus: Corpus,
        started: datetime,
        settings: Mapping[str, Any],
        per_question: PerQuestion,
        times: Mapping[str, Mapping[str, float]] | None = None,
        notes: tuple[str, ...] = (),
    ) -> Evaluation:
        generation = self._parts.collections.get(corpus.collection)
        given, report = self._parts.settings, corpus.report
        measures, intervals = means(per_question.values)
        evaluation = Evaluation(
            id=new_id(),
            kind=kind,
            dataset=dataset,
            dataset_sha256=dataset_sha256,
            collection=corpus.collection,
            generation=generation.number,
            settings={
                "questions": len(per_question.ids),
                **settings,
                "embedder": generation.spec.id,
                "reranker": given.reranker or NAME,
                "chunk_tokens": given.chunk_tokens,
                "chunk_overlap": given.chunk_overlap,
                "sequence": generation.sequence,
                "ingested": {name: getattr(report, name) for name in _COUNTS},
            },
            made=made_here(),
            started_at=started,
            took_s=round((now() - started).total_seconds(), 2),
            measures=measures,
            intervals=intervals,
            times=times or {},
            gains=gains(per_question.values),
            missing=report.failed + report.skipped_files + report.quarantined_files,
            notes=notes,
        )
        self._parts.evaluations.add(evaluation, per_question)
        return evaluation


_COUNTS = ("added", "updated", "unchanged", "chunks", "embedded", "seconds")


def _uri(key: str) -> str:
    return PREFIX + quote(key, safe="")


def _plain(name: str) -> str:
    """A part of a collection's name."""
    return re.sub(r"[^\w.-]", "-", name)[:MAX_NAME]
