"""The registry of prompts, over the tables `prompts` and `prompt_aliases`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, func, insert, select
from sqlalchemy.exc import IntegrityError

from ragkit.errors import Conflict, InputError, NotFound
from ragkit.prompts.parts import checked, differences, digest, messages
from ragkit.prompts.template import check_variables, render
from ragkit.store.engine import Database, now
from ragkit.store.tables import prompt_aliases, prompts
from ragkit.types import Example, Message, PromptVersion

__all__ = ["PRODUCTION", "VARIABLES", "PromptReference", "PromptRegistry", "parse_reference"]

PRODUCTION = "production"
VARIABLES: Mapping[str, Sequence[str]] = {
    "answer": ("sources", "question"), "condense": ("history", "question"), "repair": ("problems",),
}  # fmt: skip
"""What the engine's own prompts are rendered with; their templates must use exactly these."""

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,99}")
_TRIES = 5

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptReference:
    """`NAME`, `NAME@alias` or `NAME@3`; exactly one of alias and version is set."""

    name: str
    alias: str | None
    version: int | None


def parse_reference(reference: str) -> PromptReference:
    """Read a reference; a bare name means its alias `production`.

    Raises:
        InputError: It has another form.
    """
    name, at, target = reference.strip().partition("@")
    if _NAME.fullmatch(name):
        if not at:
            return PromptReference(name=name, alias=PRODUCTION, version=None)
        if target.isascii() and target.isdigit():
            return PromptReference(name=name, alias=None, version=int(target))
        if _NAME.fullmatch(target):
            return PromptReference(name=name, alias=target, version=None)
    raise InputError(
        f"{reference!r} does not name a prompt.",
        hint="Write NAME, NAME@alias or NAME@version, such as answer@production.",
    )


class PromptRegistry:
    """Versions are never changed, only added; aliases move, and every move is kept."""

    def __init__(self, database: Database) -> None:
        self._database = database
        for name in VARIABLES:
            self._seed(name)

    def list(self) -> tuple[PromptVersion, ...]:
        """Every version of every prompt, by name and version."""
        with self._database.read() as connection:
            aliases = _aliases(connection)
            rows = connection.execute(select(prompts).order_by(prompts.c.name, prompts.c.version)).all()
        return tuple(_prompt(row, aliases) for row in rows)

    def show(self, name: str, *, alias: str | None = None, version: int | None = None) -> PromptVersion:
        """One version: the one given, or the one that the alias points at (`production` when neither is given).

        Raises:
            NotFound: There is no such prompt, alias or version; the message lists what there is.
            InputError: Both were given.
        """
        if alias is not None and version is not None:
            raise InputError(f"Ask for alias {alias!r} or for version {version} of prompt {name!r}, not for both.")
        with self._database.read() as connection:
            if version is None:
                version = _target(connection, name, alias or PRODUCTION)
            return _load(connection, name, version)

    def resolve(self, reference: str, *, like: str | None = None) -> PromptVersion:
        """The version that `NAME`, `NAME@alias` or `NAME@3` stands for.

        Args:
            reference: What the user wrote.
            like: Require the variables of this prompt of the engine's own, in whose place it shall stand.

        Raises:
            NotFound: There is no such prompt, alias or version.
            InputError: The reference has another form, or the template other variables.
        """
        parsed = parse_reference(reference)
        found = self.show(parsed.name, alias=parsed.alias, version=parsed.version)
        if like is not None:
            check_variables(found.variables, VARIABLES[like])
        return found

    def render(self, prompt: PromptVersion, values: Mapping[str, str]) -> str:
        """The text of the prompt with the values put in."""
        return render(prompt.template, values)

    def messages(
        self, prompt: PromptVersion, values: Mapping[str, str], *, examples: int | None = None
    ) -> tuple[Message, ...]:
        """The prompt as a chat model is sent it: see `ragkit.prompts.parts.messages`."""
        return messages(prompt, values, examples=examples)

    def create(
        self, name: str, template: str, *, note: str = "", system: str = "", examples: Sequence[Example] = ()
    ) -> PromptVersion:
        """Add a version; what the prompt already has gives the version that has it.

        The first version of a new name becomes its `production`; after that only `promote` moves the alias.

        Raises:
            InputError: The name or a part cannot be used.
        """
        if not _NAME.fullmatch(name):
            raise InputError(
                f"A prompt cannot be called {name!r}.",
                hint="Use lower-case letters, digits, '_', '-' and '.', a letter first.",
            )
        names = checked(name, template, system, examples)
        if name in VARIABLES:
            check_variables(names, VARIABLES[name])
        parts = _parts(template, system, examples) | {"variables": list(names), "note": note}
        return self._retried(lambda connection: _create(connection, name, parts))

    def promote(self, name: str, version: int, *, alias: str = PRODUCTION) -> PromptVersion:
        """Point the alias at a version.

        Raises:
            NotFound: There is no such prompt or version.
            InputError: The alias cannot be called that.
        """
        if not _NAME.fullmatch(alias):
            raise InputError(
                f"An alias cannot be called {alias!r}.", hint="Use lower-case letters, digits, '_' and '-'."
            )
        with self._database.write() as connection:
            _load(connection, name, version)
            _move(connection, name, alias, version)
            return _load(connection, name, version)

    def rollback(self, name: str, *, alias: str = PRODUCTION) -> PromptVersion:
        """Point the alias back at where it pointed before its last move; twice undoes the rollback.

        Raises:
            NotFound: There is no such prompt or alias.
            Conflict: The alias was never moved.
        """
        with self._database.write() as connection:
            _target(connection, name, alias)
            moves = connection.execute(
                select(prompt_aliases.c.version)
                .where(prompt_aliases.c.name == name, prompt_aliases.c.alias == alias)
                .order_by(prompt_aliases.c.id.desc())
                .limit(2)
            ).scalars()
            current, *earlier = moves
            if not earlier:
                raise Conflict(
                    f"The alias {alias!r} of prompt {name!r} has only ever pointed at version {current}.",
                    hint="There is nothing to roll back to; `ragkit prompts promote` moves it to another version.",
                )
            _move(connection, name, alias, earlier[0])
            return _load(connection, name, earlier[0])

    def diff(self, name: str, a: int, b: int) -> str:
        """A unified diff from version `a` to version `b`; empty when they are equal."""
        return differences(self.show(name, version=a), self.show(name, version=b))

    def _seed(self, name: str) -> None:
        """Store the shipped text as version 1, unless the prompt exists."""
        with self._database.read() as connection:
            if _versions(connection, name):
                return
        template = resources.files("ragkit.prompts").joinpath("defaults", f"{name}.md").read_text("utf-8")
        names = list(checked(name, template, "", ()))
        parts = _parts(template, "", ()) | {"variables": names, "note": "as shipped"}

        def seed(connection: Connection) -> None:
            # Looked at again inside the transaction: another process may have been faster.
            if not _versions(connection, name):
                _create(connection, name, parts)

        self._retried(seed)

    def _retried(self, work: Callable[[Connection], T]) -> T:
        """Run it in a transaction, again when another writer took the same version number (Postgres)."""
        for _ in range(_TRIES - 1):
            try:
                with self._database.write() as connection:
                    return work(connection)
            except IntegrityError:
                continue
        with self._database.write() as connection:
            return work(connection)


