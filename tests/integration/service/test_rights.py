"""Every route has its right: the whole API without a key, with a lesser one, and with one for another collection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from ragkit.app import build
from ragkit.blocking import Ragkit
from ragkit.rights import NewKey, Role
from ragkit.service.app import create_service
from ragkit.settings import Settings

ROLES: tuple[Role, ...] = ("reader", "editor", "operator", "admin")
OPEN = {"GET /healthz", "GET /readyz"}
NAMES_A_COLLECTION: dict[str, dict[str, Any]] = {
    "POST /v1/ask": {"json": {"question": "x", "collection": "hr"}},
    "POST /v1/chat/completions": {"json": {"model": "ragkit/hr", "messages": [{"role": "user", "content": "x"}]}},
    "POST /v1/embeddings": {"json": {"model": "ragkit/hr", "input": "x"}},
    "POST /v1/search": {"json": {"query": "x", "collection": "hr"}},
    "POST /v1/explain": {"json": {"query": "x", "collection": "hr"}},
    "GET /v1/documents": {"params": {"collection": "hr"}},
    "POST /v1/documents": {"files": {"file": ("a.txt", b"x")}, "data": {"collection": "hr"}},
    "PATCH /v1/collections/hr": {"json": {"untagged": True}},
    "DELETE /v1/collections/hr": {},
    "GET /v1/snapshots": {"params": {"collection": "hr"}},
    "GET /v1/snapshots/1": {"params": {"collection": "hr"}},
    "GET /v1/snapshots/1/diff/2": {"params": {"collection": "hr"}},
    "POST /v1/snapshots/1/rollback": {"json": {"collection": "hr"}},
}
WHOLE_SERVICE = ("GET /v1/prompts", "GET /v1/keys")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ragkit, TestClient]]:
    """The real engine; nothing here gets as far as its models."""
    settings = Settings(home=tmp_path_factory.mktemp("home"), api_keys=("the-first-key",))
    with Ragkit(build(settings)) as kit:
        client = TestClient(create_service(build(settings), settings), base_url="http://kb.example")
        yield kit, client


def operations(client: TestClient) -> dict[str, tuple[Role, ...]]:
    """Method and path of each, with the role that it needs."""
    described = client.get("/openapi.json").json()["paths"]
    return {
        f"{method.upper()} {path}": tuple(role for needed in one.get("security", ()) for role in needed.get("key", ()))
        for path, methods in described.items()
        for method, one in methods.items()
    }


def call(client: TestClient, operation: str, secret: str | None, **sent: Any) -> Any:
    method, path = operation.split()
    for name in ("{a}", "{b}", "{number}"):
        path = path.replace(name, "1")
    path = path.replace("{change}", "pause").replace("{", "").replace("}", "")
    headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
    return client.request(method, path, headers=headers, **sent)


def told(response: Any) -> dict[str, str]:
    """The problem; some routes have one in OpenAI's form, with the hint in its message, and HEAD has no body."""
    if response.request.method == "HEAD":
        return {"code": {401: "unauthenticated", 403: "not_allowed"}[response.status_code], "detail": ""}
    problem: dict[str, Any] = response.json()
    if "error" not in problem:
        return problem
    return problem["error"] | {"detail": problem["error"]["message"], "hint": problem["error"]["message"]}


def key(kit: Ragkit, role: Role, **what: Any) -> str:
    made: NewKey = kit.keys.create(role, role=role, **what)
    return made.secret


def test_every_route_says_which_role_it_needs(service) -> None:
    _, client = service
    found = operations(client)
    assert {operation for operation, roles in found.items() if not roles} == OPEN
    assert all(len(roles) <= 1 for roles in found.values())
    assert {role for roles in found.values() for role in roles} == set(ROLES)


def test_without_a_key_no_route_answers(service) -> None:
    kit, client = service
    new = kit.keys.create("gone")
    kit.keys.revoke(new.key.id)
    for operation in operations(client).keys() - OPEN:
        for secret in (None, "wrong", new.secret, new.key.id):
            response = call(client, operation, secret)
            assert (response.status_code, told(response)["code"]) == (401, "unauthenticated"), operation
            assert response.headers["www-authenticate"] == "Bearer"


def test_with_a_lesser_role_no_route_answers(service) -> None:
    kit, client = service
    secrets = {role: key(kit, role) for role in ROLES}
    for operation, needed in operations(client).items():
        for role in ROLES[: ROLES.index(needed[0])] if needed else ():
            response = call(client, operation, secrets[role])
            assert (response.status_code, told(response)["code"]) == (403, "not_allowed"), (operation, role)
            assert operation.startswith("HEAD ") or repr(needed[0]) in told(response)["detail"]


