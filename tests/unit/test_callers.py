from __future__ import annotations

import pytest

from ragkit.callers import Caller
from ragkit.errors import InputError


def test_callers_without_a_name_share_what_is_said_with_those_who_carry_the_same_tags() -> None:
    assert Caller.of(("b", "a", "a"), None).name == Caller.of(("a", "b"), None).name
    several = [("a b",), ("a", "b"), (), ("x" * 400,), ("x" * 401,)]
    assert len({Caller.of(tags, None).name for tags in several}) == len(several)
    assert Caller.of(None, None).name is None


@pytest.mark.parametrize("name", ["tags hr", "x" * 301])
def test_a_name_that_stands_for_tags_or_is_too_long_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        Caller.of(("it",), name)
    assert Caller.of(("it",), "x" * 300).name == "x" * 300
