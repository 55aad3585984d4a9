"""The path of a request below the one that a proxy serves ragkit at."""

from __future__ import annotations

from starlette.types import Scope

__all__ = ["path_of"]


def path_of(scope: Scope) -> str:
    """The same whether the proxy takes its prefix off or leaves it on, as Starlette's routes see it."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path.removeprefix(root) if root and path.startswith(f"{root}/") else path