def test_with_a_key_for_another_collection_no_route_answers(service) -> None:
    kit, client = service
    secret = key(kit, "operator", collections=["shop"])
    for operation, sent in NAMES_A_COLLECTION.items():
        response = call(client, operation, secret, **sent)
        assert (response.status_code, told(response)["code"]) == (403, "not_allowed"), operation
        assert "'hr'" in told(response)["detail"], operation
        assert "'shop'" in told(response)["hint"], operation
    for operation in WHOLE_SERVICE:
        assert call(client, operation, secret).status_code == 403, operation


def test_a_key_with_tags_is_told_nothing_that_is_for_all(service) -> None:
    kit, client = service
    secret = key(kit, "editor", access=["hr"])
    for operation in ("GET /v1/jobs", "GET /v1/jobs/job_1", "GET /v1/snapshots"):
        assert call(client, operation, secret).status_code == 403, operation
    sent: dict[str, Any] = {"files": {"file": ("a.txt", b"x")}}
    assert call(client, "POST /v1/documents", secret, **sent).status_code == 403


def test_what_a_key_does_not_open_is_not_listed(service, tmp_path: Path) -> None:
    kit, client = service
    jobs = {name: kit.documents.upload("a.txt", b"text", collection=name) for name in ("shop", "hr")}
    secret = key(kit, "operator", collections=["shop"])
    listed = call(client, "GET /v1/jobs", secret).json()["jobs"]
    assert [job["id"] for job in listed] == [jobs["shop"].id]
    assert call(client, f"GET /v1/jobs/{jobs['shop'].id}", secret).status_code == 200
    for operation in (f"GET /v1/jobs/{jobs['hr'].id}", f"POST /v1/jobs/{jobs['hr'].id}/cancel"):
        assert call(client, operation, secret).status_code == 404
    sent: dict[str, Any] = {"files": {"file": ("b.txt", b"more")}}
    assert call(client, "POST /v1/documents", secret, **sent).json()["collection"] == "shop", "the only one it opens"


def test_an_admin_makes_and_revokes_keys_over_http(service) -> None:
    _, client = service
    asked = {"name": "page", "role": "reader", "limits": [{"measure": "requests", "most": 2, "per": "day"}]}
    made = call(client, "POST /v1/keys", "the-first-key", json=asked)
    assert made.status_code == 201
    secret, key_id = made.json()["secret"], made.json()["key"]["id"]
    assert secret not in call(client, "GET /v1/keys", "the-first-key").text
    answered = call(client, f"GET /v1/keys/{key_id}/usage", secret)
    assert answered.json()["windows"][-1]["requests"] == 1
    assert answered.headers["ratelimit-limit"] == "2"
    assert answered.headers["ratelimit-remaining"] == "1"
    assert 0 < int(answered.headers["ratelimit-reset"]) <= 86_400
    assert call(client, "GET /v1/keys/rk_other/usage", secret).status_code == 403
    refused = call(client, "GET /v1/collections", secret)
    assert (refused.status_code, refused.json()["code"]) == (429, "over_quota")
    assert 0 < int(refused.headers["retry-after"]) <= 86_400
    assert refused.headers["ratelimit-remaining"] == "0"
    assert refused.headers["ratelimit-limit"] == "2"
    rotated = call(client, f"POST /v1/keys/{key_id}/rotate", "the-first-key", json={}).json()["secret"]
    assert call(client, "GET /v1/collections", secret).status_code == 401
    assert call(client, "GET /v1/collections", rotated).status_code == 429
    assert call(client, f"DELETE /v1/keys/{key_id}", "the-first-key").json()["revoked_at"]
    assert call(client, "GET /v1/collections", rotated).status_code == 401
    assert call(client, "DELETE /v1/keys/rk_nosuch", "the-first-key").status_code == 404


@pytest.mark.parametrize("client", [("203.0.113.9", 4711), ("::ffff:203.0.113.9", 1), ("2001:db8::1", 1)])
def test_a_service_without_keys_answers_no_other_machine(tmp_path: Path, client: tuple[str, int]) -> None:
    settings = Settings(home=tmp_path / "home")
    app = create_service(build(settings), settings)
    told = TestClient(app, base_url="http://127.0.0.1", client=client).get("/v1/collections")
    assert told.status_code == 401
    assert TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 1)).get("/v1/collections").is_success


def test_a_first_key_closes_an_open_service(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    client = TestClient(create_service(build(settings), settings), base_url="http://127.0.0.1")
    made = client.post("/v1/keys", json={"name": "page"}).json()
    assert client.get("/v1/collections").status_code == 401
    assert call(client, "GET /v1/collections", made["secret"]).status_code == 200
