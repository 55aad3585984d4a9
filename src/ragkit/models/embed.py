"""Which embedder a name means, and which backend runs it here."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit.errors import ConfigError, MissingExtra
from ragkit.models.folder import ModelFolder, find, missing

if TYPE_CHECKING:
    from ragkit.protocols import Embedder

__all__ = ["is_network", "open_embedder", "trained_on"]

_log = logging.getLogger(__name__)


def is_network(name: str) -> bool:
    """Whether it is `provider:model`, and not a path or a name with installed weights."""
    provider, colon, model = name.partition(":")
    return bool(colon and model) and provider.replace("_", "").isalnum() and not Path(name).exists()


def trained_on(name: str, *, home: Path) -> frozenset[str]:
    """The languages that a model was trained on, as ISO 639-1; empty where its files do not say."""
    if is_network(name):
        return frozenset()
    try:
        folder = find(name, home=home)
    except MissingExtra:  # what was converted from it works without it
        return frozenset()
    return folder.languages if folder else frozenset()


def open_embedder(name: str, *, home: Path, backend: str = "auto") -> Embedder:
    """Load an embedding model.

    Args:
        name: A name whose weights are installed, the path of a sentence-transformers folder, or the name of a model
            under `home/models`.
        home: `RAGKIT_HOME`; converted models are kept in its `models` folder.
        backend: `openvino`, `torch`, or `auto`: OpenVINO wherever it is installed and knows the model, else torch.

    Raises:
        ConfigError: There is no such model, or it cannot be loaded.
        MissingExtra: It needs a package that is not installed.
    """
    folder = find(name, home=home)
    if backend == "torch":
        return _torch(folder, name, home)
    from ragkit.models.convert import kept

    if made := kept(folder.name if folder else name, home=home, folder=folder):
        return _openvino(made, folder, name, home, backend)
    if folder is None:
        raise missing(name, home=home)
    return _first_time(folder, home, backend)


def _torch(folder: ModelFolder | None, name: str, home: Path) -> Embedder:
    if folder is None:
        raise missing(name, home=home)
    from ragkit.models.torch import TorchEmbedder

    return TorchEmbedder(folder)


def _openvino(made: Path, folder: ModelFolder | None, name: str, home: Path, backend: str) -> Embedder:
    from ragkit.models.openvino import OpenVinoEmbedder

    try:
        return OpenVinoEmbedder(made)
    except MissingExtra:
        if backend == "openvino" or folder is None:
            raise
        return _torch(folder, name, home)


def _first_time(folder: ModelFolder, home: Path, backend: str) -> Embedder:
    from ragkit.models.convert import converted, convertible
    from ragkit.models.openvino import OpenVinoEmbedder

    if convertible(folder):
        try:
            return OpenVinoEmbedder(converted(folder, home=home))
        except ConfigError as error:
            if backend == "openvino":
                raise
            _log.warning("%s Using torch.", error)
    elif backend == "openvino":
        raise ConfigError(
            f"The embedding model {folder.name!r} is of a kind that cannot be converted for OpenVINO.",
            hint="Set RAGKIT_EMBEDDER_BACKEND=torch.",
        )
    return _torch(folder, folder.name, home)
