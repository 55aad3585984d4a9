"""Bytes on a socket: what is not HTTP, has no end or does not come, and who says to be somebody else."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from ragkit.service.app import create_service
from ragkit.service.protocol import MOST_HEAD_BYTES, CarefulProtocol
from ragkit.settings import Settings
from ragkit.testing.engine import MemoryRagkit

HOST = b"Host: 127.0.0.1\r\n"
ASK = b"POST /v1/ask HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
Reply = tuple[int, dict[str, object]]


class Impatient(CarefulProtocol):
    head_s = 0.5


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Of the service, as `ragkit serve` runs it, with less patience."""
    app = create_service(MemoryRagkit(), Settings())  # type: ignore[arg-type]
    config = uvicorn.Config(app, http=Impatient, ws="none", lifespan="on", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join()


def sent(port: int, *parts: bytes) -> bytes:
    """Everything that comes back until the service closes the connection; parts go with a pause between them."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        for number, part in enumerate(parts):
            time.sleep(0.1 if number else 0)
            connection.sendall(part)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.mark.parametrize(
    ("parts", "status", "said"),
    [
        ([b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"], 400, "not HTTP"),
        (["GET /v1/documents/ü HTTP/1.1\r\n".encode() + HOST + b"\r\n"], 400, "percent-encoded"),
        ([b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n"], 400, "not HTTP"),
        ([ASK + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"], 400, "not HTTP"),
        ([ASK + b'Transfer-Encoding: chunked\r\n\r\n3\r\n{"q\r\n', b"zz\r\n"], 400, "not HTTP"),
        ([b"GET /v1/documents HTTP/1.1\r\nHost: 127"], 408, "did not come within 0.5 seconds"),
        ([b"GET / HTTP/1.1\r\nX: " + b"x" * MOST_HEAD_BYTES], 431, "do not end"),
    ],
    ids=["no HTTP", "raw bytes in the path", "two lengths", "two framings", "a broken chunk", "half a head", "no end"],
)
def test_what_cannot_be_read_is_a_problem_and_one_line_of_the_log(port, caplog, parts, status, said):
    caplog.set_level(logging.INFO, "ragkit.requests")
    reply = sent(port, *parts)
    assert reply.startswith(b"HTTP/1.1 %d " % status)
    assert b"content-type: application/problem+json" in reply
    assert said in reply.decode()
    (line,) = [record for record in caplog.records if record.name == "ragkit.requests"]
    assert line.__dict__["status"] == status


def test_a_connection_that_asks_nothing_is_closed(port):
    assert sent(port) == b""
    assert b"HTTP/1.1 408" in sent(port, *[b"\r\n"] * 3)


def test_what_follows_a_request_does_not_break_its_answer(port):
    reply = sent(port, b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n\x00\x01")
    assert reply.startswith(b"HTTP/1.1 200 OK")
    assert reply.endswith(b'{"status":"ok"}')


def test_the_rest_of_a_body_that_was_refused_is_no_head(port):
    body = b"x" * (4 * MOST_HEAD_BYTES)
    refused = b"POST /v1/ask HTTP/1.1\r\nHost: evil.example\r\nContent-Length: %d\r\n\r\n" % len(body)
    reply = sent(
        port, refused, body[:-1], body[-1:], b"GET /healthz HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n"
    )
    assert reply.startswith(b"HTTP/1.1 403")
    assert reply.endswith(b'{"status":"ok"}')
    assert reply.count(b"HTTP/1.1 ") == 2


def test_a_body_that_was_refused_and_does_not_come_ends_the_connection_without_another_answer(port):
    reply = sent(port, b"POST /v1/ask HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 99\r\n\r\n", b"x")
    assert reply.count(b"HTTP/1.1 ") == 1


def test_empty_lines_after_a_request_are_no_request(port):
    reply = sent(port, b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n", b"\r\n")
    assert reply.count(b"HTTP/1.1 ") == 1


def test_an_upgrade_is_not_made(port):
    asked = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    assert sent(port, b"GET /v1/ask HTTP/1.1\r\n" + HOST + asked).startswith(b"HTTP/1.1 405")


@pytest.mark.parametrize("second", [b"Host: evil.example\r\n", b"Origin: http://localhost\r\nOrigin: http://evil\r\n"])
def test_without_keys_a_second_name_does_not_help(port, second):
    asked = b"GET /v1/documents HTTP/1.1\r\nConnection: close\r\n" + HOST + second + b"\r\n"
    assert sent(port, asked).startswith(b"HTTP/1.1 403")
