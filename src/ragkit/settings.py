"""Every `RAGKIT_*` variable.

Read once, in `ragkit.app.build`; nothing else looks at the environment. The reference page is generated from here.
"""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ragkit.errors import ConfigError

__all__ = ["Settings", "load", "unknown_names"]


class Settings(BaseSettings):
    """Settings from the environment and from `.env` in the working directory; the environment wins."""

    model_config = SettingsConfigDict(
        env_prefix="RAGKIT_",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    home: Path = Field(Path("var"), description="Where all state lives. Not on a network file system.")
    pipelines: Path = Field(Path("ingest/pipelines"), description="The folder of pipeline files.")
    collection: str = Field("default", description="The collection used where none is named.")

    url: str | None = Field(None, description="Use the service at this address instead of the local engine.")
    api_key: SecretStr | None = Field(None, description="The key that the SDK and the command line send.")
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="Keys that the service accepts, separated by commas. None: open, on loopback only."
    )
    jwt_issuer: str | None = Field(
        None, description="The identity provider whose tokens (JWT) are accepted beside keys: what `iss` in them is."
    )
    jwt_audience: str | None = Field(
        None, validate_default=True, description="What `aud` in a token holds; needed with RAGKIT_JWT_ISSUER."
    )
    jwt_keys_url: str | None = Field(
        None, description="Where the provider publishes its keys (JWKS); unset, by OpenID Connect Discovery."
    )
    jwt_role_claim: str = Field("roles", description="The claim of a token that holds roles, such as `editor`.")
    jwt_access_claim: str = Field("groups", description="The claim of a token that holds access tags.")
    jwt_collections_claim: str = Field(
        "collections", description="The claim of a token that holds the collections it opens; without it, all."
    )
    host: str = Field("127.0.0.1", description="The address that the service binds.")
    public_url: str | None = Field(
        None,
        description="Where browsers reach the service, for links to sources; unset, where the request was sent.",
    )
    root_path: str = Field(
        "",
        description="The path below which a proxy serves the service, such as /kb; it may take it off or leave it on.",
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Web pages elsewhere that may call the service, as https://app.example, separated by commas."
    )
    port: int = Field(8000, ge=0, le=65535, description="The port that the service binds; 0 takes a free one.")

    database_url: str | None = Field(None, description="Catalog database; SQLite under RAGKIT_HOME when unset.")
    chroma_url: str | None = Field(None, description="A Chroma server elsewhere, as http://host:port.")
    files_url: str | None = Field(
        None, description="Where original files are kept, such as s3://bucket/folder; RAGKIT_HOME/files when unset."
    )

    embedder: str = Field(
        "sentence-transformers/all-MiniLM-L6-v2",
        description="Embedding model: a name with installed weights, the path of a sentence-transformers folder, or "
        "provider:model for one behind the network.",
    )
    embedder_base_url: str | None = Field(None, description="Address of the embedding provider or server.")
    embedder_api_key: SecretStr | None = Field(
        None, description="Key for the embedding provider; else the provider's own variable."
    )
    embedder_timeout_s: float = Field(60.0, gt=0, description="Seconds to wait for a batch of embeddings.")
    embedder_backend: str = Field(
        "auto", pattern="^(auto|openvino|torch)$", description="auto picks the fastest that this processor runs."
    )
    chunk_tokens: int = Field(220, ge=32, le=8192, description="Largest chunk in the embedder's own tokens.")
    chunk_overlap: int = Field(0, ge=0, le=1024, description="Tokens that neighbouring chunks share.")

    llm: str = Field(
        "extractive",
        description="extractive (no model); provider:model as LangChain spells it, or huggingface:FOLDER; several, "
        "separated by commas, are asked in their order.",
    )
    llm_base_url: str | None = Field(
        None,
        description="Address of an OpenAI-compatible server. One is for all models of the first one's provider; "
        "several, separated by commas, are for the models in their order.",
    )
    llm_api_key: SecretStr | None = Field(
        None,
        description="Key for the model provider, or keys like the addresses; else the provider's own variable.",
    )
    llm_timeout_s: float = Field(60.0, gt=0, description="Seconds to wait for the model's next token.")
    llm_deadline_s: float = Field(
        120.0, gt=0, description="Seconds that a first token may take, with all tries of all models."
    )
    llm_prices: Path | None = Field(
        None, description="A TOML file of prices that count instead of those that ship (`ragkit/models/prices.toml`)."
    )
    llm_max_tokens: int = Field(1024, ge=1, description="Longest answer in tokens.")
    llm_window: int | None = Field(
        None,
        ge=512,
        description="Tokens that the model reads and writes in one call, where its name does not tell; the sources are "
        "cut to fit. Ollama is asked for a window of this size.",
    )
    llm_cache: int = Field(
        0, ge=0, description="Replies of the model that are remembered, for questions that come again; 0 for none."
    )
    context_tokens: int = Field(3000, ge=200, description="Budget for the numbered sources in a prompt, in tokens.")
    unsupported: Literal["flag", "drop", "abstain", "repair"] = Field(
        "flag",
        description="What becomes of a sentence that its sources do not support: it is flagged, or dropped; or the "
        "answer becomes a refusal (abstain), or is written once more after an objection (repair).",
    )
    checker: str | None = Field(
        None,
        description="A stronger check of cited sentences beside the built-in one: an NLI or hallucination "
        "cross-encoder by path or installed name; llm (the model of RAGKIT_LLM) or llm:provider:model.",
    )
    checker_share: float = Field(
        1.0, gt=0, le=1, description="The share of cited sentences, drawn by their words, that RAGKIT_CHECKER looks at."
    )
    history_tokens: int = Field(
        1000, ge=50, description="Budget for the conversation, where a model rewrites a follow-up question, in tokens."
    )
    reranker: str | None = Field(
        None,
        description="A cross-encoder or ColBERT-like model by path or installed name; llm (the model of RAGKIT_LLM) or "
        "llm:provider:model; or late-interaction (built in): then ingestion makes what it compares. Unset, it is "
        "late-interaction too, which makes that at the first question that needs it.",
    )

    max_file_mb: int = Field(200, ge=1, description="Largest file that is read, in MB.")
    settle_s: float = Field(
        1.0, gt=0, description="Seconds that a file in a followed folder must stay as it is before it is read."
    )
    parse_timeout_s: float = Field(
        120.0,
        gt=0,
        description="Seconds of computing after which a file's parser is given up; four times that by the clock.",
    )
    parse_workers: int = Field(2, ge=1, le=64, description="Parser processes.")
    parse_memory_mb: int = Field(
        2048, ge=1024, description="Most memory that a parser process may take, in MB. Enforced on Linux."
    )
    max_pages: int = Field(5000, ge=1, description="Most pages, slides or sheets of a document.")
    max_members: int = Field(10_000, ge=1, description="Most files in an archive or an Office package.")
    max_expanded_mb: int = Field(500, ge=1, description="Most that one archive or package may expand to, in MB.")
    max_ratio: int = Field(
        200, ge=2, description="Most that a large file in an archive may expand, as a multiple of its compressed size."
    )
    max_depth: int = Field(3, ge=0, le=10, description="How deep archives and e-mails inside one another are opened.")
    retention_days: float = Field(30, ge=0, description="How long a version that was replaced is kept, in days.")
    max_question_chars: int = Field(8000, ge=1, description="Longest question, in characters.")
    store_texts: bool = Field(
        True,
        description="Whether conversations and records of answers keep what was asked and answered. Without, records "
        "have ids, scores, verdicts and times, and a follow-up question knows nothing of those before.",
    )
    answers_at_once: int = Field(300, ge=1, description="Answers that the service writes at once.")
    answers_waiting: int = Field(
        100, ge=0, description="Questions that wait for their turn; what is more is turned away with 503."
    )
    answer_timeout_s: float = Field(
        300.0, gt=0, description="Seconds after which an answer is given up, and the model's call cancelled."
    )
    stop_grace_s: float = Field(
        20.0,
        gt=0,
        description="Seconds that answers may go on when the service is told to stop; what kills it must wait 10 more.",
    )
    resume_s: float = Field(
        10.0, ge=0, description="Seconds that a resumable stream goes on without a reader, and is kept after its end."
    )
    threads: int = Field(8, ge=1, le=256, description="Blocking calls that may run at once.")
    log_format: Literal["text", "json"] = Field("text", description="How the service and its worker write their log.")
    log_level: str = Field("warning", pattern="^(debug|info|warning|error)$", description="Least severe log line.")

    @field_validator("chunk_overlap")
    @classmethod
    def _half_at_most(cls, value: int, info: ValidationInfo) -> int:
        tokens = info.data.get("chunk_tokens", value * 2)  # not there when it is wrong itself
        if value > tokens // 2:
            raise ValueError(f"it is more than half of RAGKIT_CHUNK_TOKENS, {tokens}")
        return value

    @field_validator("jwt_audience")
    @classmethod
    def _for_whom(cls, value: str | None, others: ValidationInfo) -> str | None:
        if value is None and others.data.get("jwt_issuer"):
            raise ValueError("without it, tokens that the issuer made for other services would open this one")
        return value

    @field_validator("files_url")
    @classmethod
    def _with_protocol(cls, value: str | None) -> str | None:
        if value is not None and not all(value.partition("://")):
            raise ValueError("it is not an address such as s3://bucket/folder")
        return value

    @field_validator("public_url")
    @classmethod
    def _for_browsers(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("it begins with neither http:// nor https://")
        return value

    @field_validator("home", "pipelines")
    @classmethod
    def _expanded(cls, value: Path) -> Path:
        return value.expanduser()

    @field_validator("api_key", "embedder_api_key", "llm_api_key", mode="before")
    @classmethod
    def _stripped(cls, value: object) -> object:
        return value.strip() if isinstance(value, str) else value  # a mounted secret often ends its line

    @field_validator("root_path")
    @classmethod
    def _below(cls, value: str) -> str:
        path = value.strip("/")
        return f"/{path}" if path else ""

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if origin != "*" and not re.fullmatch(r"https?://[^/\s*]+", origin):
                raise ValueError(f"{origin!r} is no origin: write it as https://app.example, without a path")
        return value

    @field_validator("api_keys", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [key.strip() for key in value.split(",") if key.strip()] if isinstance(value, str) else value


def load(**overrides: object) -> Settings:
    """Read the settings.

    Raises:
        ConfigError: A variable has a value that cannot be used; the message names it.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # pydantic validates them
    except ValidationError as error:
        first = error.errors()[0]
        name = "RAGKIT_" + "_".join(str(part) for part in first["loc"]).upper()
        raise ConfigError(
            f"{name} cannot be {first['input']!r}: {first['msg'].removeprefix('Value error, ')}.",
            hint="docs/reference/settings.md lists every setting with its range.",
        ) from error
    except (UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"The file '.env' cannot be read: {error}.", hint="Save it as UTF-8.") from error


def unknown_names() -> dict[str, str | None]:
    """Variables that begin like a setting and are none, each with the setting that it may have been meant for."""
    known = [f"RAGKIT_{name.upper()}" for name in Settings.model_fields]
    given = {name.upper() for name in (*os.environ, *dotenv_values(".env")) if name.upper().startswith("RAGKIT_")}
    return {name: next(iter(difflib.get_close_matches(name, known, n=1)), None) for name in sorted(given - {*known})}
