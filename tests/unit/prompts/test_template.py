from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.errors import InputError
from ragkit.prompts import render, variables


def test_values_are_put_in() -> None:
    assert render("Q: {{question}} / {{ sources }}", {"question": "why?", "sources": "[1]"}) == "Q: why? / [1]"


def test_variables_are_listed_once_in_order() -> None:
    assert variables("{{b}} {{a}} {{b}}") == ("b", "a")


@given(value=st.text(), other=st.text())
def test_a_value_is_never_expanded(value: str, other: str) -> None:
    """A document that contains `{{question}}` stays what it is."""
    hostile = "{{b}}" + value + "{{a}}"
    assert render("<{{a}}|{{b}}>", {"a": hostile, "b": other}) == f"<{hostile}|{other}>"


@given(st.text(alphabet="{}ab _", max_size=30))
def test_a_template_is_rendered_or_refused_but_never_half_rendered(template: str) -> None:
    try:
        names = variables(template)
    except InputError:
        return
    rendered = render(template, dict.fromkeys(names, "X"))
    assert "{{" not in rendered.replace("X", "")


def test_a_variable_without_a_value_is_named() -> None:
    with pytest.raises(InputError, match="'tone'"):
        render("{{tone}}", {})


def test_a_value_that_the_template_lacks_is_named() -> None:
    with pytest.raises(InputError, match="lacks 'sources'") as caught:
        render("{{question}}", {"question": "", "sources": ""})
    assert "{{sources}}" in str(caught.value.hint)


@pytest.mark.parametrize("template", ["{{", "a {{b c}}", "{{}}", "{{1}}", "\n\n{{a"])
def test_what_looks_like_a_variable_and_is_none_is_refused(template: str) -> None:
    with pytest.raises(InputError, match="not a variable"):
        variables(template)


@pytest.mark.parametrize("template", ["{}", '{"a": {"b": 1}}', "}}", "{ {a} }", "{a}"])
def test_single_braces_are_text(template: str) -> None:
    assert render(template, {}) == template
