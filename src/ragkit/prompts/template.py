"""Templates with `{{variable}}` and nothing else: no logic, no escapes, one pass.

A value is never looked at again after it was put in, so a document that contains `{{question}}` stays what it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from ragkit.errors import InputError

__all__ = ["render", "variables"]

_VARIABLE = re.compile(r"\{\{[ \t]*([A-Za-z_][A-Za-z0-9_]*)[ \t]*\}\}")
_OPENING = re.compile(r"\{\{(?![ \t]*[A-Za-z_][A-Za-z0-9_]*[ \t]*\}\})")


def variables(template: str) -> tuple[str, ...]:
    """The names it needs, in the order of their first appearance.

    Raises:
        InputError: `{{` begins something that is not a variable.
    """
    broken = _OPENING.search(template)
    if broken:
        line = template.count("\n", 0, broken.start()) + 1
        raise InputError(
            f"Line {line} of the template has {template[broken.start() :][:20]!r}, which is not a variable.",
            hint="A variable is written {{name}}, with letters, digits and underscores.",
        )
    return tuple(dict.fromkeys(_VARIABLE.findall(template)))


def render(template: str, values: Mapping[str, str]) -> str:
    """Put the values in, each exactly as it is.

    Raises:
        InputError: The template needs a variable that has no value, or lacks one that has.
    """
    names = variables(template)
    check_variables(names, values)
    return _VARIABLE.sub(lambda match: values[match.group(1)], template)


def check_variables(names: Collection[str], expected: Collection[str]) -> None:
    """Hold a template's variables against what the caller will give it.

    Raises:
        InputError: They differ; the message names both sides.
    """
    unknown = [name for name in names if name not in expected]
    missing = [name for name in expected if name not in names]
    if unknown:
        raise InputError(
            f"The template uses {_listed(unknown)}, which {'has' if len(unknown) == 1 else 'have'} no value here.",
            hint=f"It can use {_listed(expected)}." if expected else "It can use no variables.",
        )
    if missing:
        wanted = " and ".join("{{" + name + "}}" for name in missing)
        raise InputError(f"The template lacks {_listed(missing)}.", hint=f"Write {wanted} into it.")


def _listed(names: Collection[str]) -> str:
    return ", ".join(repr(name) for name in names)
