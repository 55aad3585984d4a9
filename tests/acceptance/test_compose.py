"""docker-compose.yml and the Dockerfile, as far as they can be tried without a container engine.

The commands of the services are started as they stand there, with names and paths of this machine.
"""

from __future__ import annotations

import re
import tomllib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from ragkit import Client
from ragkit.settings import Settings
from tests.running import free_port, running
from tools import interfaces

REPOSITORY = Path(__file__).resolve().parents[2]
KEY = "a-key-of-this-test"


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    described: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text("utf-8"))["services"]
    return described


def dockerfile() -> list[tuple[str, str]]:
    """(instruction, arguments), continued lines joined."""
    text = (REPOSITORY / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    return [(match[1], match[2]) for match in re.finditer(r"^([A-Z]+) (.+)$", text, re.MULTILINE)]


def command_of(service: dict[str, Any]) -> list[str]:
    return [*service.get("entrypoint", ["ragkit"]), *service["command"]]


def test_each_service_runs_a_command_with_options_that_exist(services: dict[str, Any]) -> None:
    known = {name: command for name, command, _ in interfaces.commands()}
    for name in ("ragkit", "worker"):
        program, verb, *options = command_of(services[name])
        command = known[f"{program} {verb}"]
        offered = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
        assert {option for option in options if option.startswith("--")} <= offered


def test_the_variables_of_the_services_are_settings(services: dict[str, Any]) -> None:
    variables = {name for name in services["ragkit"]["environment"] if name.startswith("RAGKIT_")}
    assert variables <= {f"RAGKIT_{name.upper()}" for name in Settings.model_fields}


def test_only_the_service_is_published_and_only_on_loopback(services: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert list(published) == ["ragkit"]
    assert all(port.startswith("127.0.0.1:") for port in published["ragkit"])


def test_every_volume_and_dependency_is_declared(services: dict[str, Any]) -> None:
    declared = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text("utf-8"))["volumes"]
    for service in services.values():
        sources = [volume.split(":")[0] for volume in service.get("volumes", ())]
        assert all(source in declared or (REPOSITORY / source).exists() for source in sources)
        assert set(service.get("depends_on", ())) <= set(services)


def test_the_image_is_built_from_files_that_exist_and_does_not_run_as_root() -> None:
    lines = dockerfile()
    copied = [source for name, rest in lines if name == "COPY" for source in rest.split()[:-1]]
    assert copied
    assert all((REPOSITORY / source).exists() for source in copied)
    ignored = (REPOSITORY / ".dockerignore").read_text("utf-8").splitlines()
    assert all(f"!{source}" in ignored for source in copied)
    assert [rest for name, rest in lines if name == "USER"] == ["ragkit"]


def test_the_image_has_a_python_that_the_project_supports() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    base = next(rest for name, rest in dockerfile() if name == "FROM")
    assert project["requires-python"] == ">=" + base.removeprefix("python:").removesuffix("-slim")


@pytest.mark.timeout(180)
def test_the_three_services_work_together(services: dict[str, Any], home: Path, tmp_path: Path) -> None:
    chroma_port, port = free_port(), free_port()
    here = {"0.0.0.0": "127.0.0.1", "/var/lib/ragkit/chroma": str(tmp_path / "chroma")}
    env = {
        "RAGKIT_HOME": str(home),
        "RAGKIT_CHROMA_URL": f"http://127.0.0.1:{chroma_port}",
        "RAGKIT_API_KEYS": KEY,
    }

    def command(name: str, at: int) -> list[str]:
        return [here.get(word, word).replace("8000", str(at)) for word in command_of(services[name])]

    with ExitStack() as stack:
        heartbeat = f"http://127.0.0.1:{chroma_port}/api/v2/heartbeat"
        stack.enter_context(running(command("chroma", chroma_port), answers_at=heartbeat))
        stack.enter_context(running(command("ragkit", port), answers_at=f"http://127.0.0.1:{port}/readyz", env=env))
        stack.enter_context(running(command("worker", port), env=env))
        client = stack.enter_context(Client(f"http://127.0.0.1:{port}", api_key=KEY))
        note = tmp_path / "note.md"
        note.write_text("# Office\n\nThe code of the bicycle shed is 4711.\n")
        report = client.ingest(note)
        assert (report.added, report.failed) == (1, ())
        assert "4711" in client.search("What is the code of the shed?").hits[0].text
