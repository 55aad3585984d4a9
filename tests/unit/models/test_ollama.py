from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ragkit.models.chat import open_language_model
from ragkit.protocols import ChatRequest
from ragkit.settings import Settings
from ragkit.types import Message

pytestmark = pytest.mark.anyio

REQUEST = ChatRequest(messages=(Message(role="user", text="Say hello."),), question="Say hello.")
REPLY = (
    {"message": {"role": "assistant", "content": "Hel"}, "done": False},
    {"message": {"role": "assistant", "content": "lo."}, "done": False},
    {
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 11,
        "eval_count": 2,
    },
)


class Ollama(ThreadingHTTPServer):
    """Answers `/api/chat` as Ollama does, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[dict[str, Any]] = []


class Handler(BaseHTTPRequestHandler):
    server: Ollama

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        self.server.asked.append({"path": self.path, **json.loads(self.rfile.read(length))})
        self.send_response(200)
        self.send_header("content-type", "application/x-ndjson")
        self.end_headers()
        for part in REPLY:
            self.wfile.write(json.dumps({"model": "small", **part}).encode() + b"\n")

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def ollama() -> Iterator[Ollama]:
    with Ollama() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def test_a_model_of_ollama_is_asked_and_answers(ollama: Ollama) -> None:
    url = f"http://127.0.0.1:{ollama.server_port}"
    model = open_language_model(Settings(llm="ollama:small", llm_base_url=url, llm_max_tokens=50))
    deltas = [delta async for delta in model.stream(REQUEST)]
    assert "".join(delta.text for delta in deltas) == "Hello."
    usage = deltas[-1].usage
    assert usage
    assert (usage.input_tokens, usage.output_tokens) == (11, 2)
    (asked,) = ollama.asked
    assert asked["path"] == "/api/chat"
    assert asked["messages"] == [{"role": "user", "content": "Say hello."}]
    assert asked["options"] == {"num_predict": 50}
