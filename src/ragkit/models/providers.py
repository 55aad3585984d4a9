"""What the packages of all model providers have in common: extras, and how their exceptions read."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from ragkit.errors import (
    ConfigError,
    MissingExtra,
    RagkitError,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamTimeout,
    seconds_asked,
)

__all__ = ["explained", "require", "secrets_of", "shown", "status_of"]

_EXTRAS = ("openai", "anthropic", "ollama")
"""Providers whose package is an extra of ragkit of the same name."""


def require(provider: str, *, setting: str) -> None:
    """Check that the package of a provider is there.

    Raises:
        MissingExtra: It is an extra of ours, and not installed.
    """
    if provider not in _EXTRAS:
        return
    try:
        importlib.import_module(f"langchain_{provider}")
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"{setting} names the provider {provider!r}, whose package is not installed.",
            hint=f"pip install 'ragkit[{provider}]'",
        ) from error


def explained(name: str, error: Exception, *, setting: str, secrets: Sequence[str] = ()) -> RagkitError:
    """Ours for theirs. The SDKs of all providers put `status_code` and `response` on what they raise.

    Args:
        name: The model, as the setting spells it.
        error: What the provider's package raised.
        setting: `RAGKIT_LLM` or `RAGKIT_EMBEDDER`: where the address, the key and the timeout are set.
        secrets: Keys, which some providers repeat in what they say.
    """
    status = status_of(error)
    said = str(error).strip()
    for secret in filter(None, map(str.strip, secrets)):
        said = said.replace(secret, "…")
    reason = said.splitlines()[0][:300] if said else type(error).__name__
    if status in {401, 403}:
        return ConfigError(
            f"{name!r} does not accept the key ({status}).", hint=f"Check {setting}_API_KEY and what the key may use."
        )
    if status == 404:
        return ConfigError(
            f"{name!r} is not known at its address (404): {reason}", hint=f"Check {setting} and {setting}_BASE_URL."
        )
    if status == 429:
        return UpstreamRateLimited(
            f"{name!r} asks to slow down.", hint="Try again later.", retry_after=_retry_after(error)
        )
    if "timeout" in type(error).__name__.casefold():
        return UpstreamTimeout(f"{name!r} did not answer in time.", hint=f"{setting}_TIMEOUT_S sets how long to wait.")
    return UpstreamError(
        f"{name!r} failed: {reason}",
        hint=f"Try again; if it stays, check {setting}_BASE_URL and the provider's status.",
        retry_after=_retry_after(error),
    )


def secrets_of(model: object) -> list[str]:
    """The keys that one of LangChain's classes holds."""
    revealing = (getattr(value, "get_secret_value", None) for value in getattr(model, "__dict__", {}).values())
    return [secret for reveal in revealing if reveal is not None and (secret := str(reveal()))]


def shown(error: Exception, secrets: Sequence[str]) -> Exception | None:
    """The error as a cause of ours, which is logged with it; none where it repeats a key, as some providers do."""
    said, seen = [], set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:  # what it was raised from is logged as well
        seen.add(id(each))
        said.append(str(each))
        each = each.__cause__ or each.__context__
    # As the key stands in a header, or as Python writes it: without the line break that a file of secrets ends with.
    kept = [secret.strip() for secret in secrets if secret.strip()]
    return None if any(secret in text for secret in kept for text in said) else error


def status_of(error: Exception) -> int | None:
    """The HTTP status that a provider answered with, where it answered."""
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def _retry_after(error: Exception) -> float | None:
    return seconds_asked(getattr(getattr(error, "response", None), "headers", {}))
