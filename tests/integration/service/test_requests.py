"""Requests that are wrong, and what they are told."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit.errors import Busy, Overloaded, RagkitError, StorageError

PROBLEM = {"type", "title", "status", "code", "detail", "hint", "trace_id"}


def is_problem(response, status: int, code: str) -> dict:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body.keys() == PROBLEM
    assert (body["status"], body["code"]) == (status, code)
    assert body["trace_id"] == response.headers["x-trace-id"]
    return body


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "detail"),
    [
        ("/v1/ask", {}, 422, "invalid_input", "question: "),
        ("/v1/ask", {"question": "x", "nonsense": 1}, 422, "invalid_input", "nonsense: "),
        ("/v1/ask", {"question": " \n"}, 422, "invalid_input", "question: "),
        ("/v1/ask", {"question": "a\0b"}, 422, "invalid_input", "null character"),
        ("/v1/ask", {"question": "x" * 101}, 422, "invalid_input", "the limit is 100"),
        ("/v1/ask", {"question": "x", "filters": {"nope": 1}}, 422, "invalid_input", "filters.nope: "),
        ("/v1/ask", {"question": 7}, 422, "invalid_input", "question: "),
        ("/v1/ask", {"question": "x", "collection": "nosuch"}, 404, "not_found", "'nosuch'"),
        ("/v1/search", {"query": "x", "k": 0}, 422, "invalid_input", "k: "),
        ("/v1/search", {"query": "x", "mmr": 1.5}, 422, "invalid_input", "mmr: "),
        ("/v1/explain", {"query": ""}, 422, "invalid_input", "query: "),
        ("/v1/explain", {"query": "x", "access": [""]}, 422, "invalid_input", "access.0: "),
        ("/v1/search", {"query": "x", "access": ["hr"]}, 422, "invalid_input", "access: "),
        ("/v1/search", {"query": "x", "mode": "magic"}, 422, "invalid_input", "mode: "),
        ("/v1/search", {"query": "x", "collection": "nosuch"}, 404, "not_found", "'nosuch'"),
        ("/v1/nowhere", {}, 404, "not_found", "/v1/nowhere"),
        ("/v1/prompts/answer/promote", {"version": 99}, 404, "not_found", "'answer'"),
        ("/v1/prompts", {"name": "a", "template": "b", "note": "\0"}, 422, "invalid_input", "null character"),
        ("/v1/documents/%00/release", {}, 422, "invalid_input", "null character"),
        ("/v1/search", {"query": "x", "k": "10"}, 422, "invalid_input", "k: it must be a number"),
        ("/v1/search", {"query": "x", "k": True}, 422, "invalid_input", "k: it must be a number"),
        ("/v1/ask", {"question": "x", "stream": "yes"}, 422, "invalid_input", "stream: "),
        ("/v1/keys", {"name": "x", "expires_at": 4102444800}, 422, "invalid_input", "expires_at: it must be a time"),
        ("/v1/search?k=3", {"query": "x"}, 422, "invalid_input", "k: there is no such parameter"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(http, path, body, status, code, detail):
    problem = is_problem(http.post(path, json=body), status, code)
    assert detail in problem["detail"]
    assert problem["hint"]


@pytest.mark.parametrize(
    "content",
    [
        b"{not json",
        b"",
        b"[1]",
        b'"\\ud800"',
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"mmr": NaN}',
        b'{"mmr": %s}' % (b"9" * 5000),
    ],
    ids=["broken", "empty", "a list", "half a character", "no UTF-8", "deep", "no number", "a long number"],
)
def test_a_broken_body_is_told_so(http, content):
    response = http.post("/v1/ask", content=content, headers={"Content-Type": "application/json"})
    is_problem(response, 422 if response.status_code == 422 else 400, "invalid_input")


def test_a_wrong_method_is_told_so(http):
    assert "does not answer GET" in is_problem(http.get("/v1/ask"), 405, "invalid_input")["detail"]
    told = http.put("/v1/documents/x")
    assert (told.status_code, told.headers["allow"]) == (405, "DELETE, GET"), "those of both routes"


def test_an_upload_with_a_field_that_nobody_reads_or_without_a_file_is_told_so(http):
    file = {"file": ("a.md", b"text")}
    assert (
        "colection: "
        in is_problem(http.post("/v1/documents", files=file, data={"colection": "x"}), 422, "invalid_input")["detail"]
    )
    assert (
        "must be a file"
        in is_problem(http.post("/v1/documents", files={"file": (None, b"text")}), 422, "invalid_input")["detail"]
    )


def test_lone_surrogates_do_no_harm(http):
    response = http.post("/v1/ask", content=b'{"question": "\\ud800"}', headers={"Content-Type": "application/json"})
    is_problem(response, 422, "invalid_input")


def test_a_body_over_the_limit_is_refused_also_when_it_does_not_say_its_length(http):
    def chunks():
        for _ in range(50):
            yield b"x" * 100_000

    is_problem(http.post("/v1/ask", content=chunks()), 413, "too_large")
    is_problem(http.post("/v1/search", json={"query": "x", "filters": [{}] * 1_500_000}), 413, "too_large")
    is_problem(http.post("/v1/documents", files={"file": ("a.txt", b"x" * 7_000_000)}), 413, "too_large")
    is_problem(http.post("/v1/documents", files={"file": ("a.txt", b"x" * 5_500_000)}), 413, "too_large")


def test_an_unexpected_error_says_nothing_of_its_text(http, kit):
    kit.views["doc_bad"] = object()  # makes every listing fail in a way that no one foresaw
    body = is_problem(http.get("/v1/documents"), 500, "internal")
    assert "object" not in body["detail"]


def test_who_has_no_key_is_not_told_where_the_catalog_is(open_service, kit, caplog):
    class Gone:
        def remembers_any(self):
            return True

        def remembered(self, secret):
            return None

        def caller(self, secret):
            raise StorageError("The catalog database 'postgresql://10.0.0.5/ragkit' refused.")

    kit.registry = Gone()
    body = is_problem(open_service().get("/v1/documents", headers={"X-API-Key": "guessed"}), 507, "storage")
    assert "10.0.0.5" not in f"{body['detail']} {body['hint']}"
    assert "10.0.0.5" in caplog.text


def test_what_is_turned_away_is_one_line_of_the_log(http, kit, caplog):
    class Full:
        async def list(self, **_):
            raise Overloaded("Too much at once.")

    kit.jobs = Full()
    is_problem(http.get("/v1/jobs"), 503, "overloaded")
    (record,) = [one for one in caplog.records if one.name == "ragkit.service.errors"]
    assert (record.levelname, record.exc_info) == ("WARNING", None)


def test_an_error_that_says_when_to_come_back_sets_retry_after(http, kit):
    class Full:
        async def list(self, **_):
            raise Busy("Too much at once.", retry_after=7.2, trace_id=None)

    kit.jobs = Full()
    response = http.get("/v1/jobs")
    is_problem(response, 429, "busy")
    assert response.headers["retry-after"] == "7"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda children: (
            st.lists(children, max_size=3)
            | st.dictionaries(
                st.sampled_from(["question", "collection", "filters", "document_ids", "prompt", "stream", "x"]),
                children,
            )
        ),
        max_leaves=8,
    )
)
def test_no_body_makes_the_service_fail(http, body):
    assert http.post("/v1/ask", json=body).status_code < 500


def test_every_error_class_has_a_status_that_http_knows():
    from http import HTTPStatus

    waiting = [RagkitError]
    while waiting:
        kind = waiting.pop()
        assert HTTPStatus(kind.status).phrase
        waiting += kind.__subclasses__()
