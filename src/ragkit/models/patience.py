"""How long a provider is borne with, and how long to wait before it is asked again."""

from __future__ import annotations

from dataclasses import dataclass

from tenacity import RetryCallState, wait_random_exponential

from ragkit.errors import RagkitError

__all__ = ["Patience", "Wait"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a provider is asked again."""

    first_s: float = 0.5
    """The longest wait before the second try; it doubles with every further one, with jitter."""
    longest_s: float = 20.0
    total_s: float = 300.0
    """For one request, all waits together; a Retry-After that would go beyond it is not waited for."""
    failures: int = 5
    """In a row, being asked to slow down left out; then the provider is left alone."""
    rest_s: float = 30.0


class Wait:
    """As long as the provider asks for, else longer each time."""

    def __init__(self, patience: Patience) -> None:
        self._backoff = wait_random_exponential(multiplier=patience.first_s, max=patience.longest_s)

    def __call__(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, RagkitError) else None
        return self._backoff(state) if asked is None else asked
