"""Web pages and files by address, from the operator's own list.

Any address that the machine reaches can be in the list, also private ones: nobody but the operator writes it.
"""

from __future__ import annotations

import ipaddress
import mimetypes
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx2

from ragkit.errors import InputError, NotFound, RagkitError, UpstreamError, UpstreamTimeout
from ragkit.ingest.fetching import Memory, Seen, ahead, save_stream, too_large
from ragkit.ingest.sources import Item, failing

__all__ = ["UrlList", "read_addresses", "web_address"]

REDIRECTS = 5
TIMEOUT_S = 30.0
LONGEST_S = 600.0
"""For one file, however steadily it trickles in."""
_LISTED = "ragkit.listed"
"""What a request, also one after a redirect, carries: the address of the list that it is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlList:
    """Addresses to ingest from.

    Attributes:
        urls: Each is one document, `PREFIX` + address.
        prefix: What every uri begins with.
        scratch: A folder for what is fetched; it must stay until the run is over.
        memory: The file that remembers what is unchanged.
        max_bytes: Larger ones fail.
        options: For the parser.
        access: For each document.
    """

    urls: Sequence[str]
    prefix: str
    scratch: Path
    memory: Path
    max_bytes: int
    options: Mapping[str, str] = field(default_factory=dict)
    access: tuple[str, ...] = ()

    def items(self) -> Iterator[Item]:
        """Every address, fetched where it has changed; one that cannot be fetched is an item that says why."""
        memory = Memory(self.memory)
        with _client() as client:
            numbered = enumerate(dict.fromkeys(self.urls))
            yield from ahead(partial(self._item, client, memory, number, url) for number, url in numbered)
        memory.save()

    def _item(self, client: httpx2.Client, memory: Memory, number: int, url: str) -> Item:
        uri = self.prefix + url
        path = self.scratch / f"{number}"
        known = memory.recall(uri)
        fetch: Callable[[], object] | None = None
        sha256 = None
        try:
            seen = self._get(client, url, path, known)
            if seen is None and known is not None:
                sha256 = known.sha256
                fetch = partial(self._again, url, path)
        except RagkitError as error:
            seen, fetch = None, failing(error)
        if kept := seen or known:
            memory.keep(uri, kept)
        return Item(
            uri=uri,
            path=path,
            name=kept.name if kept else _name(url, ""),
            options=self.options,
            metadata={"url": url},
            access=self.access,
            sha256=sha256,
            fetch=fetch,
        )

    def _again(self, url: str, path: Path) -> None:
        """Fetch what has not changed: it was not ingested, or is to be processed in another way now."""
        with _client() as client:
            self._get(client, url, path, None)

    def _get(self, client: httpx2.Client, url: str, path: Path, known: Seen | None) -> Seen | None:
        """Fetch the address to a file; nothing, where the server says that it is as it was."""
        asked = {"if-none-match": known.etag, "if-modified-since": known.modified} if known else {}
        try:
            headers = {name: value for name, value in asked.items() if value}
            with client.stream("GET", url, headers=headers, extensions={_LISTED: url}) as answer:
                if answer.status_code == httpx2.codes.NOT_MODIFIED and known:
                    return None
                _refuse(url, answer)
                if int(answer.headers.get("content-length", "0")) > self.max_bytes:
                    raise too_large(url, self.max_bytes)
                digest = save_stream(_within(LONGEST_S, url, answer), path, name=url, max_bytes=self.max_bytes)
                return Seen(
                    etag=answer.headers.get("etag", ""),
                    modified=answer.headers.get("last-modified", ""),
                    sha256=digest,
                    name=_name(str(answer.url), answer.headers.get("content-type", "")),
                )
        except httpx2.TimeoutException as error:
            raise UpstreamTimeout(f"{url!r} did not answer within {TIMEOUT_S:.0f} s.") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            raise UpstreamError(f"{url!r} cannot be fetched: {error}.") from error
        except OSError as error:
            raise UpstreamError(f"{url!r} cannot be kept on disk: {error.strerror}.") from error


def web_address(url: str) -> str:
    """The address itself.

    Raises:
        ValueError: It is not one of the web.
    """
    if not re.match(r"https?://[^/\s]+", url):
        raise ValueError("must begin with http:// or https:// and a host")
    if urlsplit(url).username is not None:  # which also refuses a host in brackets that is no address
        raise ValueError("must not hold a user name: an address stands in every citation")
    return url


def read_addresses(file: Path) -> list[str]:
    """The addresses of a file, one a line; empty lines and those that begin with `#` are passed over.

    Raises:
        InputError: It cannot be read, or a line is no web address.
    """
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The list of addresses {str(file)!r} cannot be read: {error}.") from error
    addresses = []
    for number, line in enumerate(map(str.strip, lines), start=1):
        if line and not line.startswith("#"):
            try:
                addresses.append(web_address(line))
            except ValueError as error:
                raise InputError(f"In {str(file)!r}, line {number}: {line!r} {error}.") from error
    return addresses


def _refuse(url: str, answer: httpx2.Response) -> None:
    if answer.status_code in {httpx2.codes.NOT_FOUND, httpx2.codes.GONE}:
        raise NotFound(f"{url!r} is not there: the server answered {answer.status_code}.")
    if not answer.is_success:
        raise UpstreamError(f"{url!r} cannot be fetched: the server answered {answer.status_code}.")


def _client() -> httpx2.Client:
    return httpx2.Client(
        timeout=TIMEOUT_S,
        follow_redirects=True,
        max_redirects=REDIRECTS,
        headers={"user-agent": "ragkit"},
        event_hooks={"request": [_stay_outside]},
    )


def _stay_outside(request: httpx2.Request) -> None:
    """Refuse, before it is sent, what a server of the web asks of machines that only this one reaches."""
    listed = urlsplit(request.extensions[_LISTED]).hostname or ""
    if request.url.host != listed and _is_inside(request.url.host) and not _is_inside(listed):
        raise UpstreamError(
            f"{request.extensions[_LISTED]!r} leads to {request.url.host!r}, a machine of the local network.",
            hint="If that is wanted, put the address that it leads to in the list.",
        )


def _is_inside(host: str) -> bool:
    """Whether a name stands for this machine, or for one that the internet does not reach."""
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return False
    return any(not ipaddress.ip_address(str(place[0]).partition("%")[0]).is_global for *_, place in found)


def _within(limit_s: float, url: str, answer: httpx2.Response) -> Iterator[bytes]:
    started = time.monotonic()
    for part in answer.iter_bytes():
        if time.monotonic() - started > limit_s:
            raise UpstreamTimeout(f"{url!r} was not there to its end within {limit_s:.0f} s.")
        yield part


def _name(url: str, content_type: str) -> str:
    """The last part of the address, with the ending of what the server says it is: `/about` may be a page or a PDF."""
    parts = urlsplit(url)
    name = unquote(parts.path.rstrip("/").rpartition("/")[2]) or parts.hostname or "page"
    kind = content_type.partition(";")[0].strip().lower()
    ending = "" if kind in {"text/plain", "application/octet-stream"} else mimetypes.guess_extension(kind)
    return name if not ending or mimetypes.guess_type(name)[0] == kind else name + ending
