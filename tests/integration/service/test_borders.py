"""What stands around the service: web pages elsewhere, proxies, and requests of a size that nobody has a use for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from ragkit.service.middleware import BodyLimit
from ragkit.service.routes.health import Probe
from ragkit.settings import Settings

APP, EVIL = "https://app.example", "https://evil.example"
ASKS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
KEY = {"Authorization": "Bearer the-key"}


def test_by_default_no_page_elsewhere_may_call(open_service):
    http = open_service(api_keys=("the-key",))
    assert "access-control-allow-origin" not in http.get("/v1/documents", headers=KEY | {"Origin": APP}).headers
    assert http.options("/v1/ask", headers=ASKS | {"Origin": APP}).status_code == 401


def test_a_page_that_is_named_may_call_and_no_other(open_service):
    http = open_service(api_keys=("the-key",), cors_origins=f"{APP}, http://localhost:3000")
    asked = http.options("/v1/ask", headers=ASKS | {"Origin": APP})
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, APP)
    assert "access-control-allow-credentials" not in asked.headers
    told = http.get("/v1/documents", headers=KEY | {"Origin": APP}).headers
    assert told["access-control-allow-origin"] == APP
    assert "X-Trace-Id" in told["access-control-expose-headers"]
    refused = http.get("/v1/documents", headers={"Origin": APP})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, APP), "the page can read why"
    assert http.options("/v1/ask", headers=ASKS | {"Origin": EVIL}).status_code == 400
    assert "access-control-allow-origin" not in http.get("/v1/documents", headers=KEY | {"Origin": EVIL}).headers


def test_without_keys_a_page_must_be_named_one_by_one(open_service):
    named = open_service(cors_origins=APP)
    assert named.get("/v1/documents", headers={"Origin": APP}).status_code == 200
    assert named.get("/v1/documents", headers={"Origin": EVIL}).status_code == 403
    anyone = open_service(cors_origins="*")
    assert anyone.get("/v1/documents", headers={"Origin": EVIL}).status_code == 403


@pytest.mark.parametrize("origin", ["app.example", "https://app.example/", "https://*.example"])
def test_what_is_no_origin_is_no_setting(origin):
    with pytest.raises(ValidationError, match="is no origin"):
        Settings(cors_origins=origin)


@pytest.mark.parametrize("prefix", ["", "/kb"], ids=["taken off", "left on"])
def test_below_a_path_of_a_proxy_everything_is_found(open_service, prefix):
    http = open_service(api_keys=("the-key",), root_path="kb/")
    sent: dict[str, Any] = {"files": {"file": ("a.md", b"Gift cards are not refundable.")}, "headers": KEY}
    accepted = http.post(f"{prefix}/v1/documents", **sent)
    assert accepted.headers["location"] == f"/kb/v1/jobs/{accepted.json()['id']}"
    body = {"model": "ragkit", "messages": [{"role": "user", "content": "Are gift cards refundable?"}]}
    source = http.post(f"{prefix}/v1/chat/completions", json=body, headers=KEY).json()["ragkit"]["sources"][0]
    assert source["url"].startswith("http://127.0.0.1:8000/kb/#document=")
    wrong = http.post(f"{prefix}/v1/chat/completions", json={}, headers=KEY)
    assert wrong.json()["error"]["code"] == "invalid_input"
    for path in ("/", "/page/app.js", "/docs", "/openapi.json", "/healthz", "/static-offline-docs/swagger-ui.css"):
        assert http.get(f"{prefix}{path}").status_code == 200, path
    assert http.get(f"{prefix}/v1/documents").status_code == 401
    assert '"/kb/openapi.json"' in http.get(f"{prefix}/docs").text.replace("'", '"')


@pytest.mark.parametrize("headers", [{f"X-{number}": "x" for number in range(150)}, {"X-Long": "x" * 70_000}])
def test_headers_that_nobody_needs_are_refused(http, headers):
    told = http.get("/v1/documents", headers=headers)
    assert (told.status_code, told.json()["code"]) == (431, "too_large")


def test_a_body_that_does_not_go_on_is_given_up():
    async def reads_all(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass

    async def scenario() -> None:
        messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        messages.put_nowait({"type": "http.request", "body": b'{"question": ', "more_body": True})
        limited = BodyLimit(reads_all, max_bytes=100, max_json_bytes=100, silent_s=0.05)
        with pytest.raises(HTTPException) as late:
            await limited({"type": "http", "path": "/v1/ask", "headers": []}, messages.get, messages.put)
        assert late.value.status_code == 408

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_a_body_that_comes_byte_by_byte_is_given_up():
    async def reads_all(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass

    async def a_byte() -> dict[str, Any]:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def scenario() -> None:
        limited = BodyLimit(reads_all, max_bytes=10**6, max_json_bytes=10**6, silent_s=0.3)
        with pytest.raises(HTTPException) as slow:
            await limited({"type": "http", "path": "/v1/ask", "headers": []}, a_byte, a_byte)
        assert slow.value.status_code == 408

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_probes_at_the_same_time_look_once():
    class Slow:
        looks = 0
        free = asyncio.Event()

        async def ready(self) -> dict[str, str]:
            self.looks += 1
            await self.free.wait()
            return {"catalog": "ok"}

    async def scenario() -> None:
        kit = Slow()
        probe = Probe(kit)  # type: ignore[arg-type]
        asking = [asyncio.create_task(probe.parts()) for _ in range(10)]
        await asyncio.sleep(0)
        kit.free.set()
        assert {tuple(await one) for one in asking} == {("catalog",)}
        assert kit.looks == 1

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_a_key_is_told_what_it_may_do(open_service, kit):
    http = open_service(api_keys=("the-key",))
    assert http.get("/v1/me", headers=KEY).json()["role"] == "admin"
    made = asyncio.run(kit.keys.create("page", collections=["hr"], access=["it"]))
    told = http.get("/v1/me", headers={"Authorization": f"Bearer {made.secret}"}).json()
    assert told == {"id": made.key.id, "role": "reader", "collections": ["hr"], "access": ["it"], "limits": []}


def test_a_file_is_never_shown_as_a_page_of_the_service(http):
    script = b"<script>alert(document.domain)</script>"
    assert http.post("/v1/documents", files={"file": ("evil.html", script)}, data={"collection": "shop"}).is_success
    documents = http.get("/v1/documents").json()["documents"]
    key = next(one["id"] for one in documents if one["uri"].endswith("evil.html"))
    told = http.get(f"/v1/documents/{key}/file")
    assert told.content == script
    assert told.headers["content-disposition"] == "attachment; filename*=UTF-8''evil.html"
    assert "sandbox" in told.headers["content-security-policy"]
    assert told.headers["x-content-type-options"] == "nosniff"
    part = http.get(f"/v1/documents/{key}/text", params={"start": 1, "end": 7}).json()
    assert (part["text"], part["start"], part["end"], part["length"]) == ("script", 1, 7, len(script))
    beyond = http.get(f"/v1/documents/{key}/text", params={"start": 900}).json()
    assert (beyond["text"], beyond["start"]) == ("", len(script))
    assert http.get(f"/v1/documents/{key}/text", params={"page": 9}).status_code == 404
    assert http.get(f"/v1/documents/{key}/text", params={"start": -1}).status_code == 422
