"""For schemathesis, a check: whoever is refused is told why and what to do, under the id that the log has."""

from __future__ import annotations

from typing import Any

import schemathesis

__all__ = ["told"]

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Tell tuples as lists: schemathesis 4.32 turns `prefixItems` into a form of JSON Schema that it then refuses."""
    waiting: list[Any] = [raw_schema]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if "prefixItems" in one:
                one["items"] = {"anyOf": one.pop("prefixItems")}
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


@schemathesis.check
def told(ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case) -> None:
    """Every refusal is a problem (RFC 9457), or OpenAI's form of one, with a hint."""
    if response.status_code < 400 or case.method.upper() == "HEAD":  # which has no body
        return
    kind = response.headers["content-type"][0]
    body = response.json()
    if "error" in body:
        assert kind == "application/json", f"An error in OpenAI's form, sent as {kind}"
        body = body["error"]
        assert body["message"], "An error without a message"
    else:
        assert kind == "application/problem+json", f"A problem, sent as {kind}"
        assert body["status"] == response.status_code, "A problem with the status of another"
        assert body["detail"], "A problem without a detail"
        assert body["hint"], "A problem without a hint"
    assert body["trace_id"] == response.headers["x-trace-id"][0], "Another trace id than that of the reply"
