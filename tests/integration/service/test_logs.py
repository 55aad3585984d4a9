"""The line that the log has of each request."""

from __future__ import annotations

import io
import json
import logging

from ragkit.service.logs import write_json

KEY = "a-key-that-nobody-else-knows"


def test_a_request_is_one_line_without_what_was_asked_or_sent_as_a_key(open_service, caplog):
    http = open_service(api_keys=(KEY,))
    caplog.set_level(logging.INFO, logger="ragkit.requests")
    sent = http.post("/v1/conversations/secret-id", headers={"Authorization": f"Bearer {KEY}"})
    told = http.get("/v1/answers/secret-id?before=hidden", headers={"Authorization": f"Bearer {KEY}"})
    refused = http.get("/v1/documents")
    records = [record for record in caplog.records if record.name == "ragkit.requests"]
    assert [(one.method, one.route, one.status) for one in records] == [
        ("POST", "/v1/conversations/{conversation_id}", 405),
        ("GET", "/v1/answers/{answer_id}", 422),
        ("GET", "other", 401),
    ]
    assert [one.trace_id for one in records] == [one.headers["x-trace-id"] for one in (sent, told, refused)]
    assert [bool(one.key_id) for one in records] == [True, True, False]
    assert all(one.ms >= 0 for one in records)
    everything = str([vars(one) | {"message": one.getMessage()} for one in records])
    assert not [part for part in (KEY, "secret-id", "hidden") if part in everything]


def test_lines_are_objects_where_machines_read_them():
    root, stream = logging.getLogger(), io.StringIO()
    handler = logging.StreamHandler(stream)
    before = {one: one.formatter for one in root.handlers}
    root.addHandler(handler)
    try:
        write_json()
        logging.getLogger("ragkit.requests").warning("%(method)s done", {"method": "GET"}, extra={"status": 200})
    finally:
        root.removeHandler(handler)
        for one, formatter in before.items():
            one.setFormatter(formatter)
    line = json.loads(stream.getvalue())
    assert line.pop("time")
    assert line == {"level": "WARNING", "logger": "ragkit.requests", "message": "GET done", "status": 200}
