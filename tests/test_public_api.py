"""What users may rely on: exported names, the same methods behind every door, docstrings, the shape of the JSON."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ragkit
from ragkit import (
    AsyncClient,
    AsyncRagkit,
    Client,
    Ragkit,
    errors,
    events,
    excerpts,
    explanation,
    history,
    parsed,
    protocols,
    recorded,
    rights,
    types,
)
from tools import reference

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "src" / "ragkit"
MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if "migrations" not in path.parts]
DOORS = (Ragkit, AsyncRagkit, Client, AsyncClient)
METHODS = ("ask", "stream", "search", "explain", "ingest")
RESOURCES = {
    "documents": ("list", "get", "text", "file", "delete", "release", "upload"),
    "collections": ("list", "configure", "delete"),
    "prompts": ("list", "show", "create", "promote", "rollback", "diff"),
    "jobs": ("list", "get", "start", "pause", "resume", "cancel", "retry"),
    "snapshots": ("list", "show", "diff", "rollback"),
    "conversations": ("list", "show", "rename", "branch", "edit", "delete"),
    "answers": ("list", "show", "suggest", "replay", "diff"),
    "feedback": ("give", "list", "delete"),
    "keys": ("create", "list", "rotate", "revoke", "usage"),
}


def exported(path: Path) -> list[str] | None:
    """The literal `__all__` of a module."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    return None


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_exported_names_are_sorted_and_there(path: Path) -> None:
    names = exported(path)
    if names is None:
        body = [node for node in ast.parse(path.read_text("utf-8")).body if not isinstance(node, ast.Expr)]
        assert path.name in {"__init__.py", "__main__.py"} or body == [], "a module says what it offers: __all__"
        return
    assert names == sorted(set(names), key=lambda name: (not name.isupper(), name[0].islower(), name))
    dotted = ".".join(("ragkit", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
    module = importlib.import_module(dotted)
    assert [name for name in names if not hasattr(module, name)] == []


def test_the_package_offers_the_four_doors() -> None:
    assert {door.__name__ for door in DOORS} <= set(ragkit.__all__)
    assert set(ragkit.__all__) <= set(dir(ragkit))


def signature(method: Callable[..., Any]) -> list[tuple[str, Any, Any]]:
    return [(p.name, p.kind, p.default) for p in inspect.signature(method).parameters.values() if p.name != "self"]


@pytest.mark.parametrize("name", METHODS)
def test_every_door_has_the_same_methods(name: str) -> None:
    first, *others = (signature(getattr(door, name)) for door in DOORS)
    assert all(other == first for other in others)
    assert all(kind in {inspect.Parameter.KEYWORD_ONLY} for _, kind, _ in first[1:]), "keyword-only after the first"


@pytest.mark.parametrize(
    ("resource", "name"), [(resource, name) for resource in RESOURCES for name in RESOURCES[resource]]
)
def test_every_door_has_the_same_resources(resource: str, name: str) -> None:
    with_signature = {door.__name__: signature(getattr(_resource(door, resource), name)) for door in DOORS}
    assert len({str(found) for found in with_signature.values()}) == 1, with_signature


def test_no_door_has_a_resource_method_that_another_lacks() -> None:
    for resource, names in RESOURCES.items():
        for door in DOORS:
            kind = _resource(door, resource)
            own = {name for name in vars(kind) if not name.startswith("_")}
            assert own == set(names), f"{door.__name__}.{resource}"


def _resource(door: type, name: str) -> type:
    """The class that `door.__init__` puts at `self.name`."""
    for node in ast.walk(ast.parse(inspect.getsource(door))):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == f"self.{name}":
            assert isinstance(node.value, ast.Call)
            kind = getattr(inspect.getmodule(door), ast.unparse(node.value.func))
            assert isinstance(kind, type)
            return kind
    raise AssertionError(f"{door.__name__} has no attribute {name}")


def public_callables() -> Iterator[tuple[str, Any]]:
    """What a user of the package meets: the doors with their methods and resources, values, errors, ports."""
    for door in DOORS:
        yield door.__name__, door
        yield from ((f"{door.__name__}.{name}", getattr(door, name)) for name in METHODS)
    for name in RESOURCES:
        yield f"AsyncRagkit.{name}", _resource(AsyncRagkit, name)
        for method in RESOURCES[name]:
            yield f"AsyncRagkit.{name}.{method}", getattr(_resource(AsyncRagkit, name), method)
    for module in (types, history, recorded, rights, explanation, excerpts, events, parsed, errors, protocols):
        for name in module.__all__:
            if inspect.isclass(value := getattr(module, name)) or inspect.isfunction(value):
                yield f"{module.__name__}.{name}", value


def test_everything_public_says_what_it_is() -> None:
    silent = [
        name
        for name, value in public_callables()
        if not value.__doc__ or value.__doc__.startswith(f"{value.__name__}(")  # what a dataclass writes by itself
    ]
    assert silent == []


def test_the_wire_types_have_the_shape_that_was_agreed() -> None:
    """A change here is a change for every client: if it is meant, run `make docs` and say so in the changelog."""
    agreed = json.loads((REPOSITORY / "tests" / "snapshots" / "types.json").read_text("utf-8"))
    assert reference.schemas() == agreed
