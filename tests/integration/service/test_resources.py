"""Documents, jobs, collections, prompts, health and the documentation page."""

from __future__ import annotations

import re
from dataclasses import replace


def test_an_upload_is_accepted_with_a_job_that_can_be_followed(http):
    response = http.post("/v1/documents", files={"file": ("new.md", b"text")}, data={"collection": "shop"})
    assert response.status_code == 202
    job = response.json()
    assert job["state"] == "queued"
    assert job["uri"] == "upload://new.md"
    followed = http.get(response.headers["location"]).json()
    assert followed["id"] == job["id"]
    assert followed["report"]["added"] == 1
    assert http.get("/v1/jobs").json()["jobs"][0]["id"] == job["id"]


def test_an_upload_without_a_file_or_with_an_empty_one_is_refused(http):
    assert http.post("/v1/documents", data={"collection": "shop"}).status_code == 422
    assert http.post("/v1/documents", files={"file": ("a.md", b"")}).status_code == 422


def test_documents_are_listed_shown_and_erased(http):
    listed = http.get("/v1/documents", params={"collection": "shop"}).json()["documents"]
    assert [document["uri"] for document in listed] == ["upload://cards.md", "upload://lift.md"]
    key = listed[0]["id"]
    assert http.get(f"/v1/documents/{key}").json()["chunks"] == []
    shown = http.get(f"/v1/documents/{key}", params={"chunks": True}).json()
    chunk = shown["chunks"][0]
    assert shown["text"][chunk["start"] : chunk["end"]] == chunk["text"]
    assert http.delete(f"/v1/documents/{key}").json()["uri"] == "upload://cards.md"
    assert http.get(f"/v1/documents/{key}").status_code == 404
    assert http.get("/v1/documents", params={"collection": "nosuch"}).status_code == 404


def test_a_document_is_let_out_of_quarantine_once(http, kit):
    (key, _) = (document["id"] for document in http.get("/v1/documents").json()["documents"])
    view = kit.views[key]
    kit.views[key] = replace(view, document=replace(view.document, state="quarantined", reason="Too short."))
    (held,) = http.get("/v1/documents", params={"state": "quarantined"}).json()["documents"]
    assert (held["id"], held["reason"]) == (key, "Too short.")
    assert http.post(f"/v1/documents/{key}/release").json()["added"] == 1
    again = http.post(f"/v1/documents/{key}/release")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert http.post("/v1/documents/doc_nosuch/release").status_code == 404


def test_collections_are_listed_and_erased(http):
    assert [c["name"] for c in http.get("/v1/collections").json()["collections"]] == ["shop"]
    assert http.delete("/v1/collections/shop").json() == {"documents": 2}
    assert http.delete("/v1/collections/shop").status_code == 404


def test_snapshots_are_listed_shown_compared_and_gone_back_to(http):
    shop = {"collection": "shop"}
    listed = http.get("/v1/snapshots", params=shop).json()["snapshots"]
    assert [(one["number"], one["documents"]) for one in listed] == [(2, 2), (1, 1)]
    (entry,) = http.get("/v1/snapshots/1", params=shop).json()["entries"]
    assert (entry["uri"], entry["kept"]) == ("upload://cards.md", True)
    assert http.get("/v1/snapshots/1/diff/2", params=shop).json()["added"] == ["upload://lift.md"]
    done = http.post("/v1/snapshots/1/rollback", json=shop).json()
    assert (done["snapshot"]["number"], done["withdrawn"]) == (3, 1)
    assert http.get("/v1/snapshots/9", params=shop).status_code == 404
    assert http.get("/v1/snapshots", params={"collection": "nosuch"}).status_code == 404
    assert http.get("/v1/snapshots/0").status_code == 422


def test_prompts_go_from_a_version_to_production_and_back(http):
    made = http.post("/v1/prompts", json={"name": "answer", "template": "{question}", "note": "short"})
    assert made.status_code == 201
    assert made.json()["version"] == 2
    assert http.get("/v1/prompts/answer").json()["version"] == 1
    assert http.post("/v1/prompts/answer/promote", json={"version": 2}).json()["aliases"] == ["production"]
    assert http.get("/v1/prompts/answer", params={"alias": "production"}).json()["version"] == 2
    diff = http.get("/v1/prompts/answer/diff", params={"a": 1, "b": 2}).json()["diff"]
    assert "-{question} {sources}" in diff
    assert http.post("/v1/prompts/answer/rollback", json={}).json()["version"] == 1
    examples = [{"values": {"question": "When?"}, "answer": "Soon [1]."}]
    parts = {"name": "formal", "template": "{question}", "system": "Be brief.", "examples": examples}
    assert http.post("/v1/prompts", json=parts).json().items() >= {"system": "Be brief.", "examples": examples}.items()
    assert len(http.get("/v1/prompts").json()["prompts"]) == 3


