"""`ragkit keys`: who may call the service, and how much they use."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from ragkit.cli.connect import kit
from ragkit.cli.options import Json
from ragkit.cli.output import console, print_json, print_table
from ragkit.rights import Limit, Measure, Period, Role

if TYPE_CHECKING:
    from ragkit.rights import Key, NewKey

__all__ = ["app"]

app = typer.Typer(help="API keys: who may call the service, and how much they use.", no_args_is_help=True)

UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}

KeyId = Annotated[str, typer.Argument(help="From `ragkit keys list`, or the beginning of the secret: `rk_…`.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="For people to tell it by.")],
    role: Annotated[
        str, typer.Option(metavar="ROLE", help="reader, editor, operator or admin; each may do what those before may.")
    ] = "reader",
    collection: Annotated[
        list[str] | None, typer.Option("--collection", "-c", help="One that it opens; again for more. All without it.")
    ] = None,
    access: Annotated[
        list[str] | None,
        typer.Option(metavar="TAG", help="An access tag that it carries; again for more. Without, it sees everything."),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(metavar="LIMIT", help="`requests=60/minute`, `tokens=1e6/day`, `usd=20/month`; again for more."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="WHEN", help="In `12h` or `30d`, or at a moment such as `2027-01-31`.")
    ] = None,
    json: Json = False,
) -> None:
    """Make a key and print its secret, which is shown this once."""
    if role not in get_args(Role):
        raise typer.BadParameter(f"{role!r} is none of {', '.join(get_args(Role))}.", param_hint="--role")
    with kit() as ragkit:
        made = ragkit.keys.create(
            name,
            role=cast("Role", role),
            collections=collection or None,
            access=access or None,
            limits=[_limit(one) for one in limit or ()],
            expires_at=None if expires is None else _moment(expires),
        )
    _show_new(made, json=json)


@app.command("list")
def list_keys(json: Json = False) -> None:
    """Every key without its secret, the newest first."""
    with kit() as ragkit:
        found = ragkit.keys.list()
    if json:
        print_json({"keys": found})
        return
    rows = [
        [
            key.id,
            key.name,
            _state(key),
            key.role,
            _all_or(key.collections),
            _all_or(key.access),
            ", ".join(map(_said, key.limits)),
            f"{key.expires_at:%Y-%m-%d %H:%M}" if key.expires_at else "never",
        ]
        for key in found
    ]
    columns = ["id", "name", "state", "role", "collections", "access", "limits", "expires"]
    print_table(columns, rows, empty="There is none: `ragkit keys create NAME` makes one.")


@app.command()
def rotate(
    key_id: KeyId,
    overlap: Annotated[str, typer.Option(metavar="TIME", help="How long the old secret goes on: `30m`, `12h`.")] = "0m",
    json: Json = False,
) -> None:
    """Give a key another secret and print it, once."""
    with kit() as ragkit:
        _show_new(ragkit.keys.rotate(key_id, overlap_s=_span(overlap).total_seconds()), json=json)


@app.command()
def revoke(key_id: KeyId, json: Json = False) -> None:
    """Let in nobody with this key any more."""
    with kit() as ragkit:
        key = ragkit.keys.revoke(key_id)
    if json:
        print_json(key)
    else:
        console(stderr=True).print(f"{key.id} ({key.name}) opens nothing any more.", markup=False)


@app.command()
def usage(key_id: KeyId, json: Json = False) -> None:
    """What a key has used: this minute, the last days and months."""
    with kit() as ragkit:
        found = ragkit.keys.usage(key_id)
    if json:
        print_json(found)
        return
    rows = [
        [window.per, f"{window.since:%Y-%m-%d %H:%M}", str(window.requests), str(window.tokens), f"{window.usd:.4f}"]
        for window in found.windows
    ]
    print_table(["per", "since (UTC)", "requests", "tokens", "usd"], rows, empty="It was not used yet.")
    said = ", ".join(map(_said, found.limits)) or "none"
    console(stderr=True).print(f"Limits: {said}. Answers under way: {found.reserved}.", markup=False)


def _show_new(made: NewKey, *, json: bool) -> None:
    if json:
        print_json(made)
        return
    err = console(stderr=True)
    key = made.key
    opens = f"collections: {_all_or(key.collections)}; documents: {_all_or(key.access)}"
    err.print(f"{key.id} ({key.name}): {key.role}; {opens}.", markup=False)
    err.print("Keep the secret; it is not shown again:", markup=False)
    console().print(made.secret, markup=False)


def _limit(text: str) -> Limit:
    measure, _, rest = text.partition("=")
    most, _, per = rest.partition("/")
    try:
        number = float(most)
    except ValueError:
        number = -1.0
    if measure not in get_args(Measure) or per not in get_args(Period) or not 0 <= number <= 1e12:
        raise typer.BadParameter(f"{text!r} is not like `requests=60/minute`.", param_hint="--limit")
    return Limit(measure=cast("Measure", measure), most=number, per=cast("Period", per))


def _moment(text: str) -> datetime:
    if re.fullmatch(r"\d+[mhd]", text):
        return datetime.now(UTC) + _span(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither like `30d` nor like `2027-01-31`.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _span(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is not like `30m`, `12h` or `30d`.")
    return int(found[1]) * UNITS[found[2]]


def _state(key: Key) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= datetime.now(UTC) else "active"


def _said(limit: Limit) -> str:
    return f"{limit.measure}={limit.most:g}/{limit.per}"


def _all_or(names: tuple[str, ...] | None) -> str:
    return "all" if names is None else ", ".join(names)
