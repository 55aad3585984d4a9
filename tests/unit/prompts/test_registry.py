from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from ragkit.errors import Conflict, InputError, NotFound
from ragkit.prompts import PromptRegistry, parse_reference
from ragkit.prompts.registry import VARIABLES
from ragkit.store.engine import Database
from ragkit.types import Example

TEMPLATE = "{{sources}}\nAnswer: {{question}}"


@pytest.fixture
def database(home: Path) -> Iterator[Database]:
    database = Database.open(f"sqlite:///{home / 'ragkit.db'}")
    yield database
    database.close()


@pytest.fixture
def registry(database: Database) -> PromptRegistry:
    return PromptRegistry(database)


def test_the_shipped_prompts_are_version_1_in_production(registry: PromptRegistry) -> None:
    shipped = registry.list()
    assert [(p.name, p.version, p.aliases) for p in shipped] == [
        ("answer", 1, ("production",)),
        ("condense", 1, ("production",)),
        ("repair", 1, ("production",)),
    ]
    assert all(set(p.variables) == set(VARIABLES[p.name]) for p in shipped)
    assert all(p.created_at.tzinfo == UTC for p in shipped)


def test_opening_again_adds_nothing(registry: PromptRegistry, database: Database) -> None:
    registry.create("answer", TEMPLATE)
    registry.promote("answer", 2)
    PromptRegistry(database)
    assert registry.show("answer").version == 2
    assert len(registry.list()) == len(VARIABLES) + 1


def test_two_processes_that_open_at_once_seed_once(home: Path) -> None:
    program = (
        "import sys; from ragkit.store.engine import Database; from ragkit.prompts import PromptRegistry;"
        "print(len(PromptRegistry(Database.open(sys.argv[1])).list()))"
    )
    arguments = [sys.executable, "-c", program, f"sqlite:///{home / 'two.db'}"]
    processes = [subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0].strip() for process in processes] == [str(len(VARIABLES))] * 2


def test_a_new_text_is_a_new_version_that_is_not_in_production(registry: PromptRegistry) -> None:
    created = registry.create("answer", TEMPLATE, note="shorter")
    assert (created.version, created.aliases, created.note) == (2, (), "shorter")
    assert registry.show("answer").version == 1


def test_the_same_text_is_the_same_version(registry: PromptRegistry) -> None:
    assert registry.create("answer", TEMPLATE) == registry.create("answer", TEMPLATE, note="again")


def test_the_first_version_of_a_new_name_is_in_production(registry: PromptRegistry) -> None:
    registry.create("formal", TEMPLATE)
    assert registry.resolve("formal").aliases == ("production",)


def test_promote_and_rollback_move_the_alias(registry: PromptRegistry) -> None:
    registry.create("answer", TEMPLATE)
    assert registry.promote("answer", 2).aliases == ("production",)
    assert registry.rollback("answer").version == 1
    assert registry.show("answer").version == 1
    assert registry.rollback("answer").version == 2


def test_promoting_what_is_in_production_changes_nothing(registry: PromptRegistry) -> None:
    registry.promote("answer", 1)
    with pytest.raises(Conflict, match="only ever pointed at version 1"):
        registry.rollback("answer")


def test_aliases_of_ones_own(registry: PromptRegistry) -> None:
    registry.create("answer", TEMPLATE)
    registry.promote("answer", 2, alias="canary")
    assert registry.resolve("answer@canary").version == 2
    assert registry.resolve("answer@2").aliases == ("canary",)
    assert registry.resolve("answer").version == 1


@pytest.mark.parametrize(
    ("reference", "named"),
    [
        ("nothing", "answer, condense, repair"),
        ("answer@staging", "production"),
        ("answer@7", "no version 7; it has 1"),
        ("answer@99999999999999999999999", "no version"),
    ],
)
def test_what_is_not_there_names_what_is(registry: PromptRegistry, reference: str, named: str) -> None:
    with pytest.raises(NotFound, match=named):
        registry.resolve(reference)


@pytest.mark.parametrize("reference", ["", "@", "a@", "A b", "answer@pro duction", "answer@@1", "answer@²", "1"])
def test_a_malformed_reference_is_refused(reference: str) -> None:
    with pytest.raises(InputError, match="does not name a prompt"):
        parse_reference(reference)


