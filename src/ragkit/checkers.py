"""Which checker `RAGKIT_CHECKER` means."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragkit.opinions import Checker
    from ragkit.settings import Settings

__all__ = ["open_checker"]


def open_checker(settings: Settings) -> Checker | None:
    """The checker beside the built-in one; none where none is set. Its weights are loaded at its first question.

    Raises:
        ConfigError: There is none by this name.
        MissingExtra: A package that it needs is not installed.
    """
    if settings.checker is None:
        return None
    from ragkit.answer.checkers import Sampled

    checker = _open(settings.checker, settings)
    return checker if settings.checker_share == 1 else Sampled(checker, share=settings.checker_share)


def _open(name: str, settings: Settings) -> Checker:
    from ragkit.models.named import is_llm, named_language_model

    if is_llm(name):
        from ragkit.answer.asking import AskingChecker

        return AskingChecker(named_language_model(name, settings, variable="RAGKIT_CHECKER"))
    from ragkit.models.entailment import open_entailment_model

    return open_entailment_model(name, home=settings.home.resolve())
