"""Checking sentences with a cross-encoder in a folder: of natural language inference, or one that scores support."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from ragkit.errors import ConfigError, MissingExtra
from ragkit.models.folder import ModelFolder, slug
from ragkit.models.tokenizer import encodable
from ragkit.opinions import Opinion
from ragkit.threads import Once
from ragkit.types import Hit, Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sentence_transformers import CrossEncoder

__all__ = ["EntailmentChecker", "labels_of", "open_entailment_model", "probabilities"]

SUPPORTED, PARTLY, CONTRADICTED = 0.5, 0.25, 0.5
"""Probabilities from which on a sentence is supported, partly supported, or contradicted."""

_TAKES = (
    "RAGKIT_CHECKER takes the complete folder of a cross-encoder whose config.json names its classes in id2label "
    "(entailment, contradiction, neutral; or supported, consistent, hallucinated), or that has one output, the "
    "probability of support."
)
_FOR = ("entail", "support", "consistent", "factual", "faithful", "grounded")
_AGAINST = ("contradict", "refut")
_NOT = ("not", "un", "in", "non", "halluc")


def open_entailment_model(name: str, *, home: Path) -> EntailmentChecker:
    """A cross-encoder by its folder; its weights are loaded when it is first asked.

    Args:
        name: The path of a model folder, or the name of one under `home/models`.
        home: `RAGKIT_HOME`.

    Raises:
        ConfigError: There is no such folder, or it is of another kind of model.
    """
    for path in (Path(name).expanduser(), home / "models" / slug(name)):
        if (path / "config.json").is_file():
            return EntailmentChecker(name, path)
    raise ConfigError(
        f"RAGKIT_CHECKER is {name!r}, which is not the folder of a cross-encoder.",
        hint=f"Nothing is downloaded: put the model's folder at {str(home / 'models' / slug(name))!r}, set 'llm' for "
        "the language model, or unset RAGKIT_CHECKER for the built-in check alone.",
    )


class EntailmentChecker:
    """Reads passage and sentence together; safe to share, one sentence at a time.

    Args:
        name: As `RAGKIT_CHECKER` has it.
        path: The folder.
    """

    def __init__(self, name: str, path: Path) -> None:
        self._name = name
        found = labels_of(name, path)
        self._named = found is not None
        self._supports, self._contradicts = found or (0, None)
        self._model = Once(partial(_loaded, name, path))
        self._turn = anyio.CapacityLimiter(1)

    @property
    def name(self) -> str:
        return self._name

    async def opinion(self, statement: str, passages: Sequence[Hit]) -> Opinion:
        """Of each passage, and of all in a row; the one that supports it most counts.

        Raises:
            ConfigError: The model cannot be loaded.
            MissingExtra: sentence-transformers is not installed.
        """
        return await anyio.to_thread.run_sync(partial(self._opinion, statement, passages), limiter=self._turn)

    def _opinion(self, statement: str, passages: Sequence[Hit]) -> Opinion:
        texts = [_read(hit) for hit in passages]
        texts += ["\n".join(texts)] if len(texts) > 1 else []
        pairs = [(encodable(text), encodable(statement)) for text in texts]
        scores = self._model().predict(pairs, show_progress_bar=False)
        chances = probabilities(scores)
        if not self._named and chances.shape[1] > 1:
            raise _unnamed(self._name, f"{chances.shape[1]} without names")
        best = chances[int(chances[:, self._supports].argmax())]
        supported = float(best[self._supports])
        against = 0.0 if self._contradicts is None else float(best[self._contradicts])
        return Opinion(verdict=_verdict(supported, against), score=round(supported, 4))


def labels_of(name: str, path: Path) -> tuple[int, int | None] | None:
    """Which output says that the sentence is supported, and which that it is contradicted, where one does.

    None where no outputs are named, as of a model with a single one.

    Raises:
        ConfigError: The model does not say what its outputs mean.
    """
    config = ModelFolder(name=name, path=path).json("config.json")
    named = {int(number): str(label).casefold() for number, label in (config.get("id2label") or {}).items()}
    if len(named) <= 1:
        return None
    supports = [number for number, label in named.items() if _is(label, _FOR)]
    contradicts = [number for number, label in named.items() if _is(label, _AGAINST)]
    if len(supports) != 1:
        raise _unnamed(str(path), ", ".join(named.values()))
    return supports[0], contradicts[0] if contradicts else None


def _unnamed(checker: str, outputs: str) -> ConfigError:
    return ConfigError(
        f"The checker {checker!r} does not say which of its outputs means support: {outputs}.", hint=_TAKES
    )


def _is(label: str, kind: Sequence[str]) -> bool:
    return any(word in label for word in kind) and not (kind is _FOR and label.startswith(_NOT))


def _verdict(supported: float, against: float) -> Verdict:
    if supported >= SUPPORTED:
        return "supported"
    if against >= CONTRADICTED:
        return "contradicted"
    return "partly" if supported >= PARTLY else "unsupported"


def probabilities(scores: NDArray[Any]) -> NDArray[np.float64]:
    """Shape (pairs, outputs). One output is a probability already; several are logits, unless they add up to 1."""
    import numpy as np

    found = np.asarray(scores, np.float64)
    if found.ndim == 1:
        return np.clip(found[:, None], 0, 1)
    if np.allclose(found.sum(axis=1), 1, atol=1e-3) and (found >= 0).all():
        return found
    powers = np.exp(found - found.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _read(hit: Hit) -> str:
    above = " > ".join(filter(None, (hit.title, hit.heading)))
    return f"{above}\n{hit.text}" if above else hit.text


def _loaded(name: str, path: Path) -> CrossEncoder:
    try:
        from sentence_transformers import CrossEncoder
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()  # type: ignore[no-untyped-call]
        model: CrossEncoder = CrossEncoder(str(path), device="cpu", local_files_only=True)
        return model
    except ImportError as error:
        raise MissingExtra(
            f"The checker {name!r} needs the package 'sentence-transformers'.", hint="pip install 'ragkit[local]'"
        ) from error
    except Exception as error:  # whatever the model's own code raises
        raise ConfigError(f"The checker {str(path)!r} cannot be loaded: {error}.", hint=_TAKES) from error
