"""Who may call: keys, and web pages that must not."""

from __future__ import annotations

import pytest

PATHS = ("/v1/documents", "/v1/nowhere", "/pages")


@pytest.fixture
def guarded(open_service):
    return open_service(api_keys=("first-key", "second-key"))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic first-key"}, {"X-API-Key": "first-key "[:-2]}],
)
def test_without_a_key_nothing_is_told_not_even_what_exists(guarded, path, headers):
    response = guarded.get(path, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["code"] == "unauthenticated"
    assert "RAGKIT_API_KEY" in response.json()["hint"]


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": "Bearer first-key"}, {"authorization": "bearer second-key"}, {"X-API-Key": "first-key"}],
)
def test_every_key_opens_in_either_header(guarded, headers):
    assert guarded.get("/v1/documents", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/docs", "/openapi.json"])
def test_probes_and_documentation_need_no_key(guarded, path):
    assert guarded.get(path).status_code == 200


def test_with_keys_any_host_name_is_served(guarded):
    assert guarded.get("/healthz", headers={"Host": "kb.example.com"}).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:9", "[::1]:8000", "LOCALHOST"])
def test_without_keys_loopback_names_are_served(http, host):
    assert http.get("/v1/documents", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "", "[", "localhost.", "0.0.0.0"),
        *(
            "evil@127.0.0.1",
            "127.0.0.1@evil",
            "127.0.0.1#evil",
            "evil\\\\@localhost",
            "127.0.0.1:80:80",
            "[::ffff:7f00:1]",
        ),
    ],
)
def test_without_keys_other_names_are_refused(http, host):
    response = http.get("/v1/documents", headers={"Host": host})
    assert response.status_code == 403
    assert response.json()["code"] == "not_allowed"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://127.0.0.1.evil.example",
        "file://",
        "",
        "http://evil@localhost",
        "localhost",
    ],
)
def test_without_keys_no_web_page_may_post_a_file(http, origin):
    response = http.post("/v1/documents", files={"file": ("a.md", b"x")}, headers={"Origin": origin})
    assert response.status_code == 403


def test_without_keys_a_page_of_this_machine_may(http):
    assert http.get("/v1/documents", headers={"Origin": "http://localhost:3000"}).status_code == 200


def test_a_caller_without_the_key_is_not_told_what_is_wrong(guarded, kit):
    kit.parts["model"] = "The file /secret/path is missing."
    assert guarded.get("/readyz").json()["parts"]["model"] == "failing"
    told = guarded.get("/readyz", headers={"X-API-Key": "first-key"})
    assert told.status_code == 503
    assert "secret" in told.json()["parts"]["model"]
