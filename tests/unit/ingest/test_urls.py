from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest

from ragkit.errors import InputError, NotFound, RagkitError, TooLarge, UpstreamError
from ragkit.ingest.sources import Item
from ragkit.ingest.urls import _LISTED, UrlList, _client, _stay_outside, read_addresses, web_address


@dataclass
class Page:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Web:
    """A web server on loopback: pages by path, and the paths whose content it has sent."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.sent: list[str] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = web.pages.get(self.path, Page(status=404))
                asked = self.headers.get("if-none-match"), self.headers.get("if-modified-since")
                fresh = page.headers.get("etag", "-"), page.headers.get("last-modified", "-")
                unchanged = page.status == 200 and any(a == b for a, b in zip(asked, fresh, strict=True))
                self.send_response(304 if unchanged else page.status)
                for name, value in page.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if not unchanged:
                    web.sent.append(self.path)
                    self.wfile.write(page.body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self) -> list[str]:
        sent, self.sent = sorted(self.sent), []
        return sent


@pytest.fixture
def web() -> Iterator[Web]:
    web = Web()
    thread = threading.Thread(target=web.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield web
    web.server.shutdown()
    web.server.server_close()
    thread.join()


def listed(web: Web, tmp_path: Path, *paths: str, max_bytes: int = 1000) -> dict[str, Item]:
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    for old in scratch.iterdir():
        old.unlink()
    origin = UrlList(
        urls=[path if "://" in path else web.url + path for path in paths],
        prefix="w/",
        scratch=scratch,
        memory=tmp_path / "sources" / "w.json",
        max_bytes=max_bytes,
        access=("staff",),
    )
    return {item.uri.removeprefix(f"w/{web.url}"): item for item in origin.items()}


def why(item: Item) -> RagkitError:
    assert item.fetch is not None
    with pytest.raises(RagkitError) as caught:
        item.fetch()
    return caught.value


def test_an_address_is_a_document_with_its_address_as_uri(web: Web, tmp_path: Path) -> None:
    web.pages["/a.md"] = Page(b"# A")
    (item,) = listed(web, tmp_path, "/a.md", "/a.md").values()
    assert (item.uri, item.name, item.access) == (f"w/{web.url}/a.md", "a.md", ("staff",))
    assert item.path.read_bytes() == b"# A"
    assert item.metadata == {"url": f"{web.url}/a.md"}


@pytest.mark.parametrize("validator", ["etag", "last-modified"])
def test_an_unchanged_page_is_not_sent_again_and_a_changed_one_is(web: Web, tmp_path: Path, validator: str) -> None:
    web.pages["/a.md"] = Page(b"one", headers={validator: '"1"'})
    (first,) = listed(web, tmp_path, "/a.md").values()
    assert (first.sha256, web.take()) == (None, ["/a.md"])
    (again,) = listed(web, tmp_path, "/a.md").values()
    assert again.sha256 is not None
    assert web.take() == []
    assert not again.path.exists()
    web.pages["/a.md"] = Page(b"two", headers={validator: '"2"'})
    (changed,) = listed(web, tmp_path, "/a.md").values()
    assert (changed.sha256, changed.path.read_bytes()) == (None, b"two")


def test_an_unchanged_page_can_be_had_all_the_same(web: Web, tmp_path: Path) -> None:
    """As when its parser is a newer one now."""
    web.pages["/a.md"] = Page(b"one", headers={"etag": '"1"'})
    listed(web, tmp_path, "/a.md")
    (again,) = listed(web, tmp_path, "/a.md").values()
    assert again.fetch is not None
    again.fetch()
    assert again.path.read_bytes() == b"one"


def test_what_cannot_be_fetched_says_why_and_the_others_are_there(web: Web, tmp_path: Path) -> None:
    web.pages["/good.md"] = Page(b"good")
    web.pages["/broken"] = Page(status=500)
    web.pages["/loop"] = Page(status=302, headers={"location": "/loop"})
    web.pages["/local"] = Page(status=302, headers={"location": "file:///etc/hostname"})
    web.pages["/big"] = Page(b"x" * 2000)
    web.pages["/announced"] = Page(headers={"content-length": "2000"})
    items = listed(
        web, tmp_path, "/missing", "/broken", "/loop", "/local", "/big", "/announced", "http://127.0.0.1:1/", "/good.md"
    )
    assert list(items)[-1] == "/good.md", "in the order of the list"
    assert items["/good.md"].path.read_bytes() == b"good"
    assert items["/good.md"].fetch is None
    assert isinstance(why(items["/missing"]), NotFound)
    assert isinstance(why(items["/big"]), TooLarge)
    assert isinstance(why(items["/announced"]), TooLarge)
    for name in ("/broken", "/loop", "/local", "w/http://127.0.0.1:1/"):
        assert isinstance(why(items[name]), UpstreamError)
        assert name.removeprefix("w/") in why(items[name]).detail


def test_a_failure_does_not_forget_what_was_fetched_before(web: Web, tmp_path: Path) -> None:
    web.pages["/a.md"] = Page(b"one", headers={"etag": '"1"'})
    listed(web, tmp_path, "/a.md")
    web.pages["/a.md"].status = 503
    listed(web, tmp_path, "/a.md")
    web.pages["/a.md"].status = 200
    assert listed(web, tmp_path, "/a.md")["/a.md"].sha256 is not None


def test_a_redirect_is_followed(web: Web, tmp_path: Path) -> None:
    web.pages["/old"] = Page(status=301, headers={"location": "/new.md"})
    web.pages["/new.md"] = Page(b"moved")
    item = listed(web, tmp_path, "/old")["/old"]
    assert (item.name, item.path.read_bytes()) == ("new.md", b"moved")


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [
        ("/", "text/html; charset=utf-8", "127.0.0.1.html"),
        ("/about", "text/html", "about.html"),
        ("/about.php?page=2", "text/html", "about.php.html"),
        ("/report", "application/pdf", "report.pdf"),
        ("/caf%C3%A9.md", "text/plain", "café.md"),
        ("/table.csv", "application/octet-stream", "table.csv"),
    ],
)
def test_the_kind_of_a_page_is_what_the_server_says(web: Web, tmp_path: Path, path: str, kind: str, name: str) -> None:
    web.pages[path] = Page(b"x", headers={"content-type": kind})
    assert listed(web, tmp_path, path)[path].name == name


def test_a_damaged_memory_costs_only_the_download(web: Web, tmp_path: Path) -> None:
    web.pages["/a.md"] = Page(b"one", headers={"etag": '"1"'})
    listed(web, tmp_path, "/a.md")
    for damage in (b"{", b"[]", b'{"w/x": 3}', b'{"w/x": {"who": 1}}'):
        (tmp_path / "sources" / "w.json").write_bytes(damage)
        assert listed(web, tmp_path, "/a.md")["/a.md"].sha256 is None


def test_a_list_in_a_file_has_one_address_a_line(tmp_path: Path) -> None:
    file = tmp_path / "pages.txt"
    file.write_text("# the handbook\nhttps://a.example/x\n\n  http://b.example  \n")
    assert read_addresses(file) == ["https://a.example/x", "http://b.example"]
    file.write_text("https://a.example\nftp://b.example\n")
    with pytest.raises(InputError, match="line 2"):
        read_addresses(file)
    with pytest.raises(InputError, match="cannot be read"):
        read_addresses(tmp_path / "none.txt")


@pytest.mark.parametrize(
    ("address", "said"),
    [("https://ada:secret@example.org/a", "user name"), ("http://[::1/a", "IPv6"), ("ftp://example.org/a", "http")],
)
def test_an_address_that_cannot_stand_in_a_citation_is_refused(address: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        web_address(address)


OUTSIDE = "http://93.184.215.14/a"


@pytest.mark.parametrize(
    "inside",
    ["http://127.0.0.1/", "http://localhost:8000/", "http://10.1.2.3/", "http://[::1]/", "http://169.254.169.254/"],
)
def test_nobody_outside_sends_a_request_inside(inside: str) -> None:
    with pytest.raises(UpstreamError, match="local network"):
        _stay_outside(httpx2.Request("GET", inside, extensions={_LISTED: OUTSIDE}))
    for listed, asked in ((OUTSIDE, OUTSIDE), (inside, inside), (inside, "http://127.0.0.2/"), (inside, OUTSIDE)):
        _stay_outside(httpx2.Request("GET", asked, extensions={_LISTED: listed}))


def test_a_request_after_a_redirect_carries_the_address_of_the_list(web: Web, tmp_path: Path) -> None:
    web.pages["/a"] = Page(status=302, headers={"location": f"{web.url}/b"})
    asked: list[httpx2.Request] = []
    with _client() as client:
        client.event_hooks = {"request": [*client.event_hooks["request"], asked.append]}
        client.get(f"{web.url}/a", extensions={_LISTED: f"{web.url}/a"})
    assert [(request.url.path, request.extensions[_LISTED]) for request in asked] == [
        ("/a", f"{web.url}/a"),
        ("/b", f"{web.url}/a"),
    ]
