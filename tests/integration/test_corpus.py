"""What a corpus goes through: renames, archives, quarantine, snapshots, deletions."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from ragkit.errors import Conflict
from ragkit.index.ledger import Ledger
from ragkit.ingest.quality import QualityPolicy
from ragkit.ingest.sources import Root, discover
from tests.desk import Desk

CANARY = "xylophonist"


def _zip(**members: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/") + ".md", text)
    return data.getvalue()


def _ids(desk: Desk) -> dict[str, str]:
    return {document.uri: document.id for document in desk.catalog.documents(collection="c")}


def test_a_renamed_file_is_the_same_document_and_embeds_nothing(desk: Desk) -> None:
    desk.write("a.md", "# Title\n\nOne fact.")
    desk.run()
    before = _ids(desk)["s/a.md"]
    (desk.folder / "a.md").rename(desk.folder / "b.md")
    report = desk.run()
    assert (report.found, report.moved, report.added, report.embedded) == (1, 1, 0, 0)
    assert _ids(desk) == {"s/b.md": before}
    assert desk.verify().consistent


def test_a_renamed_archive_takes_its_documents_along(desk: Desk) -> None:
    desk.write("a.zip", _zip(one="One fact.", two="Two facts."))
    desk.run()
    (desk.folder / "a.zip").rename(desk.folder / "b.zip")
    report = desk.run(prune=True)
    assert (report.moved, report.deleted, report.embedded) == (3, 0, 0)
    assert set(desk.texts()) == {"s/b.zip", "s/b.zip!/one.md", "s/b.zip!/two.md"}


def test_what_is_in_an_archive_is_a_document_of_its_own(desk: Desk) -> None:
    desk.write("a.zip", _zip(one="One fact.", sub__two="Two facts."))
    report = desk.run()
    assert (report.found, report.added) == (3, 3)
    assert desk.texts() == {"s/a.zip": "", "s/a.zip!/one.md": "One fact.", "s/a.zip!/sub/two.md": "Two facts."}
    again = desk.run()
    assert (again.found, again.unchanged, again.embedded) == (3, 3, 0)


def test_what_an_archive_holds_no_more_is_gone(desk: Desk) -> None:
    desk.write("a.zip", _zip(one="One fact.", two="Two facts."))
    desk.run()
    desk.write("a.zip", _zip(two="Two facts."))
    report = desk.run()
    assert (report.updated, report.unchanged, report.deleted) == (1, 1, 1)
    assert set(desk.texts()) == {"s/a.zip", "s/a.zip!/two.md"}
    assert desk.verify().consistent


def test_an_archive_with_one_bad_file_is_unchanged_and_the_file_is_tried_again(desk: Desk) -> None:
    desk.write("a.zip", _zip(bad="", one="One fact."))
    first = desk.run()
    assert (first.added, len(first.failed)) == (2, 1)
    again = desk.run()
    assert (again.found, again.unchanged, again.updated, len(again.failed)) == (3, 2, 0, 1)
    assert len(desk.snapshots.list(desk.collections.get("c"))) == 1


def test_an_archive_that_is_as_it_was_before_has_its_documents_again(desk: Desk) -> None:
    desk.write("a.zip", _zip(one="One fact.", two="Two facts."))
    desk.run()
    desk.write("a.zip", _zip(two="Two facts."))
    desk.run()
    desk.write("a.zip", _zip(one="One fact.", two="Two facts."))
    desk.run()
    assert set(desk.texts()) == {"s/a.zip", "s/a.zip!/one.md", "s/a.zip!/two.md"}


def test_a_file_that_takes_the_place_of_one_that_failed_answers(desk: Desk) -> None:
    desk.write("a.md", "One fact.")
    desk.write("b.md", "")
    desk.run()
    (desk.folder / "a.md").rename(desk.folder / "b.md")
    desk.run()
    desk.run(prune=True, force=True)
    assert desk.texts() == {"s/b.md": "One fact."}
    assert desk.verify().consistent


def test_the_access_of_a_source_reaches_what_is_in_archives_and_what_fails_now(desk: Desk) -> None:
    desk.write("a.zip", _zip(one="One fact."))
    desk.write("b.md", "Two facts.")
    desk.run()
    desk.write("b.md", "x" * 100_001)
    assert desk.run(access=("staff",)).failed
    known = Ledger(desk.database).known(desk.collections.get("c"))
    assert {uri: there.access for uri, there in known.items()} == dict.fromkeys(
        ("s/a.zip", "s/a.zip!/one.md", "s/b.md"), ("staff",)
    )


def test_what_goes_back_to_an_earlier_text_is_not_parsed_or_embedded_again(desk: Desk) -> None:
    desk.write("a.md", "The first text.")
    desk.run()
    desk.write("a.md", "The second text.")
    desk.run()
    desk.write("a.md", "The first text.")
    report = desk.run()
    assert (report.updated, report.embedded) == (1, 0)
    assert desk.texts() == {"s/a.md": "The first text."}
    assert desk.verify().consistent


def test_prune_refuses_when_much_has_vanished_unless_forced(desk: Desk) -> None:
    for n in range(4):
        desk.write(f"{n}.md", f"Fact number {n}.")
    desk.run()
    (desk.folder / "0.md").unlink()
    with pytest.raises(Conflict, match="1 of the 4"):
        desk.run(prune=True)
    assert len(desk.texts()) == 4
    assert desk.run(prune=True, force=True).deleted == 1
    assert len(desk.texts()) == 3


def test_what_was_ingested_before_a_refused_prune_has_its_snapshot(desk: Desk) -> None:
    for n in range(4):
        desk.write(f"{n}.md", f"Fact number {n}.")
    desk.run()
    (desk.folder / "0.md").unlink()
    desk.write("5.md", "A new fact.")
    with pytest.raises(Conflict, match="1 of the 4"):
        desk.run(prune=True)
    newest, *_ = desk.snapshots.list(desk.collections.get("c"))
    assert newest.documents == 5


def test_a_dry_run_counts_and_changes_nothing(desk: Desk) -> None:
    desk.write("a.md", "Stays.")
    desk.write("b.md", "Old.")
    desk.run()
    desk.write("b.md", "New.")
    desk.write("c.md", "Added.")
    seen: list[tuple[str, str]] = []
    report = desk.run(dry_run=True, on_progress=lambda p: seen.append((p.uri, p.outcome)))
    assert (report.added, report.updated, report.unchanged) == (1, 1, 1)
    assert seen == [("s/a.md", "unchanged"), ("s/b.md", "updated"), ("s/c.md", "added")]
    assert desk.texts() == {"s/a.md": "Stays.", "s/b.md": "Old."}


def test_a_filtered_document_waits_in_quarantine_until_it_is_released(desk: Desk) -> None:
    strict = QualityPolicy(min_characters=50)
    desk.write("a.md", "Too short.")
    report = desk.run(filters=strict)
    assert (report.found, report.quarantined, report.added) == (1, 1, 0)
    assert report.quarantined_files[0].uri == "s/a.md"
    (document,) = desk.catalog.documents(collection="c", state="quarantined")
    assert document.reason
    assert desk.run(filters=strict).quarantined == 1
    released = desk.ingestor(strict).release(document.id)
    assert (released.added, desk.texts()) == (1, {"s/a.md": "Too short."})
    assert desk.run(filters=strict).unchanged == 1
    assert desk.verify().consistent


def test_an_update_in_quarantine_leaves_the_old_text_answering(desk: Desk) -> None:
    strict = QualityPolicy(min_characters=15)
    desk.write("a.md", "This text is long enough.")
    desk.run(filters=strict)
    desk.write("a.md", "Short.")
    assert desk.run(filters=strict).quarantined == 1
    assert desk.texts() == {"s/a.md": "This text is long enough."}
    desk.write("a.md", "This text is long enough.")
    assert desk.run(filters=strict).unchanged == 1
    (document,) = desk.catalog.documents(collection="c")
    assert (document.state, document.reason) == ("live", None)


def test_what_has_nothing_to_do_with_the_collection_waits_in_quarantine(desk: Desk) -> None:
    picky = QualityPolicy(min_characters=1, max_outlier=3.5)
    for n in range(20):
        desk.write(f"{n}.md", f"The gateway in rack {n} forwards parcels from dock {n % 3} to dock {n % 7}.")
    assert desk.run(filters=picky).added == 20
    desk.write("cake.md", "Whisk butter with sugar until fluffy, fold flour under it, bake one hour.")
    desk.write("20.md", "The gateway in rack 20 forwards parcels from dock 2 to dock 6.")
    report = desk.run(filters=picky)
    assert (report.added, report.quarantined) == (1, 1)
    (cake,) = desk.catalog.documents(collection="c", state="quarantined")
    assert cake.uri == "s/cake.md"
    assert cake.reason
    assert "deviations" in cake.reason
    assert desk.run(filters=picky).quarantined == 1
    assert desk.ingestor(picky).release(cake.id).added == 1
    assert "s/cake.md" in desk.texts()
    assert desk.verify().consistent


def test_every_step_of_a_document_is_recorded(desk: Desk) -> None:
    desk.write("a.md", "One fact.")
    desk.run()
    (attempt,) = desk.catalog.view(_ids(desk)["s/a.md"]).attempts
    steps = [step for step, _ in attempt.steps]
    assert steps == ["found", "parsed", "checked", "chunked", "embedded", "indexed", "live"]
    assert [at for _, at in attempt.steps] == sorted(at for _, at in attempt.steps)
    assert (attempt.outcome, attempt.parser.partition("/")[0]) == ("live", "markdown")


def test_a_document_names_those_that_say_nearly_the_same(desk: Desk) -> None:
    text = " ".join(f"Fact {n} is about the gateway." for n in range(60))
    desk.write("a.md", text)
    desk.write("b.md", f"{text} One more.")
    desk.write("c.md", "Something else altogether, about parcels and their delivery.")
    desk.run()
    ids = _ids(desk)
    assert desk.catalog.view(ids["s/a.md"]).near_duplicates == ("s/b.md",)
    assert desk.catalog.view(ids["s/c.md"]).near_duplicates == ()
    items = discover([Root(path=desk.folder, prefix="s/")])
    desk.ingestor().run("other", items)
    assert desk.catalog.view(ids["s/a.md"]).near_duplicates == ("s/b.md",)


def test_a_rollback_brings_the_earlier_texts_back_without_embedding(desk: Desk) -> None:
    desk.write("a.md", "The first text.")
    desk.write("b.md", "Stays.")
    desk.run()
    desk.write("a.md", "The second text.")
    desk.write("c.md", "Added later.")
    desk.run()
    generation = desk.collections.get("c")
    changed = desk.snapshots.diff(generation, 1, 2)
    assert (changed.added, changed.changed, changed.removed) == (("s/c.md",), ("s/a.md",), ())
    rollback = desk.ingestor().roll_back("c", 1)
    assert (rollback.restored, rollback.withdrawn, rollback.deleted) == (1, 1, ())
    assert desk.texts() == {"s/a.md": "The first text.", "s/b.md": "Stays."}
    first, *_, third = reversed(desk.snapshots.list(generation))
    assert first.sha256 == third.sha256
    assert desk.verify().consistent
    assert desk.run().embedded == 0
    assert desk.texts()["s/a.md"] == "The second text."


def test_a_rollback_leaves_deleted_what_was_deleted_and_names_it(desk: Desk) -> None:
    desk.write("a.md", "The first text.")
    desk.write("b.md", "Secret.")
    desk.run()
    desk.ingestor().delete(desk.collections.get("c"), [_ids(desk)["s/b.md"]])
    rollback = desk.ingestor().roll_back("c", 1)
    assert rollback.deleted == ("s/b.md",)
    assert set(desk.texts()) == {"s/a.md"}


def test_a_rollback_to_what_has_expired_is_refused(desk: Desk) -> None:
    desk.retention = timedelta(0)
    desk.write("a.md", "The first text.")
    desk.run()
    desk.write("a.md", "The second text.")
    desk.run()
    desk.run()
    with pytest.raises(Conflict, match="retention"):
        desk.ingestor().roll_back("c", 1)
    assert desk.texts() == {"s/a.md": "The second text."}


def test_a_run_that_changes_nothing_makes_no_snapshot(desk: Desk) -> None:
    desk.write("a.md", "One fact.")
    desk.run()
    desk.run()
    assert len(desk.snapshots.list(desk.collections.get("c"))) == 1


def test_no_byte_of_a_deleted_text_is_left_on_disk(desk: Desk) -> None:
    desk.write("a.md", f"The {CANARY} plays.")
    desk.write("b.md", "Stays.")
    desk.run()
    desk.write("a.md", f"The {CANARY} plays again.")
    desk.run()
    assert _files_with(desk.home, desk.folder)
    desk.ingestor().delete(desk.collections.get("c"), [_ids(desk)["s/a.md"]])
    assert _files_with(desk.home, desk.folder) == []
    (erased,) = [e for e in desk.snapshots.show(desk.collections.get("c"), 1) if e.erased_at]
    assert (erased.uri, erased.kept) == ("s/a.md", False)


def test_no_byte_of_a_deleted_text_that_was_in_quarantine_is_left_on_disk(desk: Desk) -> None:
    strict = QualityPolicy(min_characters=100)
    desk.write("a.md", f"The {CANARY} plays.")
    desk.run(filters=strict)
    (document,) = desk.catalog.documents(collection="c", state="quarantined")
    desk.ingestor(strict).release(document.id)
    desk.ingestor().delete(desk.collections.get("c"), [document.id])
    assert _files_with(desk.home, desk.folder) == []


def _files_with(home: Path, leave_out: Path) -> list[Path]:
    files = [path for path in home.rglob("*") if path.is_file() and leave_out not in path.parents]
    return [path for path in files if CANARY.encode() in path.read_bytes()]
