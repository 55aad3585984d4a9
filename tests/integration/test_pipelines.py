"""What a pipeline file says holds for all that comes from its source, also when a part of it is processed again."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit import AsyncRagkit, Ragkit
from ragkit.app import build
from ragkit.types import IngestReport, Job
from tests.documents import archive

PIPELINE = """
source = "../docs"
access = ["staff"]

[parser]
encoding = "koi8-r"

[chunks]
tokens = 40

[filters]
min_characters = 30
"""


@pytest.fixture
def docs(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the pipeline `shop` ingests."""
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "shop.toml").write_text(PIPELINE)
    monkeypatch.setenv("RAGKIT_PIPELINES", str(tmp_path / "pipelines"))
    folder = tmp_path / "docs"
    folder.mkdir()
    return folder


@pytest.fixture
def engine(docs: Path) -> AsyncRagkit:
    return build()


def done(engine: AsyncRagkit, job: Job) -> IngestReport:
    """Do the work of a job as a worker does it."""
    engine.ledger.start(job.id)
    report = engine.run_job(engine.ledger.work(job.id), lambda _: "")
    engine.ledger.finish(job.id, report)
    return report


def test_what_failed_inside_an_archive_is_tried_again(engine: AsyncRagkit, docs: Path) -> None:
    (docs / "a.zip").write_bytes(archive(bad__md="", good__md="The lift carries 800 kg at a time, no more."))
    (docs / "b.md").write_text("The stairs carry whoever walks on them.")
    with Ragkit(engine) as kit:
        job = kit.jobs.start("shop")
        assert [failure.uri for failure in done(engine, job).failed] == ["shop/a.zip!/bad.md"]
        again = done(engine, kit.jobs.retry(job.id))
        assert ([failure.uri for failure in again.failed], again.unchanged) == (["shop/a.zip!/bad.md"], 2)


def test_what_is_released_is_processed_as_its_pipeline_says(engine: AsyncRagkit, docs: Path) -> None:
    (docs / "a.txt").write_bytes("Привет, мир".encode("koi8-r"))
    with Ragkit(engine) as kit:
        assert done(engine, kit.jobs.start("shop")).quarantined == 1
        (held,) = kit.documents.list(state="quarantined")
        assert kit.documents.release(held.id).added == 1
        view = kit.documents.get(held.id)
        assert (view.text, view.document.access) == ("Привет, мир", ("staff",))
        assert done(engine, kit.jobs.start("shop")).unchanged == 1
