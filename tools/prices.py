"""Write src/ragkit/models/prices.toml from the table that the package genai-prices ships.

Run it with that package installed beside ragkit: `pip install genai-prices`, then `python -m tools.prices`. It is not a
dependency: prices are data of ours, which users replace line by line.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ragkit.models.prices import undated

TARGET = Path(__file__).resolve().parent.parent / "src" / "ragkit" / "models" / "prices.toml"
PROVIDERS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "google_genai",
    "mistral": "mistralai",
    "groq": "groq",
    "deepseek": "deepseek",
    "x-ai": "xai",
}
"""Those of genai-prices, with what LangChain calls them."""
FIELDS = {"input": "input_mtok", "output": "output_mtok", "cached": "cache_read_mtok", "written": "cache_write_mtok"}
NOT_CHAT = re.compile(r"^ft:|claude-v|audio|image|embed|moderation|realtime|transcribe|tts|whisper|live|veo|imagen")


def main() -> None:
    """Write the table."""
    rows = dict(row for provider in _providers() for row in _rows(provider))
    # A dated edition that costs what the others cost goes without saying.
    kept = {name: value for name, value in rows.items() if name == undated(name) or rows.get(undated(name)) != value}
    lines = [f'"{name}" = {value}' for name, value in sorted(kept.items())]
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    head = [
        "# US dollars for a million tokens: read (input), read from the provider's cache (cached), written to it",
        "# (written), written by the model (output). `above`: the same where a request reads more than its `tokens`.",
        f'version = "{today}"',
        f'source = "genai-prices {version("genai-prices")} (MIT licence), standard tier; python -m tools.prices"',
        "",
        "[models]",
        "# In the memory of this process, and on a server of one's own, tokens cost nothing.",
        '"huggingface:*" = { input = 0, output = 0 }',
        '"ollama:*" = { input = 0, output = 0 }',
    ]
    TARGET.write_text("\n".join([*head, *lines, ""]), "utf-8")


def _providers() -> list[Any]:
    from genai_prices.data import providers  # type: ignore[import-not-found]  # installed for this tool only

    return [provider for provider in providers if provider.id in PROVIDERS]


def _rows(provider: Any) -> Iterator[tuple[str, str]]:
    for model in provider.models:
        price = model.get_prices(datetime.datetime.now(datetime.UTC))
        if NOT_CHAT.search(model.id) or price.input_mtok is None or price.output_mtok is None:
            continue
        for name in (*_names(model.match), model.id):
            yield f"{PROVIDERS[provider.id]}:{name}", _value(price)


def _names(clause: Any) -> Iterator[str]:
    for each in getattr(clause, "or_", [clause]):
        name = getattr(each, "equals", None) or getattr(each, "starts_with", None)
        if name and ".ft" not in name:
            yield name.rstrip("-@")


def _value(price: Any) -> str:
    base, above, limit = {}, {}, None
    for ours, theirs in FIELDS.items():
        amount = getattr(price, theirs, None)
        if amount is None:
            continue
        base[ours] = getattr(amount, "base", amount)
        for tier in getattr(amount, "tiers", [])[:1]:
            limit, above[ours] = tier.start, tier.price
    parts = _pairs(base)
    if limit:
        parts += f", above = {{ tokens = {limit}, {_pairs(above)} }}"
    return f"{{ {parts} }}"


def _pairs(amounts: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {amount}" for name, amount in amounts.items())


if __name__ == "__main__":
    main()
