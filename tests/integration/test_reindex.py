"""Another generation is built while the live one answers; nothing that happens meanwhile is lost."""

from __future__ import annotations

import pytest

from ragkit.errors import Conflict
from ragkit.index.generations import Generation
from ragkit.index.rebuilding import Generations
from ragkit.index.token_signs import TokenSigns
from ragkit.ingest.pipelines import ChunkProfile
from ragkit.ingest.reindex import Reindexer
from ragkit.retrieve.dense import DenseSearch
from ragkit.retrieve.pipeline import Retriever
from ragkit.testing.embed import HashedEmbedder
from ragkit.types import Hit
from tests.desk import Desk

SMALLER = ChunkProfile(tokens=32)


def text(word: str) -> str:
    rules = "\n\n".join(
        f"## Rule {n}\n\nThe {word} of day {n} is told to the office in room {n * 7}." for n in range(6)
    )
    return f"# About {word}\n\nAll that is known of the {word}.\n\n{rules}\n"


@pytest.fixture
def filled(desk: Desk) -> Desk:
    for word in ("apple", "pear", "plum"):
        desk.write(f"{word}.md", text(word))
    desk.run()
    return desk


def reindexer(desk: Desk) -> Reindexer:
    return desk.ingestor().reindexer()


def live(desk: Desk) -> Generation:
    return desk.collections.get("c")


def chunks(desk: Desk) -> dict[str, tuple[str, ...]]:
    """The passages of each document, each where its offsets say."""
    found = {}
    for document in desk.catalog.documents(collection="c"):
        view = desk.catalog.view(document.id, with_chunks=True)
        assert all(view.text[chunk.start : chunk.end] == chunk.text for chunk in view.chunks)
        found[document.uri] = tuple(f"{chunk.heading}: {chunk.text}" for chunk in view.chunks)
    return found


def check_stores(desk: Desk) -> None:
    """The indexes of the live generation hold its chunks and nothing else."""
    vectors, keywords = desk.stores(live(desk))
    assert vectors.ids() == keywords.ids() == set(desk.catalog.live_chunks(live(desk)))
    assert desk.verify().consistent


def search(desk: Desk, query: str) -> tuple[Hit, ...]:
    retriever = Retriever(
        collections=desk.collections,
        catalog=desk.catalog,
        dense=DenseSearch(
            embedder=lambda generation: desk.models[generation.spec.id],
            catalog=desk.catalog,
            vectors=lambda generation: desk.stores(generation)[0],
        ),
        keywords=lambda generation: desk.stores(generation)[1],
        reranker=None,
    )
    try:
        return retriever.search(query, collection="c", k=3).hits
    finally:
        retriever.close()


def test_documents_are_cut_anew_from_their_texts_and_back_again(filled: Desk) -> None:
    before = chunks(filled)
    for name in ("apple", "pear", "plum"):
        (filled.folder / f"{name}.md").unlink()  # no source is needed
    done = reindexer(filled).run("c", chunks=SMALLER)
    assert (done.generation, done.before, done.documents, done.chunking) == (2, 1, 3, "32/0/structure")
    after = chunks(filled)
    assert all(len(after[uri]) > len(before[uri]) for uri in before)
    assert any("Rule 3" in passage for passage in after["s/apple.md"])
    check_stores(filled)
    assert search(filled, "plum of day 3")[0].uri == "s/plum.md"
    back = reindexer(filled).roll_back("c")
    assert (back.generation, back.documents, back.embedded) == (1, 0, 0)
    assert chunks(filled) == before
    check_stores(filled)
    assert search(filled, "plum of day 3")[0].uri == "s/plum.md"


def test_another_embedder_makes_another_space_and_the_setting_does_not_undo_it(filled: Desk) -> None:
    before = chunks(filled)
    model = HashedEmbedder(dimension=64)
    filled.models[model.spec.id] = model
    done = reindexer(filled).run("c", embedder=model)
    assert done.embedded == sum(map(len, before.values()))
    assert live(filled).spec == model.spec
    assert chunks(filled) == before
    filled.write("new.md", text("fig"))
    report = filled.run()
    assert (report.added, report.unchanged) == (1, 3)
    check_stores(filled)
    assert search(filled, "fig of day 2")[0].uri == "s/new.md"
    back = reindexer(filled).roll_back("c")
    assert back.documents == 1
    assert chunks(filled).keys() == before.keys() | {"s/new.md"}
    check_stores(filled)
    again = reindexer(filled).roll_back("c")  # forward again
    assert (again.generation, again.documents, again.embedded) == (2, 0, 0)


def test_a_file_name_is_not_embedded_also_one_that_the_file_had_before(filled: Desk) -> None:
    filled.write("notes.txt", "The office in room 7 keeps the keys.")
    filled.run()
    (filled.folder / "notes.txt").rename(filled.folder / "keys.txt")
    assert filled.run().moved == 1
    assert reindexer(filled).run("c").embedded == 0


def test_an_embedder_that_reads_less_than_the_passages_is_refused(filled: Desk) -> None:
    reindexer(filled).run("c", chunks=ChunkProfile(tokens=100))
    with pytest.raises(Conflict, match="reads 120 tokens") as caught:
        reindexer(filled).run("c", embedder=HashedEmbedder(dimension=64, max_tokens=120))
    assert "86/0/structure" in (caught.value.hint or "")


def test_the_same_profile_holds_for_what_is_ingested_later(filled: Desk) -> None:
    reindexer(filled).run("c", chunks=SMALLER)
    assert filled.run().unchanged == 3
    filled.write("apple.md", text("cherry"))
    assert filled.run().updated == 1
    assert len(chunks(filled)["s/apple.md"]) == len(chunks(filled)["s/pear.md"])
    check_stores(filled)


