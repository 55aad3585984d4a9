"""The pages of the command line and of HTTP, read from the running definitions."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import click

__all__ = ["commands", "commands_page", "routes", "routes_page"]


def commands(group: Any, prefix: str = "ragkit") -> Iterator[tuple[str, Any]]:
    """(`ragkit documents list`, the command) for each command that `--help` shows, groups themselves left out."""
    context = click.Context(group, info_name=prefix)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command.hidden:
            continue
        if hasattr(command, "list_commands"):
            yield from commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


def commands_page(group: Any) -> str:
    lines = ["# Command line", ""]
    for name, command in commands(group):
        arguments = [param for param in command.params if param.param_type_name == "argument"]
        options = [param for param in command.params if param.param_type_name == "option" and not param.hidden]
        usage = " ".join([name, *(param.make_metavar(click.Context(command)) for param in arguments)])
        lines += [f"## {name}", "", "```text", usage + (" [OPTIONS]" if options else ""), "```", ""]
        lines += [*inspect.cleandoc(command.help or "").replace("\b", "").splitlines(), ""]
        if arguments or options:
            lines += ["| | default | meaning |", "|---|---|---|"]
            lines += [_parameter(param) for param in arguments + options]
            lines += [""]
    return "\n".join(lines)
