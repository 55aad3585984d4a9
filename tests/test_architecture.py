"""The shape of the code: how long things are, who may import whom, what stays light."""

from __future__ import annotations

import ast
import itertools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "src" / "ragkit"
SOURCES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((REPOSITORY / "tests").rglob("*.py"))
SCRIPTS = sorted(path for folder in ("benchmarks", "ingest", "tools") for path in (REPOSITORY / folder).rglob("*.py"))

FILE_LINES, FILE_LINES_HARD, FUNCTION_LINES, TEST_FILE_LINES = 300, 400, 50, 500

LONGER_THAN_300: frozenset[str] = frozenset({"types.py"})
"""Files between the two limits, each with its reason: `types.py` is one list of values, read from top to bottom."""

LEVELS: dict[str, int] = {
    "background": 0, "explanation": 0, "history": 0, "prompting": 0, "types": 0, "parsed": 0, "errors": 0,
    "references": 0, "rights": 0,
    "text": 0, "threads": 0, "tokens": 0, "verdicts": 0,
    "callers": 1, "events": 1, "excerpts": 1, "lexical": 1, "opinions": 1, "protocols": 1, "settings": 1,
    "demands": 2, "interaction": 2, "passages": 2, "recorded": 2, "store": 2,
    "reading": 3, "report": 3, "testing": 3, "whole": 3,
    "reader": 4, "statements": 4,
    "answer": 5, "evaluate": 5, "index": 5, "ingest": 5, "jobs": 5, "keys": 5, "models": 5, "prompts": 5, "retrieve": 5,
    "client": 6,
    "answerers": 7, "answering": 7, "app": 7, "blocking": 7, "blocking_resources": 7, "checkers": 7, "checking": 7,
    "embedders": 7, "embedding": 7, "engine": 7, "evaluation": 7, "feedback": 7, "job_resources": 7, "key_resources": 7,
    "measuring": 7, "parts": 7, "rerankers": 7, "resources": 7, "runs": 7, "thresholds": 7, "tuning": 7,
    "upload_resources": 7,
    "doctor": 8, "service": 8, "integrations": 8,
    "cli": 9,
}  # fmt: skip
"""A part imports from lower levels only."""

LOCAL_ENGINE = frozenset(
    {
        "answerers",
        "answering",
        "app",
        "blocking",
        "blocking_resources",
        "checkers",
        "checking",
        "embedders",
        "embedding",
        "engine",
        "evaluation",
        "feedback",
        "job_resources",
        "key_resources",
        "measuring",
        "parts",
        "rerankers",
        "resources",
        "thresholds",
        "tuning",
        "upload_resources",
        "runs",
    }
)
"""Parts that are one: the engine, its blocking twin, what hangs off it, and where it is put together."""

FEATURES_THAT_MEET = frozenset({("ingest", "index"), ("retrieve", "index")})
"""What a feature may import of another: both write and read path need the index. All else meets in `app`."""

ABOVE_ALL = frozenset({"testing/fixtures.py", "testing/server.py"})
"""Stand-ins for the whole service: they import what they stand in for, and nothing imports them."""

CLIENT_IMPORTS = frozenset(
    {"excerpts", "explanation", "history", "prompting", "recorded", "rights", "types", "events", "errors"}
)

FOREIGN: dict[str, tuple[str, ...]] = {
    "chromadb": ("index/",),
    "datasketch": ("index/duplicates.py",),
    "pythonjsonlogger": ("service/logs.py",),
    "dbos": ("jobs/",),
    "fastapi": ("service/",),
    "ftfy": ("ingest/measures.py",),
    "httpcore": ("index/chroma.py", "index/vectors.py"),
    "ir_measures": ("evaluate/measures.py",),
    "jwt": ("keys/tokens.py",),
    "langchain": ("models/langchain_chat.py", "models/network_provider.py"),
    "langchain_core": (
        "integrations/langchain.py",
        "models/langchain_chat.py",
        "models/network.py",
        "models/network_provider.py",
    ),
    "mcp": ("integrations/mcp.py",),
    "openvino": ("models/openvino.py", "models/convert.py"),
    "orjson": ("index/vectors.py",),
    "py3langid": ("ingest/language.py",),
    "scipy": ("evaluate/significance.py",),
    "sentence_transformers": ("models/torch.py", "models/convert.py", "models/entailment.py", "models/rerank.py"),
    "tantivy": ("index/keyword",),
    "tenacity": ("models/fallback.py", "models/network.py", "models/patience.py"),
    "torch": ("models/torch.py", "models/convert.py"),
    "typer": ("cli/",),
    "unstructured": ("ingest/parsers/",),
}
"""Each foreign library is known to these files alone."""

HEAVY = frozenset(FOREIGN) - {"typer"} | {"numpy", "sqlalchemy"}

