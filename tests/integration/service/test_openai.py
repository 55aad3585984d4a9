"""The routes in OpenAI's form, as OpenAI's own client uses them."""

from __future__ import annotations

import base64
import re
from array import array
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest

from ragkit.errors import OverQuota, UpstreamTimeout
from ragkit.events import Accepted, Cited, Event, Failed, Token, Verified
from ragkit.service.openai.links import Links
from ragkit.testing.engine import MemoryRagkit
from ragkit.types import Citation, Message

QUESTION = [{"role": "user", "content": "Are gift cards refundable?"}]
FACT = "Gift cards are not refundable."
LINK = re.compile(r"\[\[1\]\]\((http://127\.0\.0\.1:8000/#document=(doc_\w+)&start=(\d+)&end=(\d+))\)")


@pytest.fixture
def client(http) -> openai.OpenAI:
    return openai.OpenAI(base_url="http://127.0.0.1:8000/v1", api_key="none", http_client=http, max_retries=0)


def test_the_answer_links_its_source_and_names_it(client):
    completion = client.chat.completions.create(model="ragkit/shop", messages=QUESTION, temperature=0.2, seed=7)
    message = completion.choices[0].message
    assert message.content.startswith(FACT)
    url, document, start, end = LINK.search(message.content).groups()
    about = completion.model_extra["ragkit"]
    source = about["sources"][0]
    assert (source["url"], source["document_id"], source["quote"]) == (url, document, FACT)
    assert (int(start), int(end)) == (source["start"], source["end"])
    assert about["ignored"] == ["seed", "temperature"]
    assert completion.id == f"chatcmpl-{about['trace_id']}"
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage.total_tokens == 0


def test_a_stream_is_the_same_answer_in_chunks(client):
    options = {"include_usage": True}
    chunks = list(
        client.chat.completions.create(model="ragkit/shop", messages=QUESTION, stream=True, stream_options=options)
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    whole = client.chat.completions.create(model="ragkit/shop", messages=QUESTION)
    assert text == whole.choices[0].message.content
    *_, last, used = chunks
    assert last.choices[0].finish_reason == "stop"
    assert last.model_extra["ragkit"]["sources"] == whole.model_extra["ragkit"]["sources"]
    assert used.usage.prompt_tokens == 0
    assert len({chunk.id for chunk in chunks}) == 1


class Remembering(MemoryRagkit):
    """Keeps what it was told that was said before."""

    def __init__(self) -> None:
        super().__init__()
        self.histories: list[tuple[Message, ...]] = []

    async def stream(self, question: str, **how: Any) -> AsyncIterator[Event]:
        self.histories.append(how["history"])
        async for event in super().stream(question, **how):
            yield event


@pytest.fixture
def kit() -> Remembering:
    return Remembering()


def test_what_was_said_before_goes_along_and_instructions_do_not(client, kit):
    said = [
        {"role": "system", "content": "Answer like a pirate."},
        {"role": "user", "content": "What of gift cards?"},
        {"role": "assistant", "content": "They cannot be returned.", "tool_calls": None},
        {
            "role": "user",
            "content": [{"type": "text", "text": "Are gift cards"}, {"type": "text", "text": "refundable?"}],
        },
    ]
    completion = client.chat.completions.create(model="ragkit/shop", messages=said)
    assert completion.model_extra["ragkit"]["ignored"] == ["messages.system"]
    assert [(one.role, one.text) for one in kit.histories[-1]] == [
        ("user", "What of gift cards?"),
        ("assistant", "They cannot be returned."),
    ]


def test_collections_are_models(client):
    assert [model.id for model in client.models.list()] == ["ragkit/shop"]
    assert client.models.retrieve("ragkit/shop").owned_by == "ragkit"
    for ask in (
        lambda: client.models.retrieve("ragkit/nosuch"),
        lambda: client.chat.completions.create(model="gpt-5", messages=QUESTION),
        lambda: client.chat.completions.create(model="ragkit/nosuch", messages=QUESTION),
        lambda: client.embeddings.create(model="nosuch", input="x"),
    ):
        with pytest.raises(openai.NotFoundError):
            ask()


def test_vectors_come_as_numbers_and_as_bytes(client, http):
    plain = client.embeddings.create(model="ragkit/shop", input=["gift cards", "a lift"], encoding_format="float")
    assert [len(one.embedding) for one in plain.data] == [8, 8]
    assert plain.usage.prompt_tokens == 4
    packed = client.embeddings.create(model="words", input="gift cards")  # the client asks for base64 by itself
    assert packed.data[0].embedding == pytest.approx(plain.data[0].embedding)
    raw = http.post(
        "/v1/embeddings", json={"model": "ragkit", "input": "gift cards", "encoding_format": "base64"}
    ).json()
    assert array("f", base64.b64decode(raw["data"][0]["embedding"])).tolist() == packed.data[0].embedding


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "assistant", "content": "Hello"}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages.0"),
        ({"messages": QUESTION, "tools": [{"type": "function"}]}, "tools"),
        ({"messages": QUESTION, "response_format": {"type": "json_object"}}, "response_format"),
        ({"messages": QUESTION, "n": 2}, "n"),
        ({"messages": QUESTION, "ragkit": {"nonsense": 1}}, "ragkit.nonsense"),
        ({"messages": [{"role": "user", "content": "a\0b"}]}, "messages.0.content"),
    ],
)
def test_what_is_not_had_is_refused_in_openais_form(http, body, param):
    response = http.post("/v1/chat/completions", json={"model": "ragkit/shop"} | body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "invalid_input")
    assert error["param"].startswith(param)
    assert error["trace_id"] == response.headers["x-trace-id"]


