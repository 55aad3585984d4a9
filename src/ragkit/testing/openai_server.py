"""A server on loopback that speaks the OpenAI chat-completions protocol, with scripted replies and faults."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from ragkit.testing.loopback import LoopbackServer, OwnedServer

__all__ = ["OpenAIServer", "Script"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What one request gets.

    Args:
        deltas: The texts of the reply, a server-sent event each.
        status: Anything but 200 answers with an error body instead.
        headers: Sent with the status.
        latency_s: Waited before the status and before each delta.
        usage: Sent when the client asks for it; (input tokens, output tokens).
        drop_after: Close the connection after so many deltas, in the middle of the reply.
        malformed_after: Send an event that is not JSON after so many deltas.
    """

    deltas: Sequence[str] = ("Hello.",)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    latency_s: float = 0.0
    usage: tuple[int, int] | None = (11, 7)
    drop_after: int | None = None
    malformed_after: int | None = None


class OpenAIServer(LoopbackServer):
    """Serves while its `with` block runs; one script a request, the last one again when there are no more.

    Attributes:
        requests: The bodies that were received, with the header `authorization` added.
        disconnected: Set when a client left before its reply was complete.
    """

    def __init__(self, *scripts: Script) -> None:
        super().__init__(_Handler)
        self._scripts = list(scripts) or [Script()]
        self.requests: list[dict[str, Any]] = []
        self.disconnected = threading.Event()

    def take(self, request: dict[str, Any]) -> Script:
        """Note the request and give the script for it."""
        with self._lock:
            self.requests.append(request)
            return self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]


class _Handler(BaseHTTPRequestHandler):
    # HTTP/1.0 knows no chunks.
    protocol_version = "HTTP/1.1"
    server: OwnedServer[OpenAIServer]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        script = self.server.owner.take({**body, "authorization": self.headers.get("authorization", "")})
        self.close_connection = True
        try:
            time.sleep(script.latency_s)
            if self.path != "/v1/chat/completions":
                self._refuse(404, {}, "not found")
            elif script.status != 200:
                self._refuse(script.status, script.headers, "scripted error")
            else:
                self._reply(script, body)
        except (BrokenPipeError, ConnectionResetError):
            self.server.owner.disconnected.set()

    def _refuse(self, status: int, headers: Mapping[str, str], message: str) -> None:
        body = json.dumps({"error": {"message": message, "type": "scripted", "code": None}}).encode()
        self.send_response(status)
        for name, value in {**headers, "content-type": "application/json", "content-length": len(body)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def _reply(self, script: Script, body: Mapping[str, Any]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        # With chunks an early end of the connection is a fault that clients notice.
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for number, delta in enumerate(script.deltas):
            if number == script.drop_after:
                return
            if number == script.malformed_after:
                self._event("{not json")
            self._event(_chunk(body, [{"index": 0, "delta": {"role": "assistant", "content": delta}}]))
            time.sleep(script.latency_s)
        self._event(_chunk(body, [{"index": 0, "delta": {}, "finish_reason": "stop"}]))
        if script.usage and body.get("stream_options", {}).get("include_usage"):
            read, written = script.usage
            usage = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
            self._event(_chunk(body, [], usage=usage))
        self._event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, data: str) -> None:
        event = f"data: {data}\n\n".encode()
        self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing on stderr."""


def _chunk(body: Mapping[str, Any], choices: list[dict[str, Any]], **more: Any) -> str:
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": body.get("model"),
            "choices": choices,
            **more,
        }
    )