WRITERS = frozenset({"add", "append", "clear", "discard", "extend", "insert", "pop", "remove", "setdefault", "update"})


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def part_of(path: Path) -> str:
    """`ingest` for `ingest/parsers/pdf.py`, `types` for `types.py`."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted module) of each import, relative ones made absolute, `from ragkit import x` as `ragkit.x`."""
    package = ("ragkit", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}" if module == "ragkit" else module


def own_imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, part of ragkit) of each import of our own."""
    for line, module in imports_of(path):
        if module.startswith("ragkit."):
            yield line, module.split(".")[1]


def length(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_source_files_are_short() -> None:
    long = {name_of(path): length(path) for path in SOURCES if length(path) > FILE_LINES}
    assert {name for name in long if name not in LONGER_THAN_300} == set(), f"longer than {FILE_LINES} lines: {long}"
    assert long.keys() >= LONGER_THAN_300, "a file in the list of exceptions is short again: take it off the list"
    assert {name: lines for name, lines in long.items() if lines > FILE_LINES_HARD} == {}


def test_test_files_are_short() -> None:
    assert {path.name: length(path) for path in TESTS + SCRIPTS if length(path) > TEST_FILE_LINES} == {}


def test_functions_are_short() -> None:
    functions = [
        (f"{path.relative_to(REPOSITORY)}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1)
        for path in SOURCES + TESTS + SCRIPTS
        if "migrations" not in path.parts  # a migration is a list of statements, frozen once it is released
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert [function for function in functions if function[1] > FUNCTION_LINES] == []


def test_every_part_has_a_level() -> None:
    assert {part_of(path) for path in SOURCES} - {"__init__", "__main__"} <= LEVELS.keys()


def test_imports_point_downwards() -> None:
    wrong = []
    for path in SOURCES:
        part = part_of(path)
        if part in {"__init__", "__main__"} or name_of(path) in ABOVE_ALL:
            continue
        for line, other in own_imports(path):
            if other == part or {part, other} <= LOCAL_ENGINE or (part, other) in FEATURES_THAT_MEET:
                continue
            if LEVELS.get(other, 0) >= LEVELS[part] and LEVELS[part] > 0:
                wrong.append(f"{name_of(path)}:{line} imports ragkit.{other}")
    assert wrong == []


def test_nothing_imports_what_stands_above_all() -> None:
    above = {f"ragkit.{name.removesuffix('.py').replace('/', '.')}" for name in ABOVE_ALL}
    strangers = [name_of(path) for path in SOURCES for _, module in imports_of(path) if module in above]
    assert set(strangers) <= ABOVE_ALL


def test_the_client_needs_only_types_and_errors() -> None:
    assert {other for path in SOURCES if part_of(path) == "client" for _, other in own_imports(path)} <= {
        "client",
        *CLIENT_IMPORTS,
    }


@pytest.mark.parametrize("library", sorted(FOREIGN))
def test_a_foreign_library_stays_in_its_own_files(library: str) -> None:
    strangers = [
        f"{name_of(path)}:{line}"
        for path in SOURCES
        for line, module in imports_of(path)
        if module.split(".")[0] == library and not name_of(path).startswith(FOREIGN[library])
    ]
    assert strangers == []


def test_every_foreign_library_is_declared() -> None:
    """What comes along with another package today may be gone with its next version."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    needed = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]
    declared = {re.split(r"[\[<>=!~; ]", line)[0].lower().replace("_", "-") for line in needed}
    provided = packages_distributions()
    undeclared = set()
    for path in SOURCES:
        for line, module in imports_of(path):
            top = module.split(".")[0]
            sold_as = {name.lower().replace("_", "-") for name in provided.get(top, ())}
            if top not in {"ragkit", *sys.stdlib_module_names} and not sold_as & declared:
                undeclared.add(f"{name_of(path)}:{line} {top}")
    assert undeclared == set()


@pytest.mark.parametrize("arguments", [["-c", "import ragkit"], ["-m", "ragkit", "--help"]], ids=["import", "--help"])
def test_starting_loads_no_heavy_module(arguments: list[str]) -> None:
    result = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in result.stderr.splitlines() if "|" in line}
    assert "ragkit" in loaded
    assert loaded & HEAVY == set()


def test_only_the_command_line_prints() -> None:
    prints = [
        f"{name_of(path)}:{node.lineno}"
        for path in SOURCES
        if part_of(path) != "cli"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert prints == []


def test_no_module_keeps_state() -> None:
    """Nothing is `global`, and what a module defines at its top is never written to afterwards."""
    wrong = []
    for path in SOURCES:
        names = {name for node in tree(path).body for name in _assigned(node)}
        wrong += [
            f"{name_of(path)}:{getattr(node, 'lineno', 0)}"
            for node in ast.walk(tree(path))
            if isinstance(node, ast.Global) or _written(node) & names
        ]
    assert wrong == []


def _assigned(node: ast.stmt) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _written(node: ast.AST) -> set[str]:
    """The name whose list, dict or set this node changes."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
        changed = node.value
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITERS:
        changed = node.func.value
    else:
        return set()
    return {changed.id} if isinstance(changed, ast.Name) else set()
