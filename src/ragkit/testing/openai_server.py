"""A server that speaks the OpenAI chat-completions protocol, with scripted replies and faults.

`python -m ragkit.testing.openai_server --port 9000` runs it alone, for load tests: there the name of the model says how
it behaves (`ragkit.testing.scripts.behaviour`). It writes HTTP by itself, because a web server would repair its faults.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import signal
import socket
import sys
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

from ragkit.errors import InputError
from ragkit.testing.scripts import Reply, Script, behaviour, echo_sources, words

__all__ = ["OpenAIServer", "Reply", "Script", "echo_sources", "main", "words"]

_EVENTS = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}


class OpenAIServer:
    """Serves while its `with` block runs, on loopback; one script a request, the last one again when there are no more.

    Without scripts the name of the model says what is replied: `double-ttft50-tps100`. A name that does not begin with
    `double` gets the default script.

    Args:
        scripts: What the first requests get, and all others the last one.
        port: 0 takes a free one.
        keep: Whether to keep the bodies of the requests; a long load test would fill the memory with them.

    Attributes:
        requests: The bodies that were received, with the header `authorization` added.
        disconnected: Set when a client left before its reply was complete.
        streaming: Replies that are being written now.
        written: Tokens that were sent so far, all replies together.
    """

    def __init__(self, *scripts: Script, port: int = 0, keep: bool = True) -> None:
        self._scripts = list(scripts)
        self._keep = keep
        self._dice = random.Random(1)  # noqa: S311  # which requests fail, the same ones each time
        self.requests: list[dict[str, Any]] = []
        self.disconnected = threading.Event()
        self.streaming = 0
        self.written = 0
        # It listens from now on: who connects before the loop runs waits in the backlog.
        self._socket = socket.create_server(("127.0.0.1", port), backlog=1024)
        self._address = self._socket.getsockname()
        self._stop: Callable[[], object] | None = None
        self._running = threading.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self.run, daemon=True)

    @property
    def url(self) -> str:
        """For the setting of the provider's base URL."""
        return f"http://127.0.0.1:{self._address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        self._running.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stop is not None:
            self._stop()
        self._thread.join()

    def run(self) -> None:
        """Serve until the process is interrupted."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        stopped = asyncio.Event()
        self._stop = partial(asyncio.get_running_loop().call_soon_threadsafe, stopped.set)
        server = await asyncio.start_server(self._accept, sock=self._socket)
        self._running.set()
        try:
            await stopped.wait()
        finally:
            server.close()
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)
            await server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.ensure_future(self._serve(reader, _Http(writer)))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, http: _Http) -> None:
        """Answer the requests of one connection, one after the other."""
        try:
            while (asked := await _request(reader)) is not None:
                if not await self._until_left(self._answer(*asked, http), reader):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            self.disconnected.set()
        finally:
            await http.close()

    async def _until_left(self, reply: Coroutine[Any, Any, bool], reader: asyncio.StreamReader) -> bool:
        """Reply for as long as the client is there; whether the connection can be used again."""
        self.streaming += 1
        # Clients send nothing before they have their reply, so that reading ends only when they leave.
        replying, leaving = asyncio.ensure_future(reply), asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({replying, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if replying.done():
                return replying.result()
            self.disconnected.set()
            return False
        finally:
            self.streaming -= 1
            for task in (replying, leaving):
                task.cancel()
            await asyncio.gather(replying, leaving, return_exceptions=True)

    async def _answer(self, line: str, headers: Mapping[str, str], body: dict[str, Any], http: _Http) -> bool:
        """Whether the reply was complete."""
        if line.startswith("GET /v1/models "):
            await http.whole(200, {"object": "list", "data": [{"id": "double", "object": "model"}]})
            return True
        if not line.startswith("POST /v1/chat/completions "):
            await http.whole(404, _error("not found"))
            return True
        try:
            script = self._take({**body, "authorization": headers.get("authorization", "")})
        except InputError as error:
            await http.whole(404, _error(f"{error.detail} {error.hint}"))
            return True
        await asyncio.sleep(script.latency_s)
        if script.status != 200:
            await http.whole(script.status, _error(script.message), script.headers)
            return True
        return await (self._stream if body.get("stream") else self._whole)(script, body, http)

    def _take(self, request: dict[str, Any]) -> Script:
        if self._keep:
            self.requests.append(request)
        if not self._scripts:
            model = str(request.get("model"))
            return behaviour(model, self._dice) if model.startswith("double") else Script()
        return self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]

    async def _whole(self, script: Script, body: Mapping[str, Any], http: _Http) -> bool:
        deltas = script.reply_to(body)
        if script.tokens_per_s:
            await asyncio.sleep(len(deltas) / script.tokens_per_s)
        message = {"role": "assistant", "content": "".join(deltas)}
        choice = {"index": 0, "message": message, "finish_reason": script.finish_reason}
        await http.whole(200, _completion("chat.completion", body, [choice], _usage(script, body, deltas)))
        self.written += len(deltas)
        return True

    async def _stream(self, script: Script, body: Mapping[str, Any], http: _Http) -> bool:
        deltas = script.reply_to(body)
        await http.begin()
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in range(len(deltas) + 1):
            if number == script.drop_after:
                return False  # without the last chunk of its body, which clients notice
            if number == script.hang_after:
                await asyncio.Event().wait()
            if number == script.malformed_after:
                await http.event("{not json")
            if number == script.error_after:
                await http.event(json.dumps(_error(script.message)))
                break
            if number < len(deltas):
                if script.tokens_per_s:
                    await asyncio.sleep(began + number / script.tokens_per_s - loop.time())
                delta = {"role": "assistant", "content": deltas[number]}
                await http.event(_chunk(body, [{"index": 0, "delta": delta}]))
                self.written += 1
        else:
            await http.event(_chunk(body, [{"index": 0, "delta": {}, "finish_reason": script.finish_reason}]))
            usage = _usage(script, body, deltas)
            if usage and (body.get("stream_options") or {}).get("include_usage"):
                await http.event(_chunk(body, [], usage))
            await http.event("[DONE]")
        await http.end()
        return True


class _Http:
    """Writes replies to one connection."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def whole(self, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        self._head(status, {**(headers or {}), "content-type": "application/json", "content-length": str(len(body))})
        self._writer.write(body)
        await self._writer.drain()

    async def begin(self) -> None:
        self._head(200, _EVENTS)
        await self._writer.drain()

    async def event(self, data: str) -> None:
        event = f"data: {data}\n\n".encode()
        self._writer.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
        await self._writer.drain()

    async def end(self) -> None:
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        lines = [f"{name}: {text}" for name, text in headers.items()]
        first = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"
        self._writer.write("\r\n".join([first, *lines, "", ""]).encode("latin-1"))


