"""`MemoryRagkit`: an engine without models, files or servers, to test an app against without ragkit's own state.

Give it to `ragkit.service.app.create_service` and the result to a test client, and the SDK works against it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from ragkit.events import Accepted, Cited, Done, Event, Retrieved, Token, Verified
from ragkit.explanation import Candidate, Explanation
from ragkit.protocols import Vectors
from ragkit.recorded import Trace
from ragkit.testing.embed import HashedEmbedder
from ragkit.testing.feedback import MemoryFeedback
from ragkit.testing.keys import MemoryKeys, MemoryQuotas
from ragkit.testing.resources import MemoryCollections, MemoryDocuments, MemoryJobs, MemoryPrompts
from ragkit.testing.said import THEN, MemoryAnswers, MemoryConversations
from ragkit.testing.snapshots import MemorySnapshots
from ragkit.testing.uploads import MemoryUploads
from ragkit.types import (
    Answer,
    Citation,
    DocumentView,
    Filters,
    Hit,
    IngestReport,
    Message,
    Mode,
    PromptRef,
    SearchResult,
    Usage,
)

__all__ = ["MemoryRagkit"]

WORD = re.compile(r"\w+")


class MemoryRagkit:
    """The methods of `AsyncRagkit`; a document is one passage, found by the words that it shares with the question.

    Attributes:
        parts: What `ready` tells; set an entry to a sentence to have that part fail.
        open_streams: Answers that are being written.
    """

    def __init__(self) -> None:
        self.views: dict[str, DocumentView] = {}
        self.parts = {"catalog": "ok", "vectors": "ok", "model": "ok"}
        self.open_streams = 0
        self.snapshots = MemorySnapshots(self.views)
        self.documents = MemoryDocuments(self.views, self.snapshots)
        self.collections = MemoryCollections(self.views, self.snapshots)
        self.prompts = MemoryPrompts()
        self.jobs = MemoryJobs(self.documents)
        self.uploads = MemoryUploads(self.documents)
        self.conversations = MemoryConversations(self.ask)
        self.answers = MemoryAnswers()
        self.feedback = MemoryFeedback(self.answers)
        self.keys = self.registry = MemoryKeys()
        self.quotas = MemoryQuotas()
        self.embeddings = MemoryEmbeddings()
        self._ids = itertools.count(1)

    async def ask(
        self,
        question: str,
        *,
        collection: str | None = None,
        conversation_id: str | None = None,
        prompt: str | None = None,
        filters: Filters | None = None,
        mmr: float | None = None,
        history: Sequence[Message] = (),
    ) -> Answer:
        """The best passage, quoted; a refusal when there is none."""
        done = None
        async for event in self.stream(
            question,
            collection=collection,
            conversation_id=conversation_id,
            prompt=prompt,
            filters=filters,
            mmr=mmr,
            history=history,
        ):
            done = event
        assert isinstance(done, Done)
        return done.answer

    async def stream(
        self,
        question: str,
        *,
        collection: str | None = None,
        conversation_id: str | None = None,
        prompt: str | None = None,
        filters: Filters | None = None,
        mmr: float | None = None,
        history: Sequence[Message] = (),
    ) -> AsyncIterator[Event]:
        """The same answer as events, a word a token."""
        name, _, alias = (prompt or "answer").partition("@")
        used = await self.prompts.show(name, alias=alias or None)
        found = await self.search(question, collection=collection, k=3, filters=filters, mmr=mmr)
        trace_id = f"trace_{next(self._ids)}"
        self.open_streams += 1
        try:
            yield Accepted(trace_id=trace_id, conversation_id=conversation_id or f"con_{trace_id}")
            yield Retrieved(question=question, hits=found.hits)
            citations = tuple(_citation(hit) for hit in found.hits[:1])
            text = f"{citations[0].quote} [1]" if citations else "I do not know."
            for word in re.findall(r"\S+\s*", text):
                yield Token(text=word)
            for citation in citations:
                yield Cited(citation=citation)
                yield Verified(sentence=text, markers=(1,), verdict="supported", score=1.0)
            answer = Answer(
                answer=text,
                citations=citations,
                abstained=not citations,
                reason=None if citations else "no_evidence",
                prompt=PromptRef(name=used.name, version=used.version),
                model="memory",
                usage=Usage(),
                trace_id=trace_id,
                conversation_id=conversation_id or f"con_{trace_id}",
                took_ms=0.0,
            )
            self._record(question, collection or "default", found.hits, answer)
            yield Done(answer=answer)
        finally:
            self.open_streams -= 1

    def _record(self, question: str, collection: str, hits: Sequence[Hit], answer: Answer) -> None:
        trace = Trace(
            id=answer.trace_id,
            question=question,
            standalone_question=question,
            collection=collection,
            generation=1,
            hits=tuple((hit.chunk_id, hit.score) for hit in hits),
            answer=answer,
            stages_ms={},
            created_at=THEN,
        )
        self.answers.record(trace)
        self.conversations.record(collection, trace)

    def seen_by(
        self, access: Sequence[str] | None, *, caller: str | None = None, collections: Sequence[str] | None = None
    ) -> MemoryRagkit:
        """Itself: nothing in memory is anybody's."""
        return self

    async def search(
        self,
        query: str,
        *,
        collection: str | None = None,
        k: int = 10,
        mode: Mode = "hybrid",
        filters: Filters | None = None,
        mmr: float | None = None,
    ) -> SearchResult:
        """The documents that share most words with the query; they differ as they are."""
        wanted = set(WORD.findall(query.casefold()))
        scored = []
        for view in self.documents.of(collection or "default"):
            if filters and filters.document_ids and view.document.id not in filters.document_ids:
                continue
            if shared := len(wanted & set(WORD.findall(view.text.casefold()))):
                scored.append((shared, view))
        best = sorted(scored, key=lambda pair: -pair[0])[:k]
        hits = tuple(_hit(rank, score, view) for rank, (score, view) in enumerate(best, start=1))
        return SearchResult(query=query, hits=hits, took_ms=0.0)

    async def explain(
        self,
        query: str,
        *,
        collection: str | None = None,
        k: int = 10,
        mode: Mode = "hybrid",
        filters: Filters | None = None,
        access: Sequence[str] | None = None,
        mmr: float | None = None,
    ) -> Explanation:
        """The same search, and the words that it counted."""
        found = await self.search(query, collection=collection, k=k, mode=mode, filters=filters, mmr=mmr)
        texts = [view.text.casefold() for view in self.documents.of(collection or "default")]
        terms = sorted(set(WORD.findall(query.casefold())))
        return Explanation(
            query=query,
            collection=collection or "default",
            generation=1,
            embedder="memory",
            mode=mode,
            k=k,
            tokens=None,
            terms={term: sum(term in WORD.findall(text) for text in texts) for term in terms},
            scope="everything" if filters is None and access is None else "some documents",
            dense_weight=None,
            signals={},
            candidates=tuple(_candidate(hit) for hit in found.hits),
            stages_ms={"keyword": 0.0},
        )

    async def ingest(self, *paths: str | Path, collection: str | None = None) -> IngestReport:
        """Take in text files."""
        for path in map(Path, paths):
            await self.documents.upload(path.name, path.read_bytes(), collection=collection)
        return IngestReport(found=len(paths), added=len(paths), chunks=len(paths))

    async def ready(self) -> dict[str, str]:
        return self.parts

    async def __aenter__(self) -> MemoryRagkit:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        self.parts["catalog"] = "The engine is closed."


