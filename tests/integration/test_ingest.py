"""The write path over a real catalog, with stand-ins for the model, Chroma and tantivy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from ragkit.errors import Conflict, NotFound, StorageError
from ragkit.index.erasure import Eraser
from ragkit.index.ledger import Ledger
from ragkit.ingest.quality import QualityPolicy
from ragkit.ingest.report import Progress
from ragkit.ingest.sources import Item
from ragkit.protocols import KeywordEntry
from ragkit.testing.embed import HashedEmbedder
from ragkit.testing.stores import MemoryKeywords, MemoryVectors
from tests.desk import Desk

BROKEN = b"%PDF-1.7\nthis is not a pdf\n"


class FullDisk(MemoryKeywords):
    """A keyword index that cannot be written."""

    def update(self, *, add: Sequence[KeywordEntry], delete: Sequence[str]) -> None:
        raise StorageError("The disk is full.")


class Interrupted(MemoryKeywords):
    """A keyword index during whose first update something else happens."""

    def __init__(self, event: Callable[[], object]) -> None:
        super().__init__()
        self._event: Callable[[], object] | None = event

    def update(self, *, add: Sequence[KeywordEntry], delete: Sequence[str]) -> None:
        super().update(add=add, delete=delete)
        event, self._event = self._event, None
        if event is not None:
            event()


class Embedding(HashedEmbedder):
    """An embedder during whose next call something else happens."""

    event: Callable[[], object] | None = None

    def embed_documents(self, texts: Sequence[str]) -> np.ndarray:
        event, self.event = self.event, None
        if event is not None:
            event()
        return super().embed_documents(texts)


class Stopping(MemoryVectors):
    """A vector store whose process ends before it takes anything out."""

    def delete(self, ids: Sequence[str]) -> None:
        if ids:
            raise StorageError("The machine stopped.")


def test_documents_of_a_folder_become_live_with_exact_offsets(desk: Desk) -> None:
    desk.write("a.md", "# Refunds\n\nGoods may be returned within 30 days.\n\n## Exceptions\n\nGift cards are final.\n")
    desk.write("sub/b.txt", "Parcels arrive in three working days.")
    report = desk.run()
    assert (report.found, report.added, len(report.failed)) == (2, 2, 0)
    for document in desk.catalog.documents(collection="c"):
        view = desk.catalog.view(document.id, with_chunks=True)
        assert view.chunks
        assert all(view.text[chunk.start : chunk.end] == chunk.text for chunk in view.chunks)
    assert desk.verify().consistent


def test_a_second_run_parses_and_embeds_nothing(desk: Desk) -> None:
    desk.write("a.md", "One fact.")
    first = desk.run()
    again = desk.run()
    assert first.embedded == first.chunks > 0
    assert (again.found, again.unchanged, again.chunks, again.embedded) == (1, 1, 0, 0)


def test_reingesting_an_edited_file_answers_from_the_new_text(desk: Desk) -> None:
    desk.write("a.md", "Parcels arrive in three days.")
    desk.run()
    desk.write("a.md", "Parcels arrive in five days.")
    report = desk.run()
    assert (report.updated, report.added) == (1, 0)
    assert desk.texts() == {"s/a.md": "Parcels arrive in five days."}
    assert desk.verify().consistent


def test_two_files_with_equal_text_are_two_documents_and_one_embedding(desk: Desk) -> None:
    desk.write("a.md", "The same words.")
    desk.write("b.md", "The same words.")
    report = desk.run()
    assert (report.added, report.chunks, report.embedded) == (2, 2, 1)
    assert set(desk.texts()) == {"s/a.md", "s/b.md"}


def test_editing_one_of_two_equal_files_leaves_the_other(desk: Desk) -> None:
    desk.write("a.md", "The same words.")
    desk.write("b.md", "The same words.")
    desk.run()
    desk.write("a.md", "Other words.")
    desk.run()
    assert desk.texts() == {"s/a.md": "Other words.", "s/b.md": "The same words."}
    assert desk.verify().consistent


def test_a_bad_file_is_named_with_its_reason_and_the_run_goes_on(desk: Desk) -> None:
    desk.write("empty.md", "")
    desk.write("broken.pdf", BROKEN)
    desk.write("big.txt", "x" * 100_001)
    desk.write("good.txt", "A good file.")
    report = desk.run()
    assert (report.found, report.added, len(report.failed)) == (4, 1, 3)
    assert {failure.uri: failure.code for failure in report.failed} == {
        "s/empty.md": "parse_failed",
        "s/broken.pdf": "parse_failed",
        "s/big.txt": "too_large",
    }
    failed = desk.catalog.documents(collection="c", state="failed")
    assert {document.uri for document in failed} == {failure.uri for failure in report.failed}
    assert all(document.reason for document in failed)


def test_a_kind_that_no_parser_reads_is_skipped_by_name(desk: Desk) -> None:
    desk.write("tool.exe", b"MZ" + bytes(range(256)))
    report = desk.run()
    assert (report.found, report.skipped, len(report.failed)) == (1, 1, 0)
    assert report.skipped_files[0].uri == "s/tool.exe"


def test_a_failed_update_leaves_the_old_version_answering(desk: Desk) -> None:
    desk.write("a.md", "The old text.")
    desk.run()
    desk.write("a.md", "")
    report = desk.run()
    assert len(report.failed) == 1
    assert desk.texts() == {"s/a.md": "The old text."}
    desk.write("a.md", "The new text.")
    assert desk.run().updated == 1
    assert desk.texts() == {"s/a.md": "The new text."}


def test_prune_removes_what_vanished_everywhere(desk: Desk) -> None:
    desk.write("a.md", "Stays.")
    desk.write("b.md", "Goes away.")
    desk.run()
    (desk.folder / "b.md").unlink()
    assert desk.run().deleted == 0
    assert desk.run(prune=True, force=True).deleted == 1
    assert set(desk.texts()) == {"s/a.md"}
    assert len(desk.vectors.ids()) == len(desk.keywords.ids()) == 1
    assert desk.verify().consistent


def test_a_run_that_broke_off_is_finished_by_the_next(desk: Desk) -> None:
    desk.write("a.md", "One fact.")
    whole, desk.keywords = desk.keywords, FullDisk()
    with pytest.raises(StorageError):
        desk.run()
    assert desk.texts() == {}
    desk.keywords = whole
    assert desk.run().added == 1
    assert desk.texts() == {"s/a.md": "One fact."}
    assert desk.verify().consistent


def test_another_chunk_size_processes_again_without_new_versions_of_the_bytes(desk: Desk) -> None:
    desk.write("a.md", " ".join(f"Sentence number {n} says a little." for n in range(60)))
    first = desk.run()
    desk.max_tokens = 30
    again = desk.run()
    assert again.updated == 1
    assert again.chunks > first.chunks
    assert desk.verify().consistent


def test_another_embedder_is_refused_before_anything_is_read(desk: Desk) -> None:
    desk.write("a.md", "One fact.")
    desk.run()
    desk.embedder = HashedEmbedder(64)
    with pytest.raises(Conflict, match="built with"):
        desk.run()


def test_progress_is_counted_to_the_end(desk: Desk) -> None:
    for n in range(5):
        desk.write(f"{n}.md", f"Fact number {n}.")
    desk.write("bad.md", "")
    seen: list[Progress] = []
    desk.run(on_progress=seen.append)
    assert [progress.done for progress in seen] == [1, 2, 3, 4, 5, 6]
    assert (seen[-1].found, seen[-1].failed) == (6, 1)


def test_a_deleted_document_is_gone_with_a_receipt(desk: Desk) -> None:
    desk.write("a.md", "One fact.")
    desk.run()
    (document,) = desk.catalog.documents(collection="c")
    generation = desk.collections.get("c")
    (receipt,) = desk.ingestor().delete(generation, [document.id])
    assert (receipt.uri, receipt.chunks) == ("s/a.md", 1)
    assert desk.texts() == {}
    assert desk.catalog.live_chunks(generation) == {}
    assert desk.vectors.ids() == desk.keywords.ids() == set()
    with desk.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM vectors").scalar() == 0


def test_a_language_that_the_embedder_does_not_know_is_said_once(desk: Desk) -> None:
    desk.languages = frozenset({"en"})
    desk.write("a.txt", "Die Erstattung der Reisekosten dauert zehn Tage, wenn alle Belege vorliegen.")
    desk.write("b.txt", "Der Antrag ist schriftlich bei der Verwaltung einzureichen.")
    desk.write("c.txt", "The refund of travel costs takes ten days when all receipts are there.")

    (warning,) = desk.run().warnings

    assert warning.startswith("2 documents are in the language 'de'")
    assert "RAGKIT_EMBEDDER" in warning
    assert desk.run().warnings == ()


def _erase(desk: Desk, uri: str) -> None:
    """What deletes a document in another process, before it makes the indexes anew."""
    generation = desk.collections.get("c")
    Eraser(desk.database).remove(generation, [Ledger(desk.database).known(generation)[uri].document_id])


def test_a_document_that_is_deleted_while_it_is_indexed_stays_deleted(desk: Desk) -> None:
    desk.write("a.md", "Goes away.")
    desk.write("b.md", "Stays.")
    desk.keywords = Interrupted(lambda: _erase(desk, "s/a.md"))
    report = desk.run()
    assert (report.added, len(report.failed)) == (1, 0)
    assert desk.texts() == {"s/b.md": "Stays."}
    desk.ingestor().purge(desk.collections.get("c"))
    assert desk.verify().consistent


def test_a_document_that_is_deleted_before_it_is_indexed_does_not_stop_the_run(desk: Desk) -> None:
    desk.write("a.md", "Goes away.")
    desk.write("b.md", "Stays.")
    desk.write("z.pdf", BROKEN)
    report = desk.run(on_progress=lambda p: _erase(desk, "s/a.md") if p.uri == "s/z.pdf" else None)
    assert (report.added, len(report.failed)) == (1, 1)
    assert desk.texts() == {"s/b.md": "Stays."}


def test_a_document_that_is_deleted_before_its_failure_is_recorded_does_not_stop_the_run(desk: Desk) -> None:
    desk.write("a.pdf", BROKEN)
    desk.write("b.md", "Stays.")
    report = desk.run(on_progress=lambda p: _erase(desk, "s/a.pdf") if p.uri == "s/a.pdf" else None)
    assert (report.added, len(report.failed)) == (1, 1)
    assert {document.uri for document in desk.catalog.documents(collection="c")} == {"s/b.md"}


def test_a_document_that_is_deleted_meanwhile_is_not_moved(desk: Desk) -> None:
    desk.write("a.md", "One fact.")
    desk.run()
    assert not Ledger(desk.database).move(desk.collections.get("c"), "doc_that_was", "s/b.md")


def test_what_a_run_that_broke_off_had_retired_is_removed_by_the_next(desk: Desk) -> None:
    desk.write("a.md", "The first text.")
    desk.run()
    desk.write("a.md", "The second text.")
    whole, desk.vectors = desk.vectors, Stopping()
    desk.vectors._vectors = whole._vectors
    with pytest.raises(StorageError):
        desk.run()
    desk.vectors = whole
    assert (len(desk.vectors.ids()), len(desk.keywords.ids())) == (2, 2)
    assert desk.run().unchanged == 1
    assert (len(desk.vectors.ids()), len(desk.keywords.ids())) == (1, 1)
    assert desk.verify().consistent


def test_a_file_that_vanishes_before_it_is_held_back_fails_alone(desk: Desk) -> None:
    desk.write("a.md", "Too short.")
    desk.write("b.md", "Long enough to be let through the filters of this test.")
    asked = []

    def fetch() -> None:
        asked.append(1)
        if len(asked) > 1:
            raise NotFound("It is not there any more.")

    gone = Item(uri="s/a.md", path=desk.folder / "a.md", name="a.md", fetch=fetch)
    stays = Item(uri="s/b.md", path=desk.folder / "b.md", name="b.md")
    report = desk.ingestor(QualityPolicy(min_characters=30)).run("c", [gone, stays])
    assert (report.added, report.quarantined) == (1, 0)
    assert [failure.code for failure in report.failed] == ["not_found"]


def test_a_document_that_is_deleted_while_one_with_its_words_is_embedded(desk: Desk) -> None:
    embedder = Embedding()
    desk.models[embedder.spec.id] = embedder
    desk.max_tokens = 12
    said = "Goods may be returned within thirty days of the sale."
    desk.write("old.md", said)
    desk.run()
    desk.write("new.md", f"{said}\n\nA parcel takes three working days to arrive there.")
    embedder.event = lambda: _erase(desk, "s/old.md")

    report = desk.run()

    assert (report.added, report.failed) == (1, ())
    assert "s/new.md" in desk.texts()
    desk.run()  # takes what was erased out of the indexes
    assert desk.verify().consistent


def test_a_collection_that_is_deleted_while_it_is_ingested_into_stays_deleted(desk: Desk) -> None:
    embedder = Embedding()
    desk.models[embedder.spec.id] = embedder
    desk.write("a.md", "Goods may be returned within thirty days of the sale.")
    embedder.event = lambda: desk.collections.delete("c")
    with pytest.raises(NotFound, match="deleted meanwhile"):
        desk.run()
    assert desk.collections.list() == ()
