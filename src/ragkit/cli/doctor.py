"""`ragkit doctor`: whether this machine has what ragkit needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ragkit.cli.connect import settings
from ragkit.cli.options import Json
from ragkit.cli.output import console, print_json

if TYPE_CHECKING:
    from ragkit.doctor import Finding

__all__ = ["register"]

_COLOURS = {"ok": "green", "warning": "yellow", "problem": "bold red"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(json: Json = False) -> None:
    """Look over settings, disk, stores and models, and say what is wrong and what to do."""
    import asyncio

    from ragkit.doctor import examined, worst

    async def all_findings() -> tuple[Finding, ...]:
        findings = []
        async for finding in examined(settings()):
            findings.append(finding)
            if not json:
                _print(finding)
        return tuple(findings)

    findings = asyncio.run(all_findings())
    if json:
        print_json(findings)
    if worst(findings) == "problem":
        raise typer.Exit(1)


def _print(finding: Finding) -> None:
    from rich.markup import escape

    out = console()
    colour = _COLOURS[finding.state]
    out.print(f"[{colour}]{finding.state:<8}[/] {finding.subject:<12} {escape(finding.detail)}")
    if finding.hint:
        out.print(f"{'':<22} {escape(finding.hint)}")
