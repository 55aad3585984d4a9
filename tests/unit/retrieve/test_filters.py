"""Reading a list deep enough for what is in scope."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ragkit.retrieve.filters import DEEPEST, within


@given(st.lists(st.booleans(), max_size=6_000), st.integers(1, 60))
def test_what_passes_is_found_in_order_or_the_list_is_too_deep(passes: list[bool], k: int) -> None:
    ranked = [(str(place), -float(place)) for place in range(len(passes))]
    found = within(lambda depth: ranked[:depth], lambda ids: {key for key in ids if passes[int(key)]}, k=k)
    expected = [pair for pair in ranked if passes[int(pair[0])]][:k]
    if found is None:
        assert len([pair for pair in expected if int(pair[0]) < DEEPEST]) < k
    else:
        assert found == expected


def test_a_list_whose_first_entries_pass_is_read_once() -> None:
    depths: list[int] = []

    def search(depth: int) -> list[tuple[str, float]]:
        depths.append(depth)
        return [(str(place), 1.0) for place in range(depth)]

    assert len(within(search, set, k=50) or ()) == 50
    assert len(depths) == 1


def test_a_list_of_which_little_passes_is_read_deeper_by_what_it_held_so_far() -> None:
    depths: list[int] = []

    def search(depth: int) -> list[tuple[str, float]]:
        depths.append(depth)
        return [(str(place), 1.0) for place in range(depth)]

    found = within(search, lambda ids: {key for key in ids if int(key) % 20 == 0}, k=50)
    assert found is not None
    assert len(found) == 50
    assert len(depths) == 2
