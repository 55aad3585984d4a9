from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.errors import ConfigError
from ragkit.models.prices import Prices, Tokens

MILLION = 1_000_000


@pytest.fixture(scope="module")
def prices() -> Prices:
    return Prices()


def test_the_table_says_of_when_it_is(prices: Prices) -> None:
    assert prices.version.startswith("20")


def test_each_kind_of_token_has_its_price(prices: Prices) -> None:
    """gpt-5-mini: .25 dollars a million read, .025 where they were cached, 2 written."""
    used = Tokens(input=2 * MILLION, cached=MILLION, output=MILLION)
    assert prices.cost("openai:gpt-5-mini", used) == pytest.approx(0.25 + 0.025 + 2)


def test_a_dated_edition_costs_what_its_model_costs(prices: Prices) -> None:
    used = Tokens(input=MILLION, output=0)
    assert prices.cost("openai:gpt-4o-2024-08-06", used) == prices.cost("openai:gpt-4o", used) == 2.5


def test_but_one_with_a_price_of_its_own_does_not(prices: Prices) -> None:
    assert prices.cost("openai:gpt-4o-2024-05-13", Tokens(input=MILLION, output=0)) == 5


def test_long_requests_cost_more_where_the_provider_says_so(tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text('[models]\n"a:b" = { input = 1, output = 0, above = { tokens = 10, input = 2, output = 0 } }')
    prices = Prices(file)
    assert prices.cost("a:b", Tokens(input=10, output=0)) == pytest.approx(10 / MILLION)
    assert prices.cost("a:b", Tokens(input=11, output=0)) == pytest.approx(22 / MILLION)


def test_an_unknown_model_has_no_price(prices: Prices) -> None:
    assert prices.cost("openai:qwen3", Tokens(input=1, output=1)) is None


def test_a_model_on_this_machine_costs_nothing(prices: Prices) -> None:
    assert prices.cost("ollama:llama3.2", Tokens(input=1, output=1)) == 0


def test_a_file_of_ones_own_counts_instead(tmp_path: Path, prices: Prices) -> None:
    file = tmp_path / "prices.toml"
    file.write_text('version = "mine"\n[models]\n"openai:gpt-4o" = { input = 1, output = 1 }')
    own = Prices(file)
    assert own.cost("openai:gpt-4o", Tokens(input=MILLION, output=0)) == 1
    assert own.cost("openai:gpt-5-mini", Tokens(input=0, output=MILLION)) == 2
    assert own.version == f"{prices.version}+mine"


@pytest.mark.parametrize(
    "text", ["", "[models", '[models]\n"a:b" = { input = -1, output = 1 }', '[models]\n"a:b" = { input = 1 }']
)
def test_a_file_that_is_no_table_of_prices(tmp_path: Path, text: str) -> None:
    file = tmp_path / "prices.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match="RAGKIT_LLM_PRICES"):
        Prices(file)
