"""The parts of a prompt: what the model is told as the system, the examples, and the template of the question itself.

The system part takes no variables: what is filled in comes from documents and from who asks, and must not speak with
the voice of the operator.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from ragkit.errors import InputError
from ragkit.prompts.template import render, variables
from ragkit.tokens import count_tokens
from ragkit.types import Example, Message, PromptVersion

__all__ = ["MOST_EXAMPLES", "checked", "differences", "digest", "messages"]

MOST_EXAMPLES = 20
MOST_EXAMPLE_TOKENS = 2_000
"""Of all examples of a prompt together: they are paid for with every question."""


def checked(name: str, template: str, system: str, examples: Sequence[Example]) -> tuple[str, ...]:
    """The variables of a template, whose other parts suit it.

    Raises:
        InputError: A part cannot be used.
    """
    if not template.strip():
        raise InputError(f"The template of prompt {name!r} is empty.")
    names = variables(template)
    if used := variables(system):
        raise InputError(
            f"The system part of prompt {name!r} has the variable {used[0]!r}.",
            hint="Variables stand in the template: what is filled in must not speak as the system.",
        )
    if len(examples) > MOST_EXAMPLES:
        raise InputError(f"{len(examples)} examples are too many.", hint=f"Take at most {MOST_EXAMPLES}.")
    for number, example in enumerate(examples, start=1):
        if sorted(example.values) != sorted(names) or not example.answer.strip():
            raise InputError(
                f"Example {number} does not suit the template.",
                hint=f"It needs an answer, and a value for each of {', '.join(names)}; no others.",
            )
    tokens = sum(count_tokens(text) for one in examples for text in (*one.values.values(), one.answer))
    if tokens > MOST_EXAMPLE_TOKENS:
        raise InputError(
            f"The examples have {tokens:,} tokens together.",
            hint=f"Take fewer or shorter ones: at most {MOST_EXAMPLE_TOKENS:,}.",
        )
    return names


def digest(template: str, system: str, examples: Sequence[Example]) -> str:
    """The SHA-256 of all parts; of the template where there is no other."""
    whole = json.dumps([template, system, [asdict(one) for one in examples]]) if system or examples else template
    return hashlib.sha256(whole.encode()).hexdigest()


def messages(prompt: PromptVersion, values: Mapping[str, str], *, examples: int | None = None) -> tuple[Message, ...]:
    """What a chat model is sent: the system's part, a turn of either side for each example, and the question.

    Args:
        prompt: The version.
        values: What its variables stand for.
        examples: How many of them are shown; all by default.
    """
    said = [Message(role="system", text=prompt.system)] if prompt.system else []
    for example in prompt.examples[:examples]:
        said.append(Message(role="user", text=render(prompt.template, example.values)))
        said.append(Message(role="assistant", text=example.answer))
    return (*said, Message(role="user", text=render(prompt.template, values)))


def differences(old: PromptVersion, new: PromptVersion) -> str:
    """A unified diff of each part that is different, the template first."""
    parts = [
        ("", old.template, new.template),
        (" system", old.system, new.system),
        (" examples", _written(old), _written(new)),
    ]
    return "\n".join(
        line
        for part, before, after in parts
        for line in difflib.unified_diff(
            before.splitlines(),
            after.splitlines(),
            f"{old.name}@{old.version}{part}",
            f"{new.name}@{new.version}{part}",
            lineterm="",
        )
    )


def _written(prompt: PromptVersion) -> str:
    def lines() -> Iterator[str]:
        for number, example in enumerate(prompt.examples, start=1):
            yield f"{number}."
            for name, value in example.values.items():
                yield f"{name}: {value}"
            yield f"answer: {example.answer}"

    return "\n".join(lines())
