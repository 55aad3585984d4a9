"""`ragkit mcp`: the documents as tools for assistants."""

from __future__ import annotations

import typer

from ragkit.cli.connect import asynchronous
from ragkit.cli.options import Collection
from ragkit.errors import ConfigError

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(mcp)


def mcp(collection: Collection = None) -> None:
    """Offer the documents to an assistant as tools, by the Model Context Protocol on standard input and output.

    The assistant starts this command by itself: name it in its settings, with RAGKIT_URL or RAGKIT_HOME.
    """
    try:
        from ragkit.integrations.mcp import create_mcp_server
    except ImportError as error:
        raise ConfigError("`ragkit mcp` needs the package mcp.", hint="pip install 'ragkit[mcp]'") from error
    create_mcp_server(asynchronous(), collection=collection).run("stdio")
