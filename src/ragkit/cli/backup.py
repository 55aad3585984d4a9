"""`ragkit backup` and `ragkit restore`: all state in one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragkit.cli.connect import engine, settings
from ragkit.cli.options import Json
from ragkit.cli.output import console, print_json
from ragkit.errors import InputError

if TYPE_CHECKING:
    from ragkit.settings import Settings

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(backup)
    app.command()(restore)


def backup(
    file: Annotated[Path, typer.Argument(help="The archive to write, such as ragkit-2026-01-31.tar.gz.")],
    json: Json = False,
) -> None:
    """Write the catalog as it is at this moment, with the original files, into one archive; the service may go on."""
    from ragkit.store.backup import back_up

    given = _on_this_disk(settings())
    contents = back_up(given.home, file)
    if json:
        print_json(contents)
    else:
        size = file.stat().st_size / 1e6
        console().print(f"{file}: {size:,.1f} MB, the catalog and {contents.files} original files", markup=False)
    if given.files_url:
        console(stderr=True).print("Original files stay in the store of RAGKIT_FILES_URL: back it up as well.")


def restore(
    file: Annotated[Path, typer.Argument(help="An archive that `ragkit backup` wrote.")],
    json: Json = False,
) -> None:
    """Put a backup into an empty RAGKIT_HOME, and make the indexes again from it, without the embedding model."""
    from ragkit.store.backup import restore as put_back

    given = _on_this_disk(settings())
    contents = put_back(file, given.home)
    with engine(given, one_shot=False) as ragkit:
        report = ragkit.verify(repair=True)
    if json:
        print_json(report)
    else:
        state = "consistent" if report.consistent else "not consistent, see `ragkit verify`"
        told = f"{report.documents} documents, {report.chunks} chunks as of {contents.made_at}: {state}"
        console().print(told, markup=False)
    if not report.consistent:
        raise typer.Exit(1)


def _on_this_disk(given: Settings) -> Settings:
    if given.url:
        raise InputError(
            "A backup is made where the state lies, and RAGKIT_URL names a service.",
            hint="Unset RAGKIT_URL, and run this where RAGKIT_HOME is.",
        )
    if given.database_url is not None:
        raise InputError(
            "The catalog is a database of its own (RAGKIT_DATABASE_URL), which has better means of backup.",
            hint="Copy it with its own tools, such as pg_dump, then RAGKIT_HOME/files; `ragkit verify --repair` makes "
            "the indexes again.",
        )
    return given
