"""What Prometheus reads."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from ragkit.service.admission import Admission
from ragkit.service.metrics import Metrics

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(http: TestClient) -> Samples:
    response = http.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain")
    families = text_string_to_metric_families(response.text)
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


def of(found: Samples, name: str, **labels: str) -> float:
    return found.get((name, tuple(sorted(labels.items()))), 0.0)


def test_answers_are_counted_by_what_became_of_them(http: TestClient) -> None:
    for question in ("Are gift cards refundable?", "Xylophone?"):
        assert http.post("/v1/ask", json={"question": question, "collection": "shop"}).is_success
    found = samples(http)
    answers = {labels: value for (name, labels), value in found.items() if name == "ragkit_answers_total"}
    assert sum(answers.values()) == 2
    assert {dict(labels)["outcome"] for labels in answers} == {"answered", "no_evidence"}
    assert of(found, "ragkit_verdicts_total", verdict="supported") == 1
    assert of(found, "ragkit_answer_seconds_count") == of(found, "ragkit_first_token_seconds_count") == 2


def test_an_answer_that_fails_is_counted_by_its_error(http: TestClient) -> None:
    assert http.post("/v1/ask", json={"question": "Why?", "collection": "nosuch"}).status_code == 404
    assert of(samples(http), "ragkit_answers_total", outcome="not_found", model="") == 1


def test_requests_are_counted_by_route_and_not_by_path(http: TestClient) -> None:
    for name in ("a", "b"):
        assert http.get(f"/v1/documents/{name}").status_code == 404
        assert http.get(f"/no/such/{name}").status_code == 404
    found = samples(http)
    route = "/v1/documents/{document_id}"
    assert of(found, "ragkit_requests_total", method="GET", route=route, status="404") == 2
    assert of(found, "ragkit_requests_total", method="GET", route="other", status="404") == 2
    assert of(found, "ragkit_request_seconds_count", route=route) == 2


def test_what_the_catalog_holds_is_told_as_it_is_now(http: TestClient) -> None:
    found = samples(http)
    assert of(found, "ragkit_documents", collection="shop") == 2
    assert of(found, "ragkit_chunks", collection="shop") == 2
    assert http.delete("/v1/collections/shop").is_success
    assert ("ragkit_documents", (("collection", "shop"),)) not in samples(http)


def test_no_word_of_a_question_or_a_document_is_told(http: TestClient) -> None:
    http.post("/v1/ask", json={"question": "Are gift cards refundable?", "collection": "shop"})
    text = http.get("/metrics").text.lower()
    assert "gift" not in text
    assert "refundable" not in text


def test_a_reader_who_leaves_is_counted_as_gone() -> None:
    metrics = Metrics(Admission(1, 1))
    with metrics.answer():
        pass
    assert b'ragkit_answers_total{model="",outcome="left"} 1.0' in metrics.exposition(collections=(), jobs=())