@pytest.mark.parametrize("template", ["{{question}}", "{{sources}} {{question}} {{tone}}", "", "{{sources}} {{"])
def test_an_answer_prompt_must_use_its_variables(registry: PromptRegistry, template: str) -> None:
    with pytest.raises(InputError):
        registry.create("answer", template)
    assert len(registry.list()) == len(VARIABLES)


@pytest.mark.parametrize("name", ["", "Answer", "a b", "a@b", "1a", "x" * 101])
def test_a_name_that_a_reference_could_not_hold_is_refused(registry: PromptRegistry, name: str) -> None:
    with pytest.raises(InputError, match="cannot be called"):
        registry.create(name, TEMPLATE)


def test_a_prompt_that_cannot_stand_in_for_another_is_refused(registry: PromptRegistry) -> None:
    registry.create("greeting", "Hello {{name}}")
    with pytest.raises(InputError, match="'name'"):
        registry.resolve("greeting", like="answer")


def test_a_diff_names_both_versions(registry: PromptRegistry) -> None:
    registry.create("formal", "{{sources}}\nold\n{{question}}")
    registry.create("formal", "{{sources}}\nnew\n{{question}}")
    assert registry.diff("formal", 1, 2).splitlines() == [
        "--- formal@1", "+++ formal@2", "@@ -1,3 +1,3 @@", " {{sources}}", "-old", "+new", " {{question}}",
    ]  # fmt: skip
    assert registry.diff("formal", 1, 1) == ""


def test_versions_created_at_once_are_all_kept(registry: PromptRegistry) -> None:
    threads = [threading.Thread(target=registry.create, args=("answer", f"{TEMPLATE} {number}")) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [p.version for p in registry.list() if p.name == "answer"] == list(range(1, 10))


def example(answer: str = "Within 30 days [1].", **values: str) -> Example:
    return Example(values={"sources": "Refunds take 30 days.", "question": "How long?", **values}, answer=answer)


def test_a_prompt_has_a_system_part_and_examples_as_turns(registry: PromptRegistry) -> None:
    made = registry.create("formal", TEMPLATE, system="Be brief.", examples=[example(), example("NO_ANSWER")])
    assert registry.resolve("formal") == made
    sent = registry.messages(made, {"sources": "{{question}}", "question": "When?"})
    assert [(one.role, one.text) for one in sent] == [
        ("system", "Be brief."),
        ("user", "Refunds take 30 days.\nAnswer: How long?"),
        ("assistant", "Within 30 days [1]."),
        ("user", "Refunds take 30 days.\nAnswer: How long?"),
        ("assistant", "NO_ANSWER"),
        ("user", "{{question}}\nAnswer: When?"),
    ]
    assert len(registry.messages(made, {"sources": "", "question": ""}, examples=1)) == 4


def test_another_part_is_another_version(registry: PromptRegistry) -> None:
    plain = registry.create("formal", TEMPLATE)
    taught = registry.create("formal", TEMPLATE, examples=[example()])
    assert (plain.version, taught.version) == (1, 2)
    assert registry.create("formal", TEMPLATE, examples=[example()]) == taught
    assert registry.create("formal", TEMPLATE) == registry.show("formal", version=1)
    diff = registry.diff("formal", 1, 2).splitlines()
    assert diff[:2] == ["--- formal@1 examples", "+++ formal@2 examples"]
    assert "+answer: Within 30 days [1]." in diff
    assert registry.promote("formal", 2).examples == (example(),)
    assert registry.rollback("formal").examples == ()


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ({"system": "You serve {{question}}."}, "has the variable 'question'"),
        ({"examples": [example(answer=" ")]}, "Example 1 does not suit"),
        ({"examples": [example(), example(tone="x")]}, "Example 2 does not suit"),
        ({"examples": [Example(values={}, answer="x")]}, "Example 1 does not suit"),
        ({"examples": [example()] * 21}, "21 examples are too many"),
        ({"examples": [example(sources="long " * 2000)]}, "tokens together"),
    ],
)
def test_a_part_that_cannot_be_used_is_refused(registry: PromptRegistry, parts: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        registry.create("formal", TEMPLATE, **parts)
