"""Files in parts, by tus: over the real engine, whose models nothing here reaches."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from ragkit.app import build
from ragkit.blocking import Ragkit
from ragkit.service.app import create_service
from ragkit.settings import Settings
from ragkit.store.arriving import KEPT
from tests.integration.service.asgi import Call, in_time, until

TUS = {"Tus-Resumable": "1.0.0"}
PART = TUS | {"Content-Type": "application/offset+octet-stream"}
TEXT = b"Gift cards are not refundable. " * 100


def service(home: Path, **settings: Any) -> TestClient:
    how = Settings(home=home, **settings)
    return TestClient(create_service(build(how), how), base_url="http://127.0.0.1", raise_server_exceptions=False)


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    return service(tmp_path_factory.mktemp("home"), max_file_mb=1)


@pytest.fixture
def home(http: TestClient) -> Path:
    settings: Settings = http.app.state.settings  # type: ignore[attr-defined]
    return settings.home


def said(**metadata: str) -> dict[str, str]:
    pairs = (f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in metadata.items())
    return {"Upload-Metadata": ",".join(pairs)}


def begin(http: TestClient, length: int = len(TEXT), name: str = "cards.md", **more: str) -> str:
    begun = http.post("/v1/uploads", headers=TUS | {"Upload-Length": str(length)} | said(filename=name) | more)
    assert begun.status_code == 201, begun.text
    return str(begun.headers["location"])


def send(http: TestClient, place: str, offset: int, data: bytes, **more: str) -> Any:
    return http.patch(place, headers=PART | {"Upload-Offset": str(offset)} | more, content=data)


def where(http: TestClient, place: str) -> int:
    return int(http.head(place, headers=TUS).headers["upload-offset"])


def jobs(http: TestClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = http.get("/v1/jobs").json()["jobs"]
    return found


def test_what_is_spoken_is_told(http):
    told = http.options("/v1/uploads")
    assert (told.status_code, told.headers["tus-version"], told.headers["tus-max-size"]) == (204, "1.0.0", "1000000")
    assert {"creation", "expiration", "termination"} <= set(told.headers["tus-extension"].split(","))


def test_parts_become_the_job_of_an_upload_once(http, home):
    place = begin(http, filetype="text/markdown")
    first = send(http, place, 0, TEXT[:1000])
    assert (first.status_code, first.headers["upload-offset"], first.content) == (204, "1000", b"")
    assert first.headers["tus-resumable"] == "1.0.0"
    assert "GMT" in first.headers["upload-expires"]
    assert "x-job-id" not in first.headers
    told = http.head(place, headers=TUS)
    assert (told.headers["upload-offset"], told.headers["upload-length"]) == ("1000", str(len(TEXT)))
    assert (told.headers["upload-metadata"], told.headers["cache-control"]) == (
        said(filename="cards.md")["Upload-Metadata"],
        "no-store",
    )
    last = send(http, place, 1000, TEXT[1000:])
    job = http.get(f"/v1/jobs/{last.headers['x-job-id']}").json()
    assert (job["kind"], job["state"], job["uri"], job["collection"]) == (
        "ingest",
        "queued",
        "upload://cards.md",
        "default",
    )
    sha256 = hashlib.sha256(TEXT).hexdigest()
    assert (home / "files" / sha256[:2] / sha256).read_bytes() == TEXT
    again = send(http, place, len(TEXT), b"")
    assert again.headers["x-job-id"] == http.head(place, headers=TUS).headers["x-job-id"] == job["id"]
    assert [one["id"] for one in jobs(http)].count(job["id"]) == 1
    assert not [file for file in (home / "uploads").rglob("part") if file.parent.name == place.rsplit("/", 1)[1]]


def test_a_small_file_is_there_with_its_beginning(http):
    headers = PART | {"Upload-Length": str(len(TEXT))} | said(name="whole.md", collection="shop", caption="ignored")
    begun = http.post("/v1/uploads", headers=headers, content=TEXT)
    assert (begun.status_code, begun.headers["upload-offset"]) == (201, str(len(TEXT)))
    assert http.get(f"/v1/jobs/{begun.headers['x-job-id']}").json()["collection"] == "shop"


def test_a_service_that_was_closed_goes_on_where_it_was(tmp_path):
    before = service(tmp_path)
    place = begin(before)
    send(before, place, 0, TEXT[:1500])
    asyncio.run(before.app.state.kit.aclose())  # type: ignore[attr-defined]
    after = service(tmp_path)
    assert where(after, place) == 1500
    assert "x-job-id" in send(after, place, 1500, TEXT[1500:]).headers


def test_a_service_that_was_killed_after_the_last_byte_makes_one_job_of_it(http, home):
    place = begin(http, name="late.md")
    (home / "uploads" / place.rsplit("/", 1)[1] / "part").write_bytes(TEXT)
    told = http.head(place, headers=TUS).headers
    assert told["upload-offset"] == str(len(TEXT))
    state = home / "uploads" / place.rsplit("/", 1)[1] / "state.json"
    state.write_text(json.dumps(json.loads(state.read_text()) | {"job_id": None}))  # killed before it was noted
    state.with_name("part").write_bytes(TEXT)
    assert http.head(place, headers=TUS).headers["x-job-id"] == told["x-job-id"]
    assert [one["uri"] for one in jobs(http)].count("upload://late.md") == 1


@pytest.mark.parametrize(
    ("headers", "status", "code", "detail"),
    [
        ({}, 422, "invalid_input", "upload-length"),
        ({"Upload-Length": "-1"}, 422, "invalid_input", "upload-length"),
        ({"Upload-Length": "1" * 50}, 413, "too_large", "the limit is 1,000,000"),
        ({"Upload-Length": "1000001"}, 413, "too_large", "the limit is 1,000,000"),
        ({"Upload-Length": "0"}, 422, "invalid_input", "empty"),
        ({"Upload-Length": "5", "Upload-Metadata": ""}, 422, "invalid_input", "no file name"),
        ({"Upload-Length": "5", "Upload-Metadata": "filename ###"}, 422, "invalid_input", "base64"),
        ({"Upload-Length": "5", "Upload-Metadata": "filename /w=="}, 422, "invalid_input", "UTF-8"),
        ({"Upload-Length": "5", "Upload-Metadata": "a YQ==,a YQ=="}, 422, "invalid_input", "twice"),
        ({"Upload-Length": "5", "Upload-Metadata": "a " + "A" * 8000}, 422, "invalid_input", "upload-metadata"),
        ({"Upload-Length": "5"} | said(filename="/.."), 422, "invalid_input", "not a usable file name"),
        ({"Upload-Length": "5"} | said(filename="a.md", collection="\0"), 422, "invalid_input", "collection"),
        ({"Upload-Length": "5", "Tus-Resumable": "0.2.2"}, 412, "invalid_input", "tus 1.0.0"),
    ],
)
def test_what_cannot_be_begun_is_told_why(http, headers, status, code, detail):
    told = http.post("/v1/uploads", headers=TUS | said(filename="a.md") | headers)
    assert (told.status_code, told.json()["code"]) == (status, code)
    assert detail in told.json()["detail"]
    assert told.headers["tus-resumable"] == "1.0.0"
    assert told.headers.get("tus-version") == ("1.0.0" if status == 412 else None)


def test_a_name_with_a_path_is_the_name_alone(http, home):
    place = begin(http, length=4, name="../../etc/pass\u202ewd.md")
    job = send(http, place, 0, b"text").headers["x-job-id"]
    assert http.get(f"/v1/jobs/{job}").json()["uri"] == "upload://passwd.md"
    for upload_id in ("..", "%2e%2e", "..%2f..%2fragkit.db", "0" * 32, "x"):
        assert http.head(f"/v1/uploads/{upload_id}", headers=TUS).status_code in {404, 405}
    assert (home / "ragkit.db").exists()


def test_a_part_that_does_not_fit_changes_nothing(http):
    place = begin(http)
    send(http, place, 0, TEXT[:100])
    for told, status, code in (
        (send(http, place, 0, b"x"), 409, "conflict"),
        (send(http, place, 200, b"x"), 409, "conflict"),
        (send(http, place, 100, TEXT), 413, "too_large"),
        (send(http, place, 100, b"x", **{"Content-Type": "text/plain"}), 415, "unsupported_format"),
        (send(http, place, 100, b"x", **{"Tus-Resumable": ""}), 412, "invalid_input"),
        (http.patch(place, headers=PART, content=b"x"), 422, "invalid_input"),
    ):
        assert (told.status_code, told.json()["code"]) == (status, code)
    assert where(http, place) == 100
    assert send(http, place, 100, TEXT[100:]).headers["x-job-id"]


def test_a_client_that_can_only_post_says_what_it_means(http):
    place = begin(http)
    meant = PART | {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert http.post(place, headers=meant, content=b"abc").status_code == 204
    assert http.post(place, headers=TUS).status_code == 405
    assert http.post(place, headers=TUS | {"X-HTTP-Method-Override": "DELETE"}).status_code == 204
    assert http.head(place, headers=TUS).status_code == 404


def test_what_is_ended_is_gone_from_the_disk_and_its_job_is_not(http, home):
    place = begin(http, length=4, name="kept.md")
    job = send(http, place, 0, b"text").headers["x-job-id"]
    unfinished = begin(http)
    for one in (place, unfinished):
        assert http.delete(one, headers=TUS).status_code == 204
        assert http.delete(one, headers=TUS).status_code == 404
        assert not (home / "uploads" / one.rsplit("/", 1)[1]).exists()
    assert http.get(f"/v1/jobs/{job}").status_code == 200


def test_what_expires_is_gone_and_makes_room(http, home):
    old, new = begin(http), begin(http)
    for file in (home / "uploads" / old.rsplit("/", 1)[1]).iterdir():
        moment = file.stat().st_mtime - (KEPT + timedelta(minutes=1)).total_seconds()
        os.utime(file, (moment, moment))
    assert http.head(old, headers=TUS).status_code == 404
    assert send(http, old, 0, b"x").status_code == 404
    begin(http)
    assert not (home / "uploads" / old.rsplit("/", 1)[1]).exists()
    assert http.head(new, headers=TUS).status_code == 200


def test_an_upload_is_its_keys_alone_and_keeps_to_its_collections(tmp_path):
    with Ragkit(build(Settings(home=tmp_path))) as kit:
        mine, other, tagged, reader = (
            {"Authorization": f"Bearer {kit.keys.create(name, **what).secret}"}
            for name, what in (
                ("mine", {"role": "editor", "collections": ["shop"]}),
                ("other", {"role": "admin"}),
                ("tagged", {"role": "editor", "access": ["it"]}),
                ("reader", {"role": "reader"}),
            )
        )
    http = service(tmp_path)
    place = begin(http, **mine)
    for told in (
        http.head(place, headers=TUS | other),
        send(http, place, 0, b"x", **other),
        http.delete(place, headers=TUS | other),
    ):
        assert told.status_code == 404
    wanted = TUS | {"Upload-Length": "5"} | said(filename="a.md", collection="hr")
    for key in (mine, tagged, reader):
        assert http.post("/v1/uploads", headers=wanted | key).status_code == 403
    job = send(http, place, 0, TEXT, **mine).headers["x-job-id"]
    assert http.get(f"/v1/jobs/{job}", headers=mine).json()["collection"] == "shop"


def test_one_writes_at_a_time_and_what_breaks_off_is_kept(http):
    place = begin(http)
    part = {"content_type": "application/offset+octet-stream", "tus_resumable": "1.0.0"}

    async def scenario() -> None:
        app: Any = http.app
        first = Call(app, place, [TEXT[:700]], method="PATCH", whole=False, **part, upload_offset="0")
        await until(lambda: first.read == 700)
        second = Call(app, place, [b"other"], method="PATCH", **part, upload_offset="0")
        await in_time(second.task)
        assert (second.status, json.loads(second.body)["code"]) == (423, "locked")
        ended = Call(app, place, [b""], method="DELETE", **part)
        await in_time(ended.task)
        assert ended.status == 423
        first.gone.set()
        await in_time(first.task)

    asyncio.run(scenario())
    assert where(http, place) == 700
    assert send(http, place, 700, TEXT[700:]).headers["x-job-id"]
