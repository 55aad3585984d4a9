"""Printing: data to stdout, everything else to stderr, colour only on a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NoReturn

from ragkit.errors import RagkitError

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["console", "fail", "print_json", "print_table", "say"]


def console(*, stderr: bool = False) -> Console:
    """Where words for a person go; wraps at the terminal's width, and honours `NO_COLOR`."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, emoji=False, soft_wrap=not sys.stdout.isatty())


def print_json(value: Any) -> None:
    """One JSON object on stdout."""
    from pydantic import TypeAdapter

    sys.stdout.write(TypeAdapter(type(value)).dump_json(value).decode() + "\n")


def print_table(columns: list[str], rows: list[list[str]], *, empty: str) -> None:
    """Rows as a table on a terminal and tab-separated otherwise; `empty` says what to do when there are none."""
    from rich.markup import escape
    from rich.table import Table

    if not rows:
        console(stderr=True).print(escape(empty))
    elif sys.stdout.isatty():
        table = Table(*columns, box=None, header_style="bold", pad_edge=False)
        for row in rows:
            table.add_row(*map(escape, row))
        console().print(table)
    else:
        sys.stdout.writelines("\t".join(row) + "\n" for row in [columns, *rows])


def say(error: RagkitError, *, of: str = "") -> None:
    """What happened, to what, and what to do next."""
    from rich.markup import escape

    err = console(stderr=True)
    err.print(f"[bold red]error:[/] {escape(f'{of}: ' if of else '')}{escape(error.detail)}", soft_wrap=True)
    if error.hint:
        err.print(f"[bold]hint:[/] {escape(error.hint)}", soft_wrap=True)


def fail(error: RagkitError) -> NoReturn:
    """Say what happened and what to do next, and exit with 1."""
    say(error)
    sys.exit(1)
