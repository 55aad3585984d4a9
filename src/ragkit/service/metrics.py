"""What the service has done and what it has to do, counted for Prometheus."""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragkit.errors import RagkitError
from ragkit.events import Done, Event, Failed, Token
from ragkit.service.admission import Admission
from ragkit.service.errors import METHODS
from ragkit.types import Answer, Collection, Job, Usage

__all__ = ["AnswerWatch", "Counted", "Metrics"]

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
"""Upper bounds of what times are counted in: from a search in memory to a long answer on a slow machine."""


class Metrics:
    """Counters of one application; names and labels are listed in docs/how-to/operate-the-service.md.

    Nothing of a question, an answer or a document becomes a label, and labels take few values: each pair is kept.

    Args:
        admission: Whose places are shown.
    """

    def __init__(self, admission: Admission) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "ragkit_requests", "Requests that were answered.", ["method", "route", "status"], registry=registry
        )
        self.request_seconds = Histogram(
            "ragkit_request_seconds",
            "From a request to the end of its response.",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        self.answers = Counter(
            "ragkit_answers", "Answers by what became of them.", ["outcome", "model"], registry=registry
        )
        self.answer_seconds = Histogram(
            "ragkit_answer_seconds", "From a question to its whole answer.", buckets=SECONDS, registry=registry
        )
        self.first_token_seconds = Histogram(
            "ragkit_first_token_seconds", "From a question to the first words.", buckets=SECONDS, registry=registry
        )
        self.stage_seconds = Histogram(
            "ragkit_stage_seconds", "Each stage of an answer.", ["stage"], buckets=SECONDS, registry=registry
        )
        self.verdicts = Counter("ragkit_verdicts", "Checked citations.", ["verdict"], registry=registry)
        self.tokens = Counter("ragkit_tokens", "Tokens of models.", ["model", "direction"], registry=registry)
        self.cost = Counter("ragkit_cost_usd", "What models cost, as far as known.", ["model"], registry=registry)
        self.repeated = Counter("ragkit_answers_cached", "Answers that no model was asked for.", registry=registry)
        self.fallbacks = Counter("ragkit_fallbacks", "Answers by another model than the first.", registry=registry)
        taken = Gauge("ragkit_answers_under_way", "Answers that are being written.", registry=registry)
        taken.set_function(lambda: admission.taken)
        waiting = Gauge("ragkit_answers_waiting", "Questions that wait for a place.", registry=registry)
        waiting.set_function(lambda: admission.waiting)
        self._jobs = Gauge("ragkit_jobs", "Jobs among the newest, by state.", ["state"], registry=registry)
        self._documents = Gauge("ragkit_documents", "Live documents.", ["collection"], registry=registry)
        self._chunks = Gauge("ragkit_chunks", "Chunks of live documents.", ["collection"], registry=registry)

    @contextmanager
    def answer(self) -> Iterator[AnswerWatch]:
        """Watch one answer; one that ends without a last event failed, or was left by its reader."""
        watch = AnswerWatch(self)
        try:
            yield watch
        except RagkitError as error:
            watch.over(error.code)
            raise
        finally:
            watch.over("left")

    def exposition(self, *, collections: Iterable[Collection], jobs: Iterable[Job]) -> bytes:
        """The text that Prometheus reads.

        Args:
            collections: Those that there are now.
            jobs: The newest of them.
        """
        for gauge in (self._jobs, self._documents, self._chunks):
            gauge.clear()
        for state, count in Tally(job.state for job in jobs).items():
            self._jobs.labels(state).set(count)
        for collection in collections:
            self._documents.labels(collection.name).set(collection.documents)
            self._chunks.labels(collection.name).set(collection.chunks)
        return generate_latest(self._registry)


class AnswerWatch:
    """Counts one answer by its events."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._began = time.perf_counter()
        self._written = self._over = False

    def note(self, event: Event) -> None:
        """Count what an event tells."""
        if isinstance(event, Token) and not self._written:
            self._written = True
            self._metrics.first_token_seconds.observe(time.perf_counter() - self._began)
        elif isinstance(event, Done):
            for stage, ms in event.stages_ms.items():
                self._metrics.stage_seconds.labels(stage).observe(ms / 1e3)
            self.answered(event.answer)
        elif isinstance(event, Failed):
            self._used(event.usage or Usage(), "")
            self.over(event.code)

    def answered(self, answer: Answer) -> None:
        """Count a whole answer."""
        metrics, usage = self._metrics, answer.usage
        metrics.answer_seconds.observe(time.perf_counter() - self._began)
        self._used(usage, answer.model)
        metrics.repeated.inc(usage.cached)
        metrics.fallbacks.inc(answer.fallback is not None)
        for citation in answer.citations:
            metrics.verdicts.labels(citation.verdict).inc()
        self.over(answer.reason or "answered", answer.model)

    def _used(self, usage: Usage, model: str) -> None:
        self._metrics.tokens.labels(model, "input").inc(usage.input_tokens)
        self._metrics.tokens.labels(model, "output").inc(usage.output_tokens)
        self._metrics.cost.labels(model).inc(usage.cost_usd or 0.0)

    def over(self, outcome: str, model: str = "") -> None:
        """Count what became of it, the first time that this is known."""
        if not self._over:
            self._over = True
            self._metrics.answers.labels(outcome, model).inc()


class Counted:
    """Counts every request, those that are refused among them, by its route rather than its path.

    Args:
        app: What comes after.
        metrics: Where they are counted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 499

        async def send_seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_seen)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            method = scope["method"] if scope["method"] in METHODS else "OTHER"  # a caller may invent any
            self._metrics.requests.labels(method, route, str(status)).inc()
            self._metrics.request_seconds.labels(route).observe(time.perf_counter() - began)