def _parts(template: str, system: str, examples: Sequence[Example]) -> dict[str, Any]:
    """Columns of the table."""
    sha256 = digest(template, system, examples)
    return {"template": template, "system": system, "examples": [asdict(one) for one in examples], "sha256": sha256}


def _create(connection: Connection, name: str, parts: Mapping[str, Any]) -> PromptVersion:
    mine = prompts.c.name == name
    same = select(prompts.c.version).where(mine, prompts.c.sha256 == parts["sha256"])
    if (known := connection.execute(same).scalar_one_or_none()) is not None:
        return _load(connection, name, known)
    version = (connection.execute(select(func.max(prompts.c.version)).where(mine)).scalar_one() or 0) + 1
    connection.execute(insert(prompts).values(name=name, version=version, created_at=now(), **parts))
    if version == 1:
        _move(connection, name, PRODUCTION, version)
    return _load(connection, name, version)


def _move(connection: Connection, name: str, alias: str, version: int) -> None:
    """Append a move; none when the alias already points there, so that rollback always changes something."""
    if _aliases(connection).get((name, alias)) != version:
        connection.execute(insert(prompt_aliases).values(name=name, alias=alias, version=version, moved_at=now()))


def _aliases(connection: Connection) -> dict[tuple[str, str], int]:
    newest = select(func.max(prompt_aliases.c.id)).group_by(prompt_aliases.c.name, prompt_aliases.c.alias)
    rows = connection.execute(
        select(prompt_aliases.c.name, prompt_aliases.c.alias, prompt_aliases.c.version).where(
            prompt_aliases.c.id.in_(newest)
        )
    )
    return {(row.name, row.alias): row.version for row in rows}


def _target(connection: Connection, name: str, alias: str) -> int:
    aliases = {key[1]: version for key, version in _aliases(connection).items() if key[0] == name}
    if alias in aliases:
        return aliases[alias]
    _require(connection, name)
    raise NotFound(
        f"Prompt {name!r} has no alias {alias!r}; it has {', '.join(sorted(aliases))}.",
        hint=f"`ragkit prompts promote {name} VERSION --alias {alias}` makes it.",
    )


def _versions(connection: Connection, name: str) -> list[int]:
    return list(
        connection.execute(
            select(prompts.c.version).where(prompts.c.name == name).order_by(prompts.c.version)
        ).scalars()
    )


def _require(connection: Connection, name: str) -> list[int]:
    found = _versions(connection, name)
    if not found:
        names = connection.execute(select(prompts.c.name).distinct().order_by(prompts.c.name)).scalars()
        raise NotFound(
            f"There is no prompt {name!r}; there are {', '.join(names)}.", hint="`ragkit prompts list` shows them."
        )
    return found


def _load(connection: Connection, name: str, version: int) -> PromptVersion:
    found = _require(connection, name)
    # Compared here: a number from a user may be larger than the database's integers.
    if version not in found:
        raise NotFound(f"Prompt {name!r} has no version {version}; it has {', '.join(map(str, found))}.")
    row = connection.execute(select(prompts).where(prompts.c.name == name, prompts.c.version == version)).one()
    return _prompt(row, _aliases(connection))


def _prompt(row: Row[Any], aliases: dict[tuple[str, str], int]) -> PromptVersion:
    pointing = sorted(alias for (name, alias), version in aliases.items() if (name, version) == (row.name, row.version))
    return PromptVersion(
        name=row.name,
        version=row.version,
        template=row.template,
        variables=tuple(row.variables),
        sha256=row.sha256,
        note=row.note,
        created_at=row.created_at,
        aliases=tuple(pointing),
        system=row.system,
        examples=tuple(Example(**one) for one in row.examples),
    )
