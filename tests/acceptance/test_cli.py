"""The command line as an operator meets it: what it prints, where, and how it ends."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import typer

from benchmarks.harness import new_home
from ragkit.cli.options import filters_of
from tests.running import RAGKIT, free_port, ok, ragkit


@pytest.fixture(scope="module")
def parcels(tmp_path_factory: pytest.TempPathFactory, models: Path) -> str:
    """A `RAGKIT_HOME` with one document in it, for commands that change none."""
    folder = tmp_path_factory.mktemp("parcels")
    home = str(new_home(folder / "var", models))
    (folder / "one.txt").write_text("Parcels arrive in three days.")
    ok("ingest", str(folder / "one.txt"), RAGKIT_HOME=home)
    return home


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "refunds.md").write_text(
        "# Refunds\n\nCustomers may return goods within 30 days of delivery.\n\n"
        "## Exceptions\n\nGift cards are not refundable. Opened software is refunded only when it is faulty.\n"
    )
    (folder / "shipping.txt").write_text("Shipping\n\nStandard parcels arrive in three working days.\n")
    return folder


def test_the_main_job_from_files_to_a_cited_answer(docs: Path) -> None:
    report = ok("ingest", str(docs))
    assert (report["found"], report["added"], report["failed"]) == (2, 2, [])
    answer = ok("ask", "Are gift cards refundable?")
    citation = answer["citations"][0]
    assert "not refundable" in citation["quote"]
    assert citation["supported"] is True
    assert citation["verdict"] == "supported"
    view = ok("documents", "show", citation["document_id"], "--chunks")
    assert view["text"][citation["start"] : citation["end"]] == citation["quote"]
    span = ragkit("documents", "show", citation["document_id"], "--span", f"{citation['start']}:{citation['end']}")
    assert span.stdout.rstrip("\n") == citation["quote"]
    hits = ok("search", "how long do parcels take", "-k", "1")["hits"]
    assert hits[0]["uri"].endswith("shipping.txt")


def test_what_is_not_in_the_documents_is_refused(parcels: str) -> None:
    answer = ok("ask", "Who won the football world cup in 2018?", RAGKIT_HOME=parcels)
    assert (answer["abstained"], answer["citations"]) == (True, [])
    assert answer["reason"]


def test_pipelines_run_without_arguments(docs: Path, tmp_path: Path) -> None:
    pipelines = tmp_path / "ingest" / "pipelines"
    pipelines.mkdir(parents=True)
    (pipelines / "shop.toml").write_text('source = "../../docs"\ncollection = "shop"\nprune = true\n')
    assert ok("ingest")["added"] == 2
    uris = [document["uri"] for document in ok("documents", "list", "-c", "shop")["documents"]]
    assert uris == ["shop/refunds.md", "shop/shipping.txt"]
    (docs / "refunds.md").unlink()
    report = ok("ingest", "--force")
    assert (report["deleted"], report["unchanged"]) == (1, 1)


def test_an_empty_inbox_is_no_error(tmp_path: Path) -> None:
    pipelines = tmp_path / "ingest" / "pipelines"
    pipelines.mkdir(parents=True)
    (tmp_path / "ingest" / "inbox").mkdir()
    (pipelines / "inbox.toml").write_text('source = "../inbox"\n')
    assert ok("ingest")["found"] == 0


def test_prompts_are_versioned_promoted_and_rolled_back(tmp_path: Path) -> None:
    template = tmp_path / "answer.txt"
    template.write_text("Answer from these sources only.\n{{sources}}\nQuestion: {{question}}\n")
    created = ok("prompts", "create", "answer", str(template), "--note", "shorter")
    assert (created["version"], created["aliases"]) == (2, [])
    assert ok("prompts", "show", "answer")["version"] == 1
    assert ok("prompts", "promote", "answer", "2")["aliases"] == ["production"]
    assert ok("prompts", "show", "answer")["version"] == 2
    assert "+Answer from these sources only." in ragkit("prompts", "diff", "answer", "1", "2").stdout
    assert ok("prompts", "rollback", "answer")["version"] == 1
    assert {prompt["name"] for prompt in ok("prompts", "list")["prompts"]} == {"answer", "condense", "repair"}


def test_strict_makes_a_failed_file_an_exit_code(docs: Path) -> None:
    (docs / "empty.md").write_text("")
    done = ragkit("ingest", str(docs), "--strict")
    assert done.returncode == 1
    assert "empty.md" in done.stdout
    assert ragkit("ingest", str(docs)).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ingest", "nowhere"], "nowhere"),
        (["ingest", "emptyfolder"], "nothing to ingest"),
        (["ingest"], "no pipeline file"),
        (["search", "x", "-c", "nosuch"], "nosuch"),
        (["ask", "x", "-c", "nosuch"], "nosuch"),
        (["ask", " "], "empty"),
        (["ask", "x", "--prompt", "nosuch"], "nosuch"),
        (["ask", "x", "--prompt", "answer@nosuch"], "nosuch"),
        (["documents", "show", "doc_nosuch"], "doc_nosuch"),
        (["documents", "delete", "doc_nosuch"], "doc_nosuch"),
        (["collections", "delete", "nosuch", "--yes"], "nosuch"),
        (["jobs", "show", "job_nosuch"], "job_nosuch"),
        (["documents", "release", "doc_nosuch"], "doc_nosuch"),
        (["snapshots", "rollback", "1", "-c", "nosuch"], "nosuch"),
        (["prompts", "promote", "answer", "99"], "99"),
        (["prompts", "create", "answer", "nofile.txt"], "nofile.txt"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_1(
    tmp_path: Path, parcels: str, arguments: list[str], said: str
) -> None:
    (tmp_path / "emptyfolder").mkdir()
    _assert_refused(ragkit(*arguments, RAGKIT_HOME=parcels), said)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"RAGKIT_PORT": "many"}, "RAGKIT_PORT"),
        ({"RAGKIT_CHUNK_OVERLAP": "200"}, "RAGKIT_CHUNK_OVERLAP cannot be '200': it is more than half"),
        ({"RAGKIT_EMBEDDER": "nobody/nothing"}, "nobody/nothing"),
        ({"RAGKIT_LLM": "gpt"}, "RAGKIT_LLM"),
        ({"RAGKIT_LLM": "openai:gpt-4o-mini"}, "OPENAI_API_KEY"),
        ({"RAGKIT_LLM": "nosuchprovider:x"}, "nosuchprovider"),
        ({"RAGKIT_DATABASE_URL": "somewhere"}, "RAGKIT_DATABASE_URL"),
    ],
)
def test_a_wrong_setting_is_named(parcels: str, variables: dict[str, str], said: str) -> None:
    _assert_refused(ragkit("ask", "When do parcels arrive?", RAGKIT_HOME=parcels, **variables), said)


def test_without_its_provider_an_answer_is_quoted_and_says_so(parcels: str) -> None:
    nobody = {"RAGKIT_LLM_BASE_URL": f"http://127.0.0.1:{free_port()}/v1", "RAGKIT_LLM_API_KEY": "k-1"}
    done = ragkit("ask", "When do parcels arrive?", RAGKIT_HOME=parcels, RAGKIT_LLM="openai:any", **nobody)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Parcels arrive in three days. [1]")
    assert "Written by extractive: 'openai:any' failed" in done.stdout
    assert "Traceback" not in done.stderr
    assert "k-1" not in done.stderr + done.stdout


def test_an_unreachable_service_is_one_sentence() -> None:
    _assert_refused(ragkit("search", "x", RAGKIT_URL=f"http://127.0.0.1:{free_port()}"), "ragkit serve")


def test_a_damaged_catalog_is_one_sentence(home: Path, tmp_path: Path) -> None:
    (home / "ragkit.db").write_bytes(b"not a database at all" * 500)
    _assert_refused(ragkit("search", "x"), "not a database")


def test_a_home_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    # A file in the way, because root may write to a read-only folder.
    (tmp_path / "file").write_text("")
    _assert_refused(ragkit("search", "x", RAGKIT_HOME=str(tmp_path / "file" / "var")), "RAGKIT_HOME")


def test_a_full_disk_loses_nothing(docs: Path, home: Path) -> None:
    ok("ingest", str(docs))
    parts = "\n\n".join(f"Part {n} has a warranty of two years, and pump {n * 7} of {n % 5}." for n in range(2000))
    (docs / "new.md").write_text(f"---\nlanguage: en\n---\n\n# Warranty\n\n{parts}\n")
    # No file may grow beyond the catalog's present size: as on a full disk, a write fails in the middle.
    limit = (home / "ragkit.db").stat().st_size // 1024
    script = f"trap '' XFSZ; ulimit -f {limit}; exec {RAGKIT} ingest {docs}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=250, check=False)
    _assert_refused(done, "")
    assert ok("verify", "--repair")["consistent"] is True
    assert ok("documents", "list")["documents"]
    assert ok("ingest", str(docs))["failed"] == []
    assert "two years" in ok("search", "how long is the warranty", "-k", "1")["hits"][0]["text"]


@pytest.mark.parametrize("arguments", [["search"], ["nonsense"], ["search", "x", "-k", "0"], ["ask", "x", "--nope"]])
def test_wrong_usage_is_exit_code_2(arguments: list[str]) -> None:
    done = ragkit(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["verify"], ["reindex"], ["ingest", "--force"]])
def test_what_no_service_offers_is_not_done_elsewhere_instead(arguments: list[str]) -> None:
    _assert_refused(ragkit(*arguments, RAGKIT_URL="http://127.0.0.1:1"), "the local engine, and RAGKIT_URL")


@pytest.mark.parametrize("conditions", [["kind=x", "kind=y"], ["date>=2026-01", "date>=2026-05"], ["uri^=a", "uri^=b"]])
def test_two_conditions_that_cannot_both_hold_are_refused(conditions: list[str]) -> None:
    with pytest.raises(typer.BadParameter, match="asked for twice"):
        filters_of(conditions)


def _assert_refused(done: subprocess.CompletedProcess[str], said: str) -> None:
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert "error: " in done.stderr
    assert said in done.stderr