async def _request(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], dict[str, Any]] | None:
    """The first line, the headers and the body of the next request; none where the client has left."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return first, headers, json.loads(body) if body else {}


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "scripted", "code": None}}


def _usage(script: Script, body: Mapping[str, Any], deltas: Sequence[str]) -> dict[str, int] | None:
    if not script.usage:
        return None
    counted = (sum(len(str(message["content"])) for message in body["messages"]) // 4, len(deltas))
    read, written = counted if isinstance(script.usage, bool) else script.usage
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _chunk(body: Mapping[str, Any], choices: list[dict[str, Any]], usage: Mapping[str, int] | None = None) -> str:
    return json.dumps(_completion("chat.completion.chunk", body, choices, usage))


def _completion(
    kind: str, body: Mapping[str, Any], choices: list[dict[str, Any]], usage: Mapping[str, int] | None
) -> dict[str, Any]:
    made = {"id": "chatcmpl-1", "object": kind, "created": 0, "model": body.get("model"), "choices": choices}
    return {**made, "usage": usage} if usage else made


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted or terminated; the address is written to standard output."""
    parser = argparse.ArgumentParser(prog="python -m ragkit.testing.openai_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    server = OpenAIServer(port=parser.parse_args(arguments).port, keep=False)
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    # As an interrupt, which a shell has its background commands ignore.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()


if __name__ == "__main__":
    main()
