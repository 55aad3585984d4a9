from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.errors import Conflict
from ragkit.ingest.prune import check, vanished

URIS = st.sets(st.builds("{}/{}".format, st.sampled_from(["s", "s2", "t"]), st.text("ab/", min_size=1, max_size=3)))


def test_only_what_is_below_the_roots_vanishes() -> None:
    known = ["s/a.md", "s/sub/b.md", "s2/c.md", "upload://s/a.md"]
    assert vanished(known, {"s/a.md"}, ["s/"]) == ["s/sub/b.md"]


def test_the_root_that_is_a_file_does_not_cover_its_neighbour_with_a_longer_name() -> None:
    known = ["file:///d/report.pdf", "file:///d/report.pdf.txt"]
    assert vanished(known, set(), ["file:///d/report.pdf"]) == ["file:///d/report.pdf"]


@given(URIS, URIS)
def test_what_was_found_or_lies_elsewhere_never_vanishes(known: set[str], found: set[str]) -> None:
    gone = vanished(known, found, ["s/"])
    assert set(gone) == {uri for uri in known - found if uri.startswith("s/")}
    assert gone == sorted(gone)


@pytest.mark.parametrize(("gone", "known"), [(0, 0), (0, 3), (1, 5), (20, 100)])
def test_up_to_a_fifth_may_vanish(gone: int, known: int) -> None:
    check(gone, known, force=False)


@pytest.mark.parametrize(("gone", "known"), [(1, 1), (1, 4), (21, 100), (5000, 5000)])
def test_an_unmounted_share_does_not_erase_a_corpus(gone: int, known: int) -> None:
    with pytest.raises(Conflict, match=f"{gone:,} of the {known:,}") as caught:
        check(gone, known, force=False)
    assert "--force" in (caught.value.hint or "")
    check(gone, known, force=True)


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_the_limit_is_exactly_a_fifth(gone: int, known: int) -> None:
    refused = False
    try:
        check(gone, known, force=False)
    except Conflict:
        refused = True
    assert refused == (gone > known / 5)
