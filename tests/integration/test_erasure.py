"""What a deletion takes along, and what it must leave to others."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Thread

import pytest

from ragkit import AsyncRagkit, Ragkit
from ragkit.app import build
from ragkit.errors import Conflict
from ragkit.index.turns import turn
from ragkit.protocols import KeywordEntry
from ragkit.testing.stores import MemoryKeywords
from ragkit.types import Job
from tests.desk import Desk


class Interrupted(MemoryKeywords):
    """Has something happen in another thread as soon as entries are in the index that are not live yet."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], object] | None = None
        self.thread = Thread()

    def update(self, *, add: list[KeywordEntry], delete: list[str]) -> None:
        super().update(add=add, delete=delete)
        if self.meanwhile is not None and add:
            self.thread, self.meanwhile = Thread(target=self.meanwhile), None
            self.thread.start()
            self.thread.join(0.5)  # it waits for its turn; without one it would be done by now


def test_a_deletion_does_not_lose_what_is_about_to_be_live(desk: Desk) -> None:
    keywords = desk.keywords = Interrupted()
    desk.turn = partial(turn, desk.home)
    desk.write("old.md", "The old lift carries 400 kg.")
    desk.run()
    (old,) = desk.catalog.documents(collection="c")
    (desk.folder / "old.md").unlink()
    desk.write("new.md", "The new lift carries 800 kg.")
    keywords.meanwhile = lambda: desk.ingestor().delete(desk.collections.get("c"), [old.id])
    desk.run()
    keywords.thread.join()
    assert set(desk.texts()) == {"s/new.md"}
    assert desk.verify().consistent


@pytest.fixture
def engine(home: Path) -> AsyncRagkit:
    return build()


OLD = b"The old terms say that goods may be returned within thirty days."
OTHER = b"The other terms say that goods may be returned within sixty days."


def ended(engine: AsyncRagkit, job: Job) -> str:
    """Do the work of a job as a worker does it; returns the state that it comes to."""
    engine.ledger.start(job.id)
    report = engine.run_job(engine.ledger.work(job.id), lambda _: "")
    engine.ledger.finish(job.id, report)
    return engine.ledger.get(job.id).state


def document_of(kit: Ragkit, name: str) -> str:
    return next(document.id for document in kit.documents.list() if document.uri == f"upload://{name}")


def test_a_file_stays_for_an_upload_that_waits(engine: AsyncRagkit) -> None:
    with Ragkit(engine) as kit:
        first, second = (kit.documents.upload(name, b"The lift carries 800 kg.") for name in ("a.md", "b.md"))
        kit.jobs.pause(second.id)
        assert ended(engine, first) == "done"
        kit.documents.delete(document_of(kit, "a.md"))
        assert kit.verify().consistent
        kit.jobs.resume(second.id)
        assert ended(engine, second) == "done"
        assert document_of(kit, "b.md")


def test_the_file_of_an_upload_that_broke_off_goes_with_its_document(engine: AsyncRagkit, home: Path) -> None:
    with Ragkit(engine) as kit:
        assert ended(engine, kit.documents.upload("a.md", b"Parcels arrive in three days.")) == "done"
        again = kit.documents.upload("a.md", b"Parcels arrive in four days.")
        engine.ledger.start(again.id)
        engine.ledger.fail(again.id, "It broke off.")
        kit.documents.delete(document_of(kit, "a.md"))
        assert kit.verify().consistent
        assert [file for file in (home / "files").rglob("*") if file.is_file()] == []
        with pytest.raises(Conflict, match="erased with its document"):
            kit.jobs.retry(again.id)


def test_the_file_of_two_equal_uploads_goes_with_their_document(engine: AsyncRagkit, home: Path) -> None:
    with Ragkit(engine) as kit:
        for data, collection in ((OLD, "one"), (OLD, "one"), (OTHER, "two")):
            assert ended(engine, kit.documents.upload("a.md", data, collection=collection)) == "done"
        kit.documents.delete(kit.documents.list(collection="one")[0].id)
        assert [file.read_bytes() for file in (home / "files").rglob("*") if file.is_file()] == [OTHER]


def test_a_refusal_that_names_the_document_is_erased_with_it(engine: AsyncRagkit, home: Path, tmp_path: Path) -> None:
    (tmp_path / "lifts.md").write_text("# The secret lift\n\nThe lift carries 800 kg.")
    with Ragkit(engine) as kit:
        kit.ingest(tmp_path / "lifts.md")
        answer = kit.ask("Who wrote the constitution of Norway?")
        assert answer.abstained
        assert "The secret lift" in answer.answer
        kit.documents.delete(next(document.id for document in kit.documents.list()))
    assert not [file for file in home.rglob("*") if file.is_file() and b"secret lift" in file.read_bytes()]


def test_many_documents_are_erased_in_several_transactions(desk: Desk) -> None:
    for number in range(230):
        desk.write(f"{number}.md", f"Fact {number}.")
    desk.run()
    ids = [document.id for document in desk.catalog.documents(collection="c")]
    assert len(desk.ingestor().delete(desk.collections.get("c"), ids)) == 230
    assert desk.texts() == {}
    assert desk.verify().consistent
