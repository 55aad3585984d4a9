"""The chat page as it is served: whole, without a key, and under a policy that lets nothing else in."""

from __future__ import annotations

import re

import pytest

LINKED = re.compile(r'(?:src|href)="(?!#)([^"]+)"')
IMPORTED = re.compile(r'from "\./([^"]+)"')


@pytest.fixture
def page(http):
    return http.get("/")


def test_the_page_comes_with_everything_that_it_names(http, page):
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    linked = LINKED.findall(page.text)
    assert len(linked) == 3
    waiting, loaded = [f"/{path}" for path in linked], set()
    while waiting:
        path = waiting.pop()
        part = http.get(path)
        assert part.status_code == 200, path
        loaded.add(path)
        waiting += {f"/page/{name}" for name in IMPORTED.findall(part.text)} - loaded
    assert len(loaded) == 10


def test_a_key_is_asked_for_by_the_page_and_not_for_the_page(open_service):
    http = open_service(api_keys=["s3cret"])
    assert http.get("/").status_code == 200
    assert http.get("/page/app.js").status_code == 200
    assert http.get("/v1/collections").status_code == 401


def test_the_policy_lets_the_page_load_nothing_from_elsewhere_and_run_nothing_inline(http, page):
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src")} == {"'self'"}
    assert policy["frame-ancestors"] == "'none'"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script(?![^>]*src=)|\sstyle=|\son\w+=|https?:", page.text)
    assert "content-security-policy" in http.get("/page/app.js").headers


@pytest.mark.parametrize("name", ["nosuch.js", "..%2Fapp.py", "%2e%2e/app.py", "index.html.bak"])
def test_nothing_but_its_parts_is_served(http, name):
    assert http.get(f"/page/{name}").status_code == 404
