"""Which provider of embeddings `RAGKIT_EMBEDDER=provider:model` means; LangChain knows how to reach it."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit.errors import ConfigError, MissingExtra
from ragkit.models.network import NetworkEmbedder
from ragkit.models.patience import Patience
from ragkit.models.providers import require
from ragkit.protocols import EmbedderSpec
from ragkit.settings import Settings

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

__all__ = ["open_network_embedder"]

SETTING = "RAGKIT_EMBEDDER"
MAX_TOKENS = {"openai": 8191}
OTHER_MAX_TOKENS = 512
"""Of models that do not say: most servers cut off silently what is beyond, and few models read less."""


def open_network_embedder(settings: Settings, *, patience: Patience | None = None) -> NetworkEmbedder:
    """Reach the model that `RAGKIT_EMBEDDER` names.

    The first time, its dimension is found by embedding a word; it is kept under `RAGKIT_HOME/models`.

    Raises:
        ConfigError: The name, the address or the key cannot be used.
        MissingExtra: The provider's package is not installed.
        UpstreamError: The provider does not answer the first time.
    """
    model = _open_langchain(settings)
    dimension = _kept_dimension(settings)
    if dimension is None:
        # Embedding anything tells it; a spec that is not known yet is only needed for messages.
        probe = NetworkEmbedder(model, spec=_spec(settings.embedder, 0), patience=patience)
        dimension = probe.dimension()
        _keep_dimension(settings, dimension)
    return NetworkEmbedder(model, spec=_spec(settings.embedder, dimension), patience=patience)


def _spec(name: str, dimension: int) -> EmbedderSpec:
    return EmbedderSpec(
        id=f"{name}@{dimension}",
        dimension=dimension,
        max_tokens=MAX_TOKENS.get(name.partition(":")[0], OTHER_MAX_TOKENS),
        pooling="provider",
    )


def _open_langchain(settings: Settings) -> Embeddings:
    provider, _, model = settings.embedder.partition(":")
    try:
        from langchain.embeddings import init_embeddings
    except ModuleNotFoundError as error:
        raise MissingExtra(f"{SETTING} needs LangChain.", hint="pip install 'ragkit[server]'") from error
    require(provider, setting=SETTING)
    # The OpenAI package looks at httpx in a call, and fails while another thread is still importing it.
    importlib.import_module("httpx")
    try:
        opened: Embeddings = init_embeddings(model, provider=provider, **_options(provider, settings))
    except ImportError as error:
        raise MissingExtra(f"{SETTING}={settings.embedder!r} needs another package: {error}") from error
    except Exception as error:  # each provider's class checks its arguments in its own way
        if "api_key" in str(error).casefold():
            raise ConfigError(
                f"{SETTING}={settings.embedder!r} needs a key, and there is none.",
                hint=f"Set {SETTING}_API_KEY, or the provider's own variable.",
            ) from error
        raise ConfigError(
            f"{SETTING} cannot be {settings.embedder!r}: {str(error).splitlines()[0]}",
            hint="Write the name of installed weights, or provider:model with a provider that LangChain knows.",
        ) from error
    return opened


def _options(provider: str, settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if settings.embedder_base_url:
        options["base_url"] = settings.embedder_base_url
    if settings.embedder_api_key:
        options["api_key"] = settings.embedder_api_key.get_secret_value()
    if provider == "ollama":
        options.pop("api_key", None)
        return options | {"client_kwargs": {"timeout": settings.embedder_timeout_s}}
    if provider == "openai":
        if settings.embedder_base_url:
            # Servers of one's own rarely ask for a key, the package does; OPENAI_API_KEY is not for them.
            options.setdefault("api_key", "none")
        # Batches and tries are ours; its own counting of tokens would fetch an encoding.
        options |= {"check_embedding_ctx_length": False, "chunk_size": 2048, "max_retries": 0}
        options |= {"timeout": settings.embedder_timeout_s}
    return options


def _dimension_file(settings: Settings) -> Path:
    origin = f"{settings.embedder} {settings.embedder_base_url or ''}"
    digest = hashlib.blake2b(origin.encode(), digest_size=8).hexdigest()
    return settings.home / "models" / f"network-{digest}.json"


def _kept_dimension(settings: Settings) -> int | None:
    try:
        return int(json.loads(_dimension_file(settings).read_text("utf-8"))["dimension"])
    except (OSError, ValueError, KeyError):
        return None


def _keep_dimension(settings: Settings, dimension: int) -> None:
    file = _dimension_file(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    written = file.with_suffix(f".{os.getpid()}")
    written.write_text(json.dumps({"embedder": settings.embedder, "dimension": dimension}), "utf-8")
    written.replace(file)
