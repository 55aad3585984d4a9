"""A server on loopback that speaks the OpenAI embeddings protocol, with limits and scripted faults."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from ragkit.testing.embed import HashedEmbedder
from ragkit.testing.loopback import LoopbackServer, OwnedServer

if TYPE_CHECKING:
    from ragkit.protocols import Matrix

__all__ = ["EmbeddingsServer", "Fault"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What one request gets instead of its vectors.

    Args:
        status: The status of the error; 200 answers as if there were no fault, after `latency_s`.
        headers: Sent with it, such as `retry-after`.
        message: What the error says.
        latency_s: Waited before it.
        drop: Close the connection without an answer.
    """

    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "scripted error"
    latency_s: float = 0.0
    drop: bool = False


class EmbeddingsServer(LoopbackServer):
    """Serves the vectors of a `HashedEmbedder` while its `with` block runs; each fault is used up by one request.

    Args:
        faults: What the first requests get; afterwards requests are answered.
        dimension: Of the vectors; may be changed at any time.
        most_texts: A request with more gets a 413.

    Attributes:
        requests: The texts of each request, in the order of their arrival.
        answered: Those of each request that was answered with vectors.
        faults: What is left of the faults; more can be added at any time.
    """

    def __init__(self, *faults: Fault, dimension: int = 64, most_texts: int | None = None) -> None:
        super().__init__(_Handler)
        self.faults = list(faults)
        self.most_texts = most_texts
        self.requests: list[list[str]] = []
        self.answered: list[list[str]] = []
        self.dimension = dimension

    def take(self, texts: list[str]) -> Fault | None:
        """Note the request and say what is wrong with it."""
        with self._lock:
            self.requests.append(texts)
            fault = self.faults.pop(0) if self.faults else None
            if fault is None and self.most_texts is not None and len(texts) > self.most_texts:
                fault = Fault(status=413, message=f"more than {self.most_texts} inputs")
            if fault is None or (fault.status == 200 and not fault.drop):
                self.answered.append(texts)
            return fault

    def vectors(self, texts: list[str]) -> Matrix:
        return HashedEmbedder(self.dimension, max_tokens=1_000_000).embed_documents(texts)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: OwnedServer[EmbeddingsServer]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        fault = self.server.owner.take(texts)
        if fault is not None:
            time.sleep(fault.latency_s)
            if fault.drop:
                self.close_connection = True
                return
            if fault.status != 200:
                error = {"error": {"message": fault.message, "type": "scripted", "code": None}}
                self._send(fault.status, fault.headers, error)
                return
        rows = self.server.owner.vectors(texts)
        data = [
            {"object": "embedding", "index": index, "embedding": _encoded(row, body.get("encoding_format"))}
            for index, row in enumerate(rows)
        ]
        usage = {"prompt_tokens": 0, "total_tokens": 0}
        self._send(200, {}, {"object": "list", "data": data, "model": body["model"], "usage": usage})

    def _send(self, status: int, headers: Mapping[str, str], value: Mapping[str, Any]) -> None:
        body = json.dumps(value).encode()
        try:
            self.send_response(status)
            for name, text in {**headers, "content-type": "application/json", "content-length": len(body)}.items():
                self.send_header(name, str(text))
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client did not wait

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing on stderr."""


def _encoded(row: Any, encoding: str | None) -> Any:
    return base64.b64encode(row.astype("<f4").tobytes()).decode() if encoding == "base64" else row.tolist()
