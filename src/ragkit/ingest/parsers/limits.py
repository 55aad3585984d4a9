"""What a file may cost before it is refused; to a parser the limits come as options of its source."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

from ragkit.errors import ConfigError, TooLarge
from ragkit.protocols import Source

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Each is an option of the same name; the settings `RAGKIT_MAX_*` give it to every document."""

    max_pages: int = 5000
    """Of a document; sheets and slides count as pages."""
    max_members: int = 10_000
    """Files in an archive or an Office package."""
    max_expanded_mb: int = 500
    """Of all members of one archive or package together, in units of 10^6 bytes."""
    max_ratio: int = 200
    """Expanded over compressed size of a member that expands to 10 MB or more."""

    @classmethod
    def of(cls, source: Source) -> Limits:
        """Those among the options of a source, the default where there is none.

        Raises:
            ConfigError: One of them is not a positive number.
        """
        given = {field.name: source.options[field.name] for field in fields(cls) if field.name in source.options}
        for name, value in given.items():
            if not (value.isascii() and value.isdigit() and int(value)):
                raise ConfigError(f"The parser option {name!r} of {source.name!r} is not a positive number: {value!r}.")
        return cls(**{name: int(value) for name, value in given.items()})

    def options(self) -> dict[str, str]:
        """As `Source.options` has them."""
        return {name: str(value) for name, value in asdict(self).items()}

    def check_pages(self, count: int, *, name: str, kind: str) -> None:
        """Refuse a document of too many pages.

        Raises:
            TooLarge: It has more than `max_pages`.
        """
        if count > self.max_pages:
            raise TooLarge(
                f"{name!r} has {count} {kind}; the limit is {self.max_pages} (RAGKIT_MAX_PAGES).",
                hint="Split it, or raise the limit.",
            )
