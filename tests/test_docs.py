"""The documentation says what is true: the reference is generated, commands and links exist, code blocks run."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragkit import errors, settings
from ragkit.ingest.quality import QualityPolicy
from tests.running import free_port, python, running
from tools import interfaces, reference

REPOSITORY = Path(__file__).resolve().parent.parent
PAGES = sorted(
    [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("*/README.md")],
    key=lambda page: page.relative_to(REPOSITORY).as_posix(),
)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
ROW = re.compile(r"^\| (.+) \|$", re.MULTILINE)


def title(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


def blocks(page: Path, *languages: str) -> list[str]:
    return [code for language, code in BLOCK.findall(page.read_text("utf-8")) if language in languages]


def anchors(page: Path) -> set[str]:
    """As GitHub makes them."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(page.read_text())}


def page(name: str) -> str:
    return (REPOSITORY / "docs" / "reference" / name).read_text("utf-8")


def test_the_reference_is_what_the_code_says_now() -> None:
    stale = [path for path, text in reference.pages().items() if (REPOSITORY / path).read_text("utf-8") != text]
    assert stale == [], "run `make docs`"


def test_every_command_is_in_the_reference() -> None:
    names = [name for name, _, _ in interfaces.commands()]
    assert names
    assert [name for name in names if f"\n## {name}\n" not in page("cli.md")] == []


def test_every_setting_is_in_the_reference_and_in_a_sentence() -> None:
    fields = settings.Settings.model_fields
    assert [name for name in fields if f"| `RAGKIT_{name.upper()}` |" not in page("settings.md")] == []
    assert [name for name, field in fields.items() if not field.description] == []


def test_every_quality_filter_is_explained_with_its_default() -> None:
    text = (REPOSITORY / "docs" / "concepts" / "ingestion.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `(.+)` \| (.+) \|$", text, re.MULTILINE)
    fields = QualityPolicy.model_fields.items()
    assert rows == [(name, json.dumps(field.default), field.description) for name, field in fields]


def test_every_route_is_in_the_reference() -> None:
    routes = [
        f"{method.upper()} {path}" for path, methods in interfaces.openapi()["paths"].items() for method in methods
    ]
    assert routes
    assert [route for route in routes if f"\n## {route}\n" not in page("http.md")] == []


def test_every_error_code_is_in_the_reference() -> None:
    kinds = reference.error_classes()
    assert len(kinds) == len({kind.code for kind in kinds})
    assert [kind.code for kind in kinds if f"| `{kind.code}` | {kind.status} |" not in page("errors.md")] == []


def test_the_drawn_tree_of_errors_is_the_tree() -> None:
    drawn = re.findall(r"^[ │├└─]*(\w+) +(\w+) +(\d{3})$", errors.__doc__ or "", re.MULTILINE)
    assert sorted(drawn) == sorted((kind.__name__, kind.code, str(kind.status)) for kind in reference.error_classes())


@pytest.mark.parametrize("path", PAGES, ids=title)
def test_links_lead_somewhere(path: Path) -> None:
    broken = []
    for link in LINK.findall(BLOCK.sub("", path.read_text("utf-8"))):
        if re.match(r"\w+://|mailto:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("path", PAGES, ids=title)
def test_commands_in_the_text_exist(path: Path) -> None:
    known = {name: {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
             for name, command, _ in interfaces.commands()}  # fmt: skip
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    wrong = []
    for words in _commands(path):
        if words[0] == "make":
            wrong += [word for word in words[1:] if "=" not in word and word not in targets]
        else:
            found = [name for name in known if words[: len(name.split())] == name.split()]
            used = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
            wrong += [] if found and used <= known[found[0]] | {"--help"} else [shlex.join(words)]
    assert wrong == []


def _commands(path: Path) -> Iterator[list[str]]:
    """Every `make` and `ragkit` command line of the shell blocks, and those in the running text."""
    lines = [line for code in blocks(path, "bash", "console") for line in code.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"`((?:ragkit|make) [a-z][^`]*)`", BLOCK.sub("", path.read_text("utf-8")))
    for line in lines:
        words = [word for word in shlex.split(line.removeprefix("$ "), comments=True) if word != "…"]
        starts = [i for i, word in enumerate(words) if word in {"make", "ragkit", ".venv/bin/ragkit"}]
        # `docker compose exec ragkit ragkit ingest`: the command begins at the last of them.
        if starts and (words[0] == "docker" or all("=" in word for word in words[: starts[0]])):
            end = next((i for i, word in enumerate(words) if word in {"|", ">", "&&"}), len(words))
            yield [words[starts[-1]].removeprefix(".venv/bin/"), *words[starts[-1] + 1 : end]]


@pytest.fixture(scope="module")
def sample_home(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of this file's own, in which the sample corpus is ingested."""
    home = tmp_path_factory.mktemp("docs") / "var"
    shutil.copytree(sample, home, symlinks=True)
    return home


@pytest.mark.parametrize(
    "code", [pytest.param(code, id=title(path)) for path in PAGES for code in blocks(path, "python")]
)
def test_python_in_the_text_runs_as_a_script(
    code: str, sample_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGKIT_HOME", str(sample_home))
    (tmp_path / "data").symlink_to(REPOSITORY / "data")
    with contextlib.ExitStack() as stack:
        if "RAGKIT_URL" in code:
            port = free_port()
            url = f"http://127.0.0.1:{port}"
            stack.enter_context(running(["ragkit", "serve", "--port", str(port)], answers_at=f"{url}/readyz"))
            monkeypatch.setenv("RAGKIT_URL", url)
        script = tmp_path / "example.py"
        script.write_text(code, "utf-8")
        done = python(script)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", PAGES, ids=title)
def test_toml_in_the_text_is_a_pipeline(path: Path) -> None:
    from ragkit.ingest.pipelines import Pipeline

    for code in blocks(path, "toml"):
        Pipeline.model_validate({**tomllib.loads(code), "name": "sample"})


def test_what_the_feature_map_names_exists() -> None:
    text = (REPOSITORY / "README.md").read_text("utf-8")
    rows = [row.split(" | ") for row in ROW.findall(text.partition("| I want to")[2])]
    paths = [path for row in rows for path in re.findall(r"`([\w./-]+)`", " ".join(row[1:]))]
    assert len(paths) >= 20
    assert [path for path in paths if not (REPOSITORY / path).exists()] == []


def test_the_changelog_begins_with_this_version() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    newest = re.search(r"^## \[([^\]]+)\]", (REPOSITORY / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert newest
    assert newest[1] == project["version"]


def test_every_word_of_the_glossary_has_one_sense() -> None:
    words = [row.split(" | ")[0] for row in ROW.findall((REPOSITORY / "docs" / "glossary.md").read_text("utf-8"))[1:]]
    assert words == sorted(set(words), key=str.casefold)


def test_the_example_of_settings_names_real_ones() -> None:
    named = set(re.findall(r"RAGKIT_(\w+)=", (REPOSITORY / ".env.example").read_text("utf-8")))
    assert named
    assert named <= {name.upper() for name in settings.Settings.model_fields}
