"""The page of an answer: whole in itself, and what is put into it stays text."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

from ragkit.events import Verified
from ragkit.recorded import Shown, Trace
from ragkit.report import page, texts_of
from ragkit.types import Answer, Citation, PromptRef, Usage

TEXT = "Refunds are paid within 30 days. They go to the card that was used."
ATTACK = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'><a href='javascript:alert(1)'>&lt;"
CITATION = Citation(
    marker=1, document_id="d", uri="shop/returns.md", title="Returns", page=2, heading="Refunds", chunk_id="c",
    start=100, end=132, quote=TEXT[:32], verdict="supported", score=0.97, supported=True,
)  # fmt: skip
ANSWER = Answer(
    answer="Within 30 days [1].", citations=(CITATION,), abstained=False, reason=None,
    prompt=PromptRef(name="answer", version=3), model="scripted:1",
    usage=Usage(input_tokens=120, output_tokens=9, cost_usd=0.00042),
    trace_id="t1", conversation_id="conv_1", took_ms=41.5,
)  # fmt: skip
SOURCE = Shown(
    number=1, document_id="d", uri="shop/returns.md", title="Returns", heading="Refunds", page=2, chunk_id="c",
    start=100, end=100 + len(TEXT), sha256=hashlib.sha256(TEXT.encode()).hexdigest(),
)  # fmt: skip
TRACE = Trace(
    id="t1", question="When are refunds paid?", standalone_question="When are refunds paid?", collection="default",
    generation=1, hits=(("c", 0.91), ("other", 0.2)), answer=ANSWER, stages_ms={"retrieve": 12.5, "generate": 20.0},
    created_at=datetime(2026, 1, 2, tzinfo=UTC), sources=(SOURCE,),
    verdicts=(Verified(sentence="Within 30 days.", markers=(1,), verdict="supported", score=0.97),),
    prompt_sha256="a" * 64, rendered_sha256="b" * 64, parameters={"max_tokens": 1024},
)  # fmt: skip


class Tags(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_tells_all_of_an_answer() -> None:
    shown = page(TRACE, {1: TEXT})
    assert '<mark class="supported" title="supported, 0.97">Refunds are paid within 30 days.</mark> They go' in shown
    for told in (
        "When are refunds paid?", 'Within 30 days <a href="#source-1">[1]</a>.', "shop/returns.md", "page 2",
        "retrieve", "12.5 ms", "0.9100",
        "source [1]", "answer@3", "b" * 64, "max_tokens=1024", "0.000420 USD", "120 in, 9 out", "41.5 ms",
    ):  # fmt: skip
        assert told in shown, told


def test_the_page_fetches_nothing() -> None:
    tags = Tags(page(TRACE, {1: TEXT})).tags
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in tags}
    links = {(name, value) for _, attributes in tags for name, value in attributes.items() if name in {"src", "href"}}
    assert links == {("href", "#source-1")}
    assert "url(" not in page(TRACE)


def test_nothing_that_was_said_or_found_becomes_markup() -> None:
    hostile = replace(
        TRACE,
        question=ATTACK,
        standalone_question=ATTACK + "?",
        collection=ATTACK,
        hits=((ATTACK, 0.5),),
        answer=replace(
            ANSWER, answer=ATTACK, model=ATTACK, citations=(replace(CITATION, quote=ATTACK, title=ATTACK, uri=ATTACK),)
        ),
        sources=(replace(SOURCE, title=ATTACK, uri=ATTACK, heading=ATTACK),),
        verdicts=(replace(TRACE.verdicts[0], sentence=ATTACK),),
        stages_ms={ATTACK: 1.0},
        parameters={"x": ATTACK},
    )
    plain = Tags(page(TRACE)).tags
    for texts in ({1: ATTACK * 3}, {}):
        found = Tags(page(hostile, texts)).tags
        assert {tag for tag, _ in found} <= {tag for tag, _ in plain} | {"mark", "pre", "p"}
        assert not any(name.startswith("on") for _, attributes in found for name in attributes)
        assert {one.get("href") for tag, one in found if tag == "a"} <= {"#source-1"}
        assert not re.search(r"<(?:script|img)\b", page(hostile, texts))


def test_a_document_that_has_changed_is_not_shown_in_place_of_what_was_read() -> None:
    whole = "x" * 100 + TEXT
    assert texts_of(TRACE, {"d": whole}) == {1: TEXT}
    assert texts_of(TRACE, {"d": whole.replace("30", "14")}) == {}
    assert texts_of(TRACE, {}) == {}
    assert "Refunds are paid within 30 days." in page(TRACE, {})


def test_a_record_without_texts_still_makes_a_page() -> None:
    empty = replace(ANSWER, answer="", citations=(replace(CITATION, quote=""),))
    shown = page(replace(TRACE, question="", standalone_question="", answer=empty, with_texts=False))
    assert shown.count("was not kept") == 3