def test_conversations_are_listed_shown_branched_and_forgotten(http):
    asked = {"question": "Are gift cards refundable?", "collection": "shop"}
    answer = http.post("/v1/ask", json=asked).json()
    key = answer["conversation_id"]
    assert [one["id"] for one in http.get("/v1/conversations").json()["conversations"]] == [key]
    view = http.get(f"/v1/conversations/{key}").json()
    assert [said["message"]["role"] for said in view["messages"]] == ["user", "assistant"]
    assert http.patch(f"/v1/conversations/{key}", json={"title": "Cards"}).json()["title"] == "Cards"
    assert http.patch(f"/v1/conversations/{key}", json={"title": " "}).status_code == 422
    branch = http.post(f"/v1/conversations/{key}/branch", json={"message_id": view["messages"][1]["id"]})
    assert (branch.status_code, branch.json()["messages"]) == (201, 2)
    body = {"message_id": view["messages"][0]["id"], "question": "What does the lift carry?"}
    assert "800 kg" in http.post(f"/v1/conversations/{key}/edit", json=body).json()["answer"]
    assert len(http.delete(f"/v1/conversations/{key}").json()["branches"]) == 2
    assert http.get(f"/v1/conversations/{key}").status_code == 404
    assert http.get("/v1/conversations", params={"limit": 501}).status_code == 422


def test_answers_are_listed_shown_asked_again_and_compared(http):
    asked = {"question": "Are gift cards refundable?", "collection": "shop"}
    key = http.post("/v1/ask", json=asked).json()["trace_id"]
    (listed,) = http.get("/v1/answers").json()["answers"]
    assert (listed["id"], listed["prompt"]) == (key, "answer@1")
    assert http.get(f"/v1/answers/{key}").json()["question"] == asked["question"]
    again = http.post(f"/v1/answers/{key}/replay", json={"prompt": "answer@1"}).json()
    assert again["trace"]["replay_of"] == key
    assert http.get(f"/v1/answers/{key}/diff/{again['trace']['id']}").json()["text"] == ""
    assert http.post(f"/v1/answers/{key}/replay", json={"temperature": 1}).status_code == 422
    assert http.get("/v1/answers/nosuch").status_code == 404


def test_lists_come_in_pages(http):
    def pages(path, field, place, cursor, **of):
        found, start = [], {}
        while page := http.get(path, params=of | {"limit": 1} | start).json()[field]:
            assert len(page) == 1
            found.append(place(page[0]))
            start = {cursor: found[-1]}
        assert found == [place(one) for one in http.get(path, params=of).json()[field]]
        return found

    for number in range(2):
        http.post("/v1/prompts", json={"name": "answer", "template": f"{number} {{{{question}}}} {{{{sources}}}}"})
        made = http.post("/v1/keys", json={"name": f"page {number}", "role": "admin"}).json()
        http.headers["Authorization"] = f"Bearer {made['secret']}"
    documents = pages("/v1/documents", "documents", lambda one: f"{one['collection']}/{one['uri']}", "after")
    assert documents == ["shop/upload://cards.md", "shop/upload://lift.md"]
    assert len(pages("/v1/jobs", "jobs", lambda one: one["id"], "before")) == 2
    assert len(pages("/v1/keys", "keys", lambda one: one["id"], "before")) == 2
    assert len(pages("/v1/prompts", "prompts", lambda one: f"{one['name']}@{one['version']}", "after")) == 3
    snapshots = pages("/v1/snapshots", "snapshots", lambda one: str(one["number"]), "before", collection="shop")
    assert snapshots == ["2", "1"]
    assert http.get("/v1/keys", params={"before": "nosuch"}).status_code == 404
    assert http.get("/v1/documents", params={"limit": 501}).status_code == 422


def test_readiness_tells_the_truth_about_each_part(http, kit, open_service):
    assert http.get("/readyz").json() == {"ready": True, "parts": {"catalog": "ok", "vectors": "ok", "model": "ok"}}
    kit.parts["vectors"] = "Chroma does not answer."
    assert http.get("/readyz").status_code == 200, "what was seen stands for a moment"
    response = open_service().get("/readyz")
    assert response.status_code == 503
    assert response.json()["parts"]["vectors"] == "Chroma does not answer."
    assert http.get("/healthz").json() == {"status": "ok"}


def test_the_documentation_page_fetches_nothing_from_elsewhere(http):
    page = http.get("/docs").text
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert addresses
    for address in addresses:
        assert address.startswith("/")
        assert http.get(address).status_code == 200
    assert "://" not in page
    assert '"validatorUrl": null' in page


def test_the_description_names_every_address(http):
    paths = http.get("/openapi.json").json()["paths"]
    assert {"/v1/ask", "/v1/search", "/v1/documents", "/v1/jobs/{job_id}", "/readyz"} <= paths.keys()


def test_the_description_tells_errors_as_they_are_sent(http):
    described = http.get("/openapi.json").json()
    schemas = described["components"]["schemas"]
    assert not [name for name in schemas if "HTTPValidation" in name or "__" in name]
    tags = {tag["name"] for tag in described["tags"]}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            assert set(operation["tags"]) <= tags, path
            if "security" not in operation or operation["tags"] == ["openai"]:
                continue
            assert [list(way) for way in operation["security"]] == [["key"], ["header"]]
            assert {"401", "403", "422", "429", "507"} <= operation["responses"].keys(), (method, path)
            for status in ("401", "422"):
                (media, told) = next(iter(operation["responses"][status]["content"].items()))
                assert (media, told["schema"]) == ("application/problem+json", {"$ref": "#/components/schemas/Problem"})
    sent = http.post("/v1/search", json={})
    assert sent.json().keys() == schemas["Problem"]["properties"].keys()
    assert sent.headers["content-type"] == "application/problem+json"