def test_the_question_and_the_body_have_their_limits(http):
    long = [{"role": "user", "content": "x" * 101}]
    told = http.post("/v1/chat/completions", json={"model": "ragkit/shop", "messages": long})
    assert (told.status_code, told.json()["error"]["code"]) == (413, "too_large")
    told = http.post("/v1/chat/completions", content=b" " * 7_000_000)
    assert (told.status_code, told.json()["error"]["code"]) == (413, "too_large")


def test_a_wrong_key_and_an_empty_quota_are_what_the_client_knows(open_service, kit):
    http = open_service(api_keys=("the-key",))

    def ask(key: str) -> Any:
        client = openai.OpenAI(base_url="http://127.0.0.1:8000/v1", api_key=key, http_client=http)
        return client.chat.completions.create(model="ragkit/shop", messages=QUESTION)

    with pytest.raises(openai.AuthenticationError):
        ask("wrong")

    def refuse(*_: Any, **__: Any) -> None:
        raise OverQuota("No more today.", retry_after=3600)

    kit.stream = refuse
    with pytest.raises(openai.RateLimitError) as refused:
        ask("the-key")
    assert refused.value.response.headers["x-should-retry"] == "false"


class Failing(MemoryRagkit):
    """Fails in the middle."""

    async def stream(self, question: str, **_: Any) -> AsyncIterator[Event]:
        yield Accepted(trace_id="t1", conversation_id="c1")
        yield Token(text="Gift ")
        error = UpstreamTimeout("The model fell silent.")
        yield Failed(code=error.code, detail=error.detail, hint=None, trace_id="t1")


class TestFailing:
    @pytest.fixture
    def kit(self):
        return Failing()

    def test_an_answer_that_breaks_off_is_an_error(self, open_service):
        http = open_service()
        client = openai.OpenAI(base_url="http://127.0.0.1:8000/v1", api_key="none", http_client=http, max_retries=0)
        with pytest.raises(openai.APIStatusError) as failed:
            client.chat.completions.create(model="ragkit", messages=QUESTION)
        assert failed.value.status_code == 504
        with pytest.raises(openai.APIError, match="fell silent"):
            list(client.chat.completions.create(model="ragkit", messages=QUESTION, stream=True))


def cited(marker: int, start: int) -> Cited:
    about = {"document_id": f"doc_{marker}", "uri": "u", "title": "t", "page": None, "heading": "", "chunk_id": "c"}
    rest = {"marker": marker, "start": start, "end": start + 9, "quote": "q" * 9, "verdict": "supported", "score": 1.0}
    return Cited(citation=Citation(**about, **rest, supported=True))


def verified(*markers: int) -> Verified:
    return Verified(sentence="", markers=markers, verdict="supported", score=1.0)


def test_text_waits_for_its_marker_and_no_longer():
    links = Links("http://kb/")
    assert links.feed(Token(text="It lasts [20")) == "It lasts "
    assert links.feed(Token(text="26] two years [1")) == "[2026] two years "
    assert links.feed(Token(text="][2]. More")) == ""
    assert links.feed(cited(1, 10)) == ""
    assert links.feed(cited(2, 20)) == ""
    first, second = (
        "[[1]](http://kb/#document=doc_1&start=10&end=19)",
        "[[2]](http://kb/#document=doc_2&start=20&end=29)",
    )
    assert links.feed(verified(1, 2)) == f"{first}{second}. More"
    assert links.feed(Token(text=" of it [1], and [7].")) == " of it "
    assert links.feed(cited(1, 30)) == ""
    assert links.feed(verified(1)) == f"{first.replace('10', '30').replace('19', '39')}, and "
    assert links.feed(Failed(code="internal", detail="", hint=None, trace_id="")) == "[7]."
