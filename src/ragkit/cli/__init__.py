"""The command line: a command parses, calls one method, prints.

Only Typer is imported before a command runs, so that `--help` is instant.
"""

from __future__ import annotations

import logging
import sys

import typer

from ragkit.cli import (
    answers,
    ask,
    backup,
    collections,
    conversations,
    demo,
    doctor,
    documents,
    evaluate,
    explain,
    feedback,
    ingest,
    jobs,
    keys,
    mcp,
    prompts,
    reindex,
    search,
    serve,
    snapshots,
    tune,
    verify,
)
from ragkit.cli.output import fail
from ragkit.errors import RagkitError

__all__ = ["app", "main"]

app = typer.Typer(
    name="ragkit",
    help="Documents in, answers out, every citation checked against the text.",
    no_args_is_help=True,
    rich_markup_mode=None,  # Rich costs the help 0.1 s
    add_completion=False,
    pretty_exceptions_enable=False,
)
for module in (ingest, search, explain, ask, tune, serve, verify, reindex, doctor, backup, mcp, demo):
    module.register(app)
app.add_typer(documents.app, name="documents")
app.add_typer(collections.app, name="collections")
app.add_typer(conversations.app, name="conversations")
app.add_typer(answers.app, name="answers")
app.add_typer(feedback.app, name="feedback")
app.add_typer(prompts.app, name="prompts")
app.add_typer(jobs.app, name="jobs")
app.add_typer(keys.app, name="keys")
app.add_typer(snapshots.app, name="snapshots")
app.add_typer(evaluate.app, name="evaluate")


def main() -> None:
    """Run a command; every error ends as one sentence, its next step and exit code 1."""
    logging.basicConfig(format="%(levelname)s: %(message)s", stream=sys.stderr)
    try:
        app()
    except RagkitError as error:
        fail(error)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)


if __name__ == "__main__":
    main()
