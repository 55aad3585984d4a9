"""schemathesis over the OpenAPI description of a running service: every route, with a key and without.

The description says what a route takes and answers; requests are made from it, right ones and wrong ones, and each
reply is held against it. Most ids and names in them are of things that are there, made anew for each part of the API,
because requests delete them.

python -m benchmarks.openapi [--examples 200] [--seed 1] [--keep DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.harness import BIN, environment, new_home, record
from ragkit.client import Client

KEY = "the-first-key"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
    "use_after_free",
    "ensure_resource_availability",
    "told",
)
"""All but two. `positive_data_acceptance` cannot hold: a prompt can be no template, and an alias and a version exclude
each other, which no schema says. `object_level_authorization` wants two users' logins; tests/integration/test_access.py
has what becomes of two keys. `told` is ours: `benchmarks.sides.refusals`."""
KNOWN = 0.8
"""Of the ids and names in requests, how many are of what there is."""
FACTS = ("Gift cards are not refundable.", "The goods lift carries 800 kg.", "Invoices are paid within 30 days.")
EVERYTHING, KEYLESS = "all, in chains", "all, without a key"


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=200, help="of each route and phase, at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder for the reports; a part that is there is not run again")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        reports = (given.keep or Path(name) / "reports").resolve()
        reports.mkdir(exist_ok=True)
        with serving(new_home(Path(name) / "home")) as url:
            results = {part: kept(part, url, reports, given) for part in (*tags(url), EVERYTHING, KEYLESS)}
    whole = {
        "routes": results[KEYLESS]["routes"],
        "requests": sum(one["requests"] for one in results.values()),
        "answered": _sum(one["answered"] for one in results.values()),
        "findings": _sum(one["findings"] for one in results.values()),
        "parts": results,
    }
    record("openapi", parameters={"examples": given.examples, "seed": given.seed, "checks": CHECKS}, results=whole)
    if whole["findings"]:
        raise SystemExit("Something does not hold.")


def kept(part: str, url: str, reports: Path, given: argparse.Namespace) -> dict[str, Any]:
    """What a part came to, now or in an earlier run that was broken off."""
    file = reports / f"{re.sub(r'[^a-z]+', '-', part)}.done"
    if not file.exists():
        file.write_text(json.dumps(run(part, url, file.with_suffix(".json"), given)), encoding="utf-8")
    result: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return result


def _sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    return dict(sorted(sum(map(Counter, counts), Counter()).items()))


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """The service with its worker; the address of it."""
    command = [BIN / "ragkit", "serve", "--port", "0"]
    env = environment(home) | {"RAGKIT_API_KEYS": KEY, "RAGKIT_PIPELINES": str(home)}
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    log: list[str] = []
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.search(r"http://[\d.]+:\d+", line):
                break
        else:
            raise SystemExit("The service did not start.")
        yield found[0]
    finally:
        process.terminate()
        log += process.stderr or ()
        process.wait()
        if any("Traceback" in line for line in log):
            print("".join(log))


def tags(url: str) -> list[str]:
    """The parts of the API."""
    with urllib.request.urlopen(f"{url}/openapi.json") as reply:
        described = json.load(reply)
    return [tag["name"] for tag in described["tags"]]


def run(part: str, url: str, report: Path, given: argparse.Namespace) -> dict[str, Any]:
    """One run of schemathesis, and what it found."""
    config = report.with_suffix(".toml")
    config.write_text(configuration(part, things(url)), encoding="utf-8")
    command = [
        *(BIN / "schemathesis", "--config-file", config, "run", f"{url}/openapi.json", "--checks", ",".join(CHECKS)),
        *("--max-examples", str(given.examples), "--seed", str(given.seed), "--generation-database", "none"),
        *(
            "--suppress-health-check",
            "all",
            "--report",
            "json",
            "--report-json-path",
            report,
            "--continue-on-failure",
            "--no-color",
        ),
        *([] if part == KEYLESS else ["--header", f"Authorization: Bearer {KEY}"]),
        *(
            ["--phases", "stateful", "--max-time", "100"]
            if part == EVERYTHING
            else ["--phases", "examples,coverage,fuzzing"]
        ),
        *([] if part in (EVERYTHING, KEYLESS) else ["--include-tag", part]),
    ]
    env = os.environ | {"PYTHONPATH": PATH}
    before, began = answered(url), time.perf_counter()
    with report.with_suffix(".txt").open("w") as log:
        subprocess.run(command, stdout=log, stderr=log, check=False, cwd=report.parent, env=env)
    told = json.loads(report.read_text(encoding="utf-8"))
    found = Counter({one["title"]: one["count"] for one in (*told["failures"], *told["errors"])})
    if not told["complete"]:
        found["The run was cut short"] += 1
    return {
        "routes": told["operations"]["tested"],
        "requests": told["test_cases"]["generated"],
        "seconds": round(time.perf_counter() - began, 1),
        "answered": dict(Counter(answered(url)) - Counter(before)),
        "findings": dict(found),
    }


PATH = os.pathsep.join([str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH", "")])


def things(url: str) -> dict[str, list[str | int]]:
    """What there is for requests to name, some of each kind."""
    with Client(url, api_key=KEY) as client, tempfile.TemporaryDirectory() as name:
        for number, fact in enumerate(FACTS * 3):
            (Path(name) / f"{number}-{time.monotonic_ns()}.md").write_text(f"# Rule {number}\n\n{fact}\n")
        client.ingest(name, collection="kb")
        answers = [client.ask(fact, collection="kb") for fact in FACTS]
        said = [client.conversations.show(one.conversation_id) for one in answers if one.conversation_id]
        given = [client.feedback.give(one.trace_id, "up") for one in answers]
        made = client.prompts.create("answer", "Answer {{ question }} from {{ sources }}.")
        client.prompts.promote("answer", made.version)
        keys = [client.keys.create("somebody").key for _ in FACTS]
        return {
            "document": [one.id for one in client.documents.list(collection="kb")],
            "collection": ["kb"],
            "model": ["ragkit/kb"],
            "answer": [one.trace_id for one in answers],
            "conversation": [one.conversation.id for one in said],
            "message": [message.id for one in said for message in one.messages],
            "feedback": [one.id for one in given],
            "prompt": ["answer"],
            "version": [made.version, made.version - 1],
            "alias": ["production"],
            "key": [one.id for one in keys],
            "job": [one.id for one in client.jobs.list()],
            "snapshot": [one.number for one in client.snapshots.list("kb")],
        }


NAMES: Mapping[str, Mapping[str, str]] = {
    "": {
        "path.document_id": "document",
        "path.conversation_id": "conversation",
        "path.answer_id": "answer",
        "path.trace_id": "answer",
        "path.key_id": "key",
        "path.job_id": "job",
        "path.feedback_id": "feedback",
        "path.number": "snapshot",
        "query.collection": "collection",
        "body.collection": "collection",
    },
    "ask": {"body.conversation_id": "conversation"},
    "openai": {"path.model": "model", "body.model": "model"},
    "conversations": {"body.message_id": "message", "query.before": "conversation"},
    "answers": {"path.a": "answer", "path.b": "answer", "query.before": "answer"},
    "feedback": {"body.answer_id": "answer", "query.answer_id": "answer"},
    "prompts": {"path.name": "prompt", "body.version": "version", "query.a": "version", "query.b": "version"},
    "collections": {"path.name": "collection"},
    "snapshots": {"path.a": "snapshot", "path.b": "snapshot"},
}
"""Where a name of each kind stands: in every part of the API, and in some."""


def configuration(part: str, known: Mapping[str, list[str | int]]) -> str:
    """The settings of schemathesis that no option has."""
    names = {**NAMES[""], **NAMES.get(part, {})}
    lines = ['hooks = "benchmarks.sides.refusals"', "[parameters]"]
    lines += [f'"{at}" = {{ dictionary = "{kind}", probability = {KNOWN} }}' for at, kind in names.items()]
    for kind, values in known.items():
        lines += [f"[dictionaries.{kind}]", f"values = {json.dumps(values)}"]
    # A revoked key is gone from service; what it has used is still told.
    # Resumable uploads refuse with 412, as their protocol says.
    lines += [
        "[checks.negative_data_rejection]",
        "expected-statuses = [400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 429]",
    ]
    lines += ["[[operations]]", 'include-path = "/v1/keys/{key_id}/usage"', "checks.use_after_free.enabled = false"]
    return "\n".join(lines) + "\n"


def answered(url: str) -> dict[str, int]:
    """How often each status was answered, as the service has counted."""
    request = urllib.request.Request(f"{url}/metrics", headers={"Authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request) as reply:
        text = reply.read().decode()
    counts: Counter[str] = Counter()
    for status, count in re.findall(r'^ragkit_requests_total\{.*status="(\d+)"\} (\S+)$', text, re.MULTILINE):
        counts[status] += int(float(count))
    return dict(sorted(counts.items()))


if __name__ == "__main__":
    main()
