"""What the tokens of a model cost, from the table that ships and one of the user's own."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ragkit.errors import ConfigError

__all__ = ["Prices", "Tokens", "undated"]

_PER = 1_000_000
_DATE = re.compile(r"[-@](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|latest|\d{3})$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a request used."""

    input: int
    """All that was read, with what follows."""
    cached: int = 0
    """Of these, read from the provider's cache."""
    written: int = 0
    """Of these, written to it."""
    output: int


_Amount = Annotated[float, Field(ge=0)]


class _Price(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    input: _Amount
    output: _Amount
    cached: _Amount | None = None
    written: _Amount | None = None

    def cost(self, used: Tokens) -> float:
        plain = used.input - used.cached - used.written
        cached = self.input if self.cached is None else self.cached
        written = self.input if self.written is None else self.written
        whole = plain * self.input + used.cached * cached + used.written * written + used.output * self.output
        return whole / _PER


class _Above(_Price):
    tokens: int = Field(ge=1)


class _Row(_Price):
    above: _Above | None = None

    def cost(self, used: Tokens) -> float:
        if self.above is not None and used.input > self.above.tokens:
            return self.above.cost(used)
        return super().cost(used)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str = ""
    source: str = ""
    models: dict[str, _Row]


class Prices:
    """Prices by `provider:model`.

    Args:
        own: A file of the user's, in the form of `prices.toml`; what it names counts instead of what ships.

    Raises:
        ConfigError: The file cannot be read, or is no table of prices.
    """

    def __init__(self, own: Path | None = None) -> None:
        shipped = files("ragkit.models").joinpath("prices.toml").read_text("utf-8")
        table = _Table.model_validate(tomllib.loads(shipped))
        self._rows: dict[str, _Row] = dict(table.models)
        self.version = table.version
        """The day of the table that ships; with `+` and the user's version where there is one."""
        if own is not None:
            mine = _own(own)
            self._rows |= mine.models
            self.version += f"+{mine.version or own.name}"

    def cost(self, model: str, used: Tokens) -> float | None:
        """US dollars; none where the price of the model is not known."""
        row = self._row(model)
        return None if row is None else row.cost(used)

    def _row(self, model: str) -> _Row | None:
        anything = f"{model.partition(':')[0]}:*"
        return next((self._rows[name] for name in (model, undated(model), anything) if name in self._rows), None)


def undated(model: str) -> str:
    """The name without the date of its edition: `gpt-4o-2024-08-06` costs what `gpt-4o` costs."""
    return _DATE.sub("", model)


def _own(path: Path) -> _Table:
    try:
        values: Mapping[str, object] = tomllib.loads(path.read_text("utf-8"))
        return _Table.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        reason = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    except (OSError, ValueError) as error:
        reason = str(error)
    raise ConfigError(
        f"RAGKIT_LLM_PRICES={str(path)!r} cannot be used: {reason}.",
        hint='Write a table [models] with lines such as "openai:my-model" = { input = 0.5, output = 1.5 }.',
    )