def test_what_changes_during_the_build_is_in_the_new_generation(filled: Desk) -> None:
    def meanwhile(done: int, found: int) -> None:
        if done == 1 and "late.md" not in {path.name for path in filled.folder.iterdir()}:
            filled.write("late.md", text("quince"))
            filled.write("apple.md", text("melon"))
            (filled.folder / "plum.md").unlink()
            filled.run(prune=True, force=True)

    done = reindexer(filled).run("c", chunks=SMALLER, on_progress=meanwhile)
    assert done.documents >= 4
    texts = filled.texts()
    assert set(texts) == {"s/apple.md", "s/pear.md", "s/late.md"}
    assert "melon" in texts["s/apple.md"]
    assert {chunk.count("plum") for passages in chunks(filled).values() for chunk in passages} == {0}
    check_stores(filled)


def test_a_run_that_is_under_way_at_the_switch_goes_on_in_the_new_generation(filled: Desk) -> None:
    for n in range(70):
        filled.write(f"more{n:02}.md", text(f"fruit{n}"))
    switched = []

    def meanwhile(_: object) -> None:
        if not switched:
            switched.append(reindexer(filled).run("c", chunks=SMALLER))

    report = filled.run(on_progress=meanwhile)
    assert switched
    assert (report.found, report.added, report.unchanged) == (73, 70, 3)
    assert len(filled.texts()) == 73
    assert live(filled).number == 2
    check_stores(filled)


def test_a_build_that_was_broken_off_goes_on(filled: Desk) -> None:
    class Killed(BaseException):
        pass

    for n in range(300):
        filled.write(f"more{n:03}.md", f"Page {n} says {n}.")
    filled.run()

    def stop(done: int, found: int) -> None:
        if done == 150:
            raise Killed

    with pytest.raises(Killed):
        reindexer(filled).run("c", chunks=SMALLER, on_progress=stop)
    assert live(filled).number == 1
    assert filled.verify().consistent
    done = reindexer(filled).run("c", chunks=SMALLER)
    assert done.generation == 2
    assert done.documents < 303
    assert len(filled.texts()) == 303
    check_stores(filled)


def test_deleted_means_gone_from_every_generation(filled: Desk) -> None:
    reindexer(filled).run("c", chunks=SMALLER)
    (pear,) = [document for document in filled.catalog.documents(collection="c") if "pear" in document.uri]
    filled.ingestor().delete(live(filled), [pear.id])
    with filled.database.read() as connection:
        for table in ("chunks", "versions"):
            found = connection.exec_driver_sql(f"SELECT count(*) FROM {table} WHERE text LIKE '%pear%'")
            assert found.scalar() == 0, table
    for generation in Generations(filled.database).all(live(filled).collection_id):
        vectors, keywords = filled.stores(generation)
        assert vectors.ids() == keywords.ids() == set(filled.catalog.live_chunks(generation))
    reindexer(filled).roll_back("c")
    assert set(filled.texts()) == {"s/apple.md", "s/plum.md"}
    check_stores(filled)


def test_a_snapshot_of_another_generation_can_be_gone_back_to(filled: Desk) -> None:
    number = filled.snapshots.list(live(filled))[0].number
    reindexer(filled).run("c", chunks=SMALLER)
    filled.write("apple.md", text("melon"))
    filled.run()
    back = filled.ingestor().roll_back("c", number)
    assert back.restored == 1
    assert "apple" in filled.texts()["s/apple.md"]
    assert len(chunks(filled)["s/apple.md"]) == len(chunks(filled)["s/pear.md"])
    check_stores(filled)


def test_a_generation_that_finds_less_does_not_answer_unless_it_is_forced(filled: Desk) -> None:
    def quality(generation: Generation) -> float:
        return 0.9 if generation.number == 1 else 0.7

    with pytest.raises(Conflict, match=r"0\.700 instead of 0\.900"):
        reindexer(filled).run("c", chunks=SMALLER, quality=quality)
    assert live(filled).number == 1
    done = reindexer(filled).run("c", chunks=SMALLER, quality=quality, force=True)
    assert (done.documents, done.quality_before, done.quality) == (0, 0.9, 0.7)
    assert live(filled).number == 2


def test_of_two_reindexes_the_later_wins_and_the_other_says_so(filled: Desk) -> None:
    model = HashedEmbedder(dimension=64)
    filled.models[model.spec.id] = model

    def other_begins(built: int, found: int) -> None:
        if built == 1:
            reindexer(filled).run("c", chunks=SMALLER)

    filled.write("more.md", text("cherry") * 40)  # in a batch of its own
    filled.run()
    with pytest.raises(Conflict):
        reindexer(filled).run("c", embedder=model, on_progress=other_begins)
    assert live(filled).chunking is not None
    check_stores(filled)


def test_nothing_to_go_back_to_is_said(filled: Desk) -> None:
    with pytest.raises(Conflict, match="no earlier generation"):
        reindexer(filled).roll_back("c")


def test_what_the_reranker_compares_is_made_as_documents_come_in_and_by_a_reindex(filled: Desk) -> None:
    signs = TokenSigns(filled.database)

    def stored() -> set[str]:
        return set(signs.get(list(filled.catalog.live_chunks(live(filled)))))

    assert stored() == set()
    before = set(filled.catalog.live_chunks(live(filled)))
    filled.signs = signs
    filled.write("new.md", text("fig"))
    filled.run()
    assert stored() == set(filled.catalog.live_chunks(live(filled))) - before != set()
    reindexer(filled).run("c")
    assert stored() == set(filled.catalog.live_chunks(live(filled)))
