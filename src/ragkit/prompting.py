"""The values of prompts: versions, their parts, and what names them. Wire types like those in `ragkit.types`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

__all__ = ["Example", "PromptRef", "PromptVersion"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A question that a prompt shows a model with the answer that it should give: a turn of either side."""

    values: Mapping[str, str]
    """For each variable of the template what it stands for."""
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptRef:
    """Which version of a prompt an answer was made with."""

    name: str
    version: int

    def __str__(self) -> str:
        """`NAME@VERSION`, as it can be asked for."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptVersion:
    """An immutable version of a prompt; aliases such as `production` point at one version each."""

    name: str
    version: int
    template: str
    """What a model is told as a user, with variables."""
    variables: tuple[str, ...]
    sha256: str
    """Of all parts; of the template where there is no other."""
    note: str
    created_at: datetime
    aliases: tuple[str, ...] = ()
    system: str = ""
    """What it is told before, as the system; without variables."""
    examples: tuple[Example, ...] = ()
    """In the order in which they are shown; the last ones are left out where a model has no room for all."""
