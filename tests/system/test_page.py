"""The chat page in a real browser, over a real service: `make test-system` installs Chromium and runs these."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.running import free_port, ok, running

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.system

EVIL = "<img src=x onerror=\"document.title='stolen'\"><script>document.title='stolen'</script>"
FACT = "Gift cards are not refundable."
CORPUS = {
    "cards.md": f"# Gift cards\n\n{FACT} They can be given to somebody else at any time.\n",
    "markup.txt": f"The banner of the shop is written as {EVIL} on every page of it.\n",
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[str]:
    home, corpus = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("corpus")
    (home / "models").symlink_to(models)
    for name, text in CORPUS.items():
        (corpus / name).write_text(text, "utf-8")
    assert ok("ingest", str(corpus), RAGKIT_HOME=str(home))["added"] == len(CORPUS)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running(["ragkit", "serve", "--port", str(port)], answers_at=f"{url}/readyz", env={"RAGKIT_HOME": str(home)}):
        yield url


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    assert chromium, "make test-system installs it"
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])


@pytest.fixture
def page(browser, address: str) -> Iterator[Page]:
    context = browser.new_context(base_url=address)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    page.locator("#collection option").nth(1).wait_for(state="attached")
    yield page
    context.close()
    assert errors == []


def ask(page: Page, question: str) -> None:
    page.fill("#question", question)
    page.keyboard.press("Enter")
    page.locator("article").last.locator(".about").wait_for()


def test_an_answer_shows_where_it_is_taken_from(page: Page) -> None:
    ask(page, "Are gift cards refundable?")
    answer = page.locator("article").last
    assert FACT in answer.locator(".text").inner_text()
    answer.locator(".chip").first.click()
    mark = page.locator("#source mark")
    assert mark.inner_text() == FACT
    assert "supports the sentence" in page.locator("#source .said").inner_text()
    page.keyboard.press("Escape")
    assert page.locator("#source").is_hidden()
    assert answer.locator(".chip").first.evaluate("chip => chip === document.activeElement")


def test_a_reader_says_what_answer_and_citation_are_worth(page: Page) -> None:
    ask(page, "Are gift cards refundable?")
    answer = page.locator("article").last
    down = answer.get_by_role("button", name="Bad answer")
    down.click()
    answer.locator(".complaint select").select_option("outdated")
    answer.locator(".complaint textarea").fill("They are, since March.")
    answer.locator(".complaint button").click()
    answer.locator(".complaint form").wait_for(state="detached")
    assert down.get_attribute("aria-pressed") == "true"
    answer.locator(".chip").first.click()
    up = page.locator("#source").get_by_role("button", name="Good citation")
    up.click()
    page.locator("#source .thumbs .note", has_text="Noted").wait_for()
    found = page.request.get("/v1/feedback").json()["feedback"]
    assert [(one["citation"], one["rating"], one["reasons"]) for one in found] == [
        (0, "up", []),
        (None, "down", ["outdated"]),
    ]
    assert found[1]["correction"] == "They are, since March."
    down.click()
    answer.locator(".thumbs .note", has_text="Taken back").wait_for()
    assert [one["citation"] for one in page.request.get("/v1/feedback").json()["feedback"]] == [0]


def test_a_link_from_elsewhere_opens_the_quoted_sentence(page: Page) -> None:
    body = {"model": "ragkit", "messages": [{"role": "user", "content": "Are gift cards refundable?"}]}
    source = page.request.post("/v1/chat/completions", data=body).json()["ragkit"]["sources"][0]
    page.goto(source["url"])
    assert page.locator("#source mark").inner_text() == source["quote"] == FACT


def test_a_refusal_says_so(page: Page) -> None:
    ask(page, "Who won the football world cup of 1998?")
    assert page.locator("article .reason").count() == 1
    assert page.locator("article .chip").count() == 0


def test_markup_in_documents_and_questions_stays_text(page: Page) -> None:
    ask(page, f"How is the banner of the shop written? {EVIL}")
    assert EVIL in page.locator("article .question").inner_text()
    page.locator("article .chip").first.click()
    page.locator("#source .uri").wait_for()
    assert EVIL in page.locator("#source .excerpt").inner_text()
    assert page.locator("article img, #source img").count() == 0
    assert page.title() == "ragkit"


def test_conversations_are_kept_shown_and_forgotten(page: Page) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    ask(page, "Can gift cards be given to somebody else?")
    kept = page.locator("nav li")
    first = kept.first.locator("button").first
    page.locator("nav li:first-child button[aria-current=true]").wait_for()
    page.click("#begin")
    assert page.locator("article").count() == 0
    first.click()
    page.locator("article .about").wait_for()
    assert page.locator("article .chip").count() >= 1
    before = kept.count()
    kept.first.locator(".drop").click()
    page.locator("article").wait_for(state="detached")
    page.locator("nav li").nth(before - 1).wait_for(state="detached")


def test_a_document_can_be_added_and_asked_about(page: Page) -> None:
    text = b"The blue kettle of the office kitchen holds exactly 2.3 litres. It was bought in March 2024."
    page.set_input_files("#files", [{"name": "kettle.txt", "mimeType": "text/plain", "buffer": text}])
    page.locator("#notices", has_text=re.compile("can be asked about now")).wait_for(timeout=60_000)
    ask(page, "How many litres does the blue kettle hold?")
    assert "2.3 litres" in page.locator("article").last.locator(".text").inner_text()


def test_a_connection_that_breaks_off_is_told(page: Page) -> None:
    page.context.set_offline(True)
    page.fill("#question", "Are gift cards refundable?")
    page.keyboard.press("Enter")
    problem = page.locator("article .problem")
    problem.wait_for()
    assert "cannot be reached" in problem.inner_text()


def test_an_answer_whose_connection_breaks_off_goes_on(page: Page) -> None:
    def cut(route: Route) -> None:
        reply = route.fetch()
        route.fulfill(response=reply, body=reply.body()[:900])

    page.route("**/v1/ask", cut, times=1)
    ask(page, "Are gift cards refundable?")
    answer = page.locator("article").last
    (kept,) = page.request.get("/v1/answers?limit=1").json()["answers"]
    whole = page.request.get(f"/v1/answers/{kept['id']}").json()["answer"]
    assert FACT in answer.locator(".text").inner_text()
    assert answer.locator(".chip").count() == len(re.findall(r"\[\d+\]", whole["answer"])) > 0
    assert answer.locator(".problem").count() == 0


def test_a_key_that_may_only_ask_is_told_so(page: Page, address: str) -> None:
    me = {"id": "rk_x", "role": "reader", "collections": ["default"], "access": None, "limits": []}
    page.route("**/v1/me", lambda route: route.fulfill(json=me))
    page.goto(f"{address}/?again")
    page.locator("#may", has_text="add no documents").wait_for()
    assert page.locator("#add").is_disabled()
    ask(page, "Are gift cards refundable?")
    assert FACT in page.locator("article").last.locator(".text").inner_text()


def test_a_key_is_asked_for_once_and_not_forced_upon_the_reader(page: Page, address: str) -> None:
    def locked(route: Route) -> None:
        if route.request.headers.get("authorization") == "Bearer good":
            route.continue_()
        else:
            route.fulfill(status=401, json={"status": 401, "code": "unauthenticated", "detail": "A key is needed."})

    page.route("**/v1/**", locked)
    page.goto(f"{address}/?locked")
    page.locator("dialog[open]").wait_for()
    page.keyboard.press("Escape")
    page.locator("#notices button").click()
    for given in ("bad", "good"):
        page.locator("dialog[open] input").fill(given)
        page.keyboard.press("Enter")
    page.locator("#collection option").nth(1).wait_for(state="attached")
    page.locator("#notices .problem").wait_for(state="detached")
    assert page.locator("dialog[open]").count() == 0
    ask(page, "Are gift cards refundable?")


def test_a_chip_keeps_the_focus_while_the_answer_is_written_on(page: Page) -> None:
    kept = page.evaluate("""async () => {
        const { Entry } = await import("/page/answer.js");
        const entry = new Entry("?", () => {});
        document.getElementById("log").append(entry.root);
        const said = { title: "Cards", heading: "", page: null, verdict: "supported", supported: true };
        const citation = (marker) => ({ marker, ...said });
        entry.take({ event: "token", data: { text: "Not refundable [1]. Th" } });
        entry.take({ event: "citation", data: citation(1) });
        const chip = entry.root.querySelector(".chip");
        chip.focus();
        entry.take({ event: "token", data: { text: "ey can be given [2]." } });
        entry.take({ event: "citation", data: citation(2) });
        const answer = "Not refundable [1]. They can be given [2].";
        entry.take({ event: "done", data: { answer, citations: [citation(1), citation(2)], took_ms: 1, model: "m" } });
        return [chip === document.activeElement, entry.body.textContent, entry.body.querySelectorAll(".chip").length];
    }""")
    assert kept == [True, "Not refundable 1. They can be given 2.", 2]


def test_the_end_of_an_answer_leaves_the_focus_where_the_reader_is(page: Page) -> None:
    page.fill("#question", "Are gift cards refundable?")
    page.keyboard.press("Enter")
    page.locator("#theme").focus()
    page.locator("article .about").wait_for()
    page.locator("nav li:first-child button[aria-current=true]").wait_for()
    assert page.evaluate("() => document.activeElement.id") == "theme"


def test_of_two_conversations_only_the_one_chosen_last_is_shown(page: Page) -> None:
    for question in ("Are gift cards refundable?", "How is the banner of the shop written?"):
        page.click("#begin")
        ask(page, question)
    page.locator("nav li:nth-child(2)").wait_for()
    page.click("#begin")
    page.evaluate("() => document.querySelectorAll('nav li button:first-child').forEach((line) => line.click())")
    last = page.locator("nav li button:first-child").last
    page.locator("nav li:last-child button[aria-current=true]").wait_for()
    page.locator("article .about").first.wait_for()
    assert page.locator("article .question").first.inner_text() == last.inner_text()
    assert page.locator("article").count() == 1


def test_a_document_that_changed_is_not_marked_at_another_sentence(page: Page) -> None:
    ask(page, "Are gift cards refundable?")

    def changed(route: Route) -> None:
        reply = route.fetch().json()
        route.fulfill(json=reply | {"text": "Since March they are.", "start": 0, "end": 21, "length": 21})

    page.route("**/v1/documents/*/text*", changed)
    page.locator("article .chip").first.click()
    page.locator("#source .note", has_text="has changed since").wait_for()
    assert page.locator("#source mark").inner_text() == FACT
    assert page.locator("#source .excerpt").inner_text() == FACT


def test_an_upload_waits_where_the_key_may_not_ask_again_yet(page: Page) -> None:
    told = {"status": 429, "code": "over_quota", "detail": "The key may use 60 requests."}
    page.route(
        "**/v1/jobs/*", lambda route: route.fulfill(status=429, json=told, headers={"Retry-After": "1"}), times=1
    )
    page.set_input_files(
        "#files", [{"name": "mug.txt", "mimeType": "text/plain", "buffer": b"The red mug is chipped."}]
    )
    page.locator("#notices", has_text="mug.txt can be asked about now").wait_for(timeout=60_000)


def test_a_line_separator_of_unicode_breaks_no_event(page: Page) -> None:
    def separated(route: Route) -> None:
        reply = route.fetch()
        route.fulfill(response=reply, body=reply.text().replace("Gift cards are", "Gift cards\u2028are"))

    page.route("**/v1/ask", separated, times=1)
    ask(page, "Are gift cards refundable?")
    assert page.locator("article .problem").count() == 0


def test_it_fits_a_telephone_and_the_dark(browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 720}, color_scheme="dark")
    page = context.new_page()
    page.goto(address)
    page.locator("#collection option").nth(1).wait_for(state="attached")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(21, 25, 26)"
    page.click("#theme")
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(251, 250, 247)"
    page.click("#menu")
    assert page.locator("#begin").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#begin").is_hidden()
    assert page.evaluate("() => document.activeElement.id") == "menu"
    page.click("#menu")
    page.click("#begin")
    assert page.locator("#begin").is_hidden()
    context.close()