class MemoryEmbeddings:
    """Vectors of hashed words."""

    async def create(self, texts: Sequence[str], *, collection: str | None = None) -> Vectors:
        embedder = HashedEmbedder(8)
        rows = embedder.embed_documents(texts).tolist()
        tokens = sum(len(embedder.tokenizer.spans(text)) for text in texts)
        return Vectors(embedder="words", rows=tuple(map(tuple, rows)), tokens=tokens)


def _hit(rank: int, score: float, view: DocumentView) -> Hit:
    chunk, document = view.chunks[0], view.document
    return Hit(
        rank=rank,
        score=score,
        via=("keyword",),
        document_id=document.id,
        uri=document.uri,
        title=document.title,
        page=None,
        heading="",
        chunk_id=chunk.chunk_id,
        start=chunk.start,
        end=chunk.end,
        text=chunk.text,
    )


def _candidate(hit: Hit) -> Candidate:
    return Candidate(
        rank=hit.rank,
        fate="shown",
        uri=hit.uri,
        heading=hit.heading,
        chunk_id=hit.chunk_id,
        text=hit.text,
        dense_rank=None,
        cosine=None,
        keyword_rank=hit.rank,
        keyword_score=hit.score,
        siblings=None,
        score=hit.score,
        weight=None,
        reranked=None,
    )


def _citation(hit: Hit) -> Citation:
    return Citation(
        marker=1,
        document_id=hit.document_id,
        uri=hit.uri,
        title=hit.title,
        page=hit.page,
        heading=hit.heading,
        chunk_id=hit.chunk_id,
        start=hit.start,
        end=hit.end,
        quote=hit.text,
        verdict="supported",
        score=1.0,
        supported=True,
    )
