from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ragkit.answer.conversations import SoFar
from ragkit.answer.turn import Turn
from ragkit.types import PromptVersion, Usage

PROMPT = PromptVersion(
    name="answer", version=1, template="", variables=(), sha256="", note="", created_at=datetime.now(UTC)
)


@pytest.mark.parametrize(("condensed", "answered"), [(True, False), (False, True), (True, True)])
def test_a_paid_answer_is_not_called_cached_as_its_question_was(condensed: bool, answered: bool) -> None:
    turn = Turn(
        question="", standalone="", collection="", conversation=SoFar(id=""), prompt=PROMPT, generation=1, model="",
        trace_id="", began=0.0, hits=(),
    )  # fmt: skip
    assert not turn.answer().usage.cached
    turn.usage = [Usage(cached=condensed), Usage(input_tokens=5, cost_usd=0.1, cached=answered)]
    assert turn.answer().usage.cached == (condensed and answered)
