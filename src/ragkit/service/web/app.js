// The chat page: what its parts do when something is typed, clicked or dropped.

import { Entry } from "./answer.js";
import { element } from "./element.js";
import { guarded } from "./key.js";
import * as service from "./service.js";
import { open, openPlace, shut } from "./source.js";
import { add } from "./uploads.js";

const THEME = "ragkit-theme";
const at = (id) => document.getElementById(id);
const page = { conversation: null, asking: null, oldest: null, shown: 0 };

function notice(problem) {
  const line = element("p", { class: "problem" }, [problem.message, problem.hint].filter(Boolean).join(" "));
  if (problem.code === "no_key") {
    const enter = element("button", { class: "quiet" }, "Enter a key");
    enter.addEventListener("click", () => start().then(() => line.remove(), notice));
    line.append(" ", enter);
  }
  at("notices").replaceChildren(line);
}

async function ask(question) {
  const entry = put(question);
  const asking = (page.asking = new AbortController());
  working(true);
  let over = false;
  let answered = null;
  try {
    const about = { collection: at("collection").value || undefined, conversation_id: page.conversation ?? undefined };
    await guarded(async () => {
      for await (const event of service.ask(question, { ...about, signal: asking.signal })) {
        entry.take(event);
        if (event.event === "accepted" && page.asking === asking) page.conversation = event.data.conversation_id;
        over ||= event.event === "done" || event.event === "error";
        if (event.event === "done") answered = event.data;
        follow();
      }
    });
    if (!over) entry.fail("The connection broke off before the answer was whole.", "Ask again.");
  } catch (problem) {
    if (problem.name === "AbortError") entry.stopped();
    else entry.fail(problem.message, problem.hint);
  } finally {
    if (page.asking === asking) {
      page.asking = null;
      working(false);
    }
  }
  if (answered?.citations.length) {
    entry.suggest(await service.suggestions(answered.trace_id).catch(() => []), (question) => page.asking ?? ask(question).catch(notice));
    follow();
  }
  await conversations();
}

function put(question) {
  at("log").querySelector(".welcome")?.remove();
  const entry = new Entry(question, open);
  at("log").append(entry.root);
  follow(true);
  return entry;
}

/** Keep the end in sight, unless the reader has scrolled up. */
function follow(always = false) {
  const log = at("log");
  if (always || log.scrollHeight - log.scrollTop - log.clientHeight < 120) log.scrollTop = log.scrollHeight;
}

/** The focus follows from one button to what takes its place; who is elsewhere on the page stays there. */
function working(on) {
  const held = document.activeElement;
  at("send").hidden = on;
  at("stop").hidden = !on;
  at("log").setAttribute("aria-busy", String(on));
  if (on && held === at("send")) at("stop").focus();
  if (!on && (held === at("stop") || held === document.body)) at("question").focus();
}

function begin() {
  page.shown++;
  page.asking?.abort();
  page.asking = null;
  working(false);
  page.conversation = null;
  at("log").replaceChildren();
  shut();
  mark();
  menu(false);
  at("question").focus();
}

async function show(id) {
  const mine = ++page.shown;
  const view = await guarded(() => service.conversation(id));
  const asked = view.messages.filter((said) => said.message.role === "user");
  const records = await Promise.all(asked.map(({ trace_id }) => trace_id && record(trace_id)));
  if (mine !== page.shown) return; // another one was chosen meanwhile
  begin();
  page.conversation = id;
  at("collection").value = view.conversation.collection;
  asked.forEach((said, place) => {
    const entry = put(said.message.text);
    const reply = view.messages.find((other) => other.trace_id === said.trace_id && other.message.role === "assistant");
    if (records[place]) {
      const { trace, given } = records[place];
      for (const verdict of trace.verdicts) entry.verdict(verdict);
      entry.done(trace.answer, given);
    } else if (reply) entry.token({ text: reply.message.text });
  });
  mark();
}

/** An answer and what was said of it; nothing where it is not kept. */
async function record(id) {
  const [trace, given] = await Promise.all([
    guarded(() => service.answer(id)).catch(() => null),
    service.feedbackOn(id).catch(() => []),
  ]);
  return trace && { trace, given };
}

async function conversations(older = false) {
  const list = at("conversations").querySelector("ul");
  const found = await guarded(() => service.conversations(older ? page.oldest : null));
  const held = document.activeElement;
  const place = [...list.children].findIndex((line) => line.contains(held));
  const known = new Map([...list.children].map((line) => [line.dataset.of, line]));
  const lines = found.map((one) => (known.get(one.id)?.title === one.title ? known.get(one.id) : conversationLine(one)));
  if (older) list.append(...lines);
  else list.replaceChildren(...lines);
  if (place >= 0) {
    const next = list.children[Math.min(place, list.children.length - 1)]?.querySelector("button") ?? at("begin");
    (list.contains(held) ? held : next).focus();
  }
  const last = found.at(-1);
  page.oldest = last ? `${last.id}@${last.updated_at}` : null;
  at("more").hidden = found.length < 30;
  mark();
}

function conversationLine({ id, title }) {
  const choose = element("button", { class: "quiet", "data-id": id }, title || "Without a title");
  choose.addEventListener("click", () => show(id).catch(notice));
  const drop = element("button", { class: "quiet drop", "aria-label": `Forget the conversation “${title}”` }, "✕");
  drop.addEventListener("click", () => forget(id, title).catch(notice));
  return element("li", { "data-of": id, title }, choose, drop);
}

async function forget(id, title) {
  if (!window.confirm(`Forget “${title}”, with its answers?`)) return;
  await guarded(() => service.forget(id));
  if (page.conversation === id) begin();
  await conversations();
}

function mark() {
  for (const choose of at("conversations").querySelectorAll("[data-id]")) {
    if (choose.dataset.id === page.conversation) choose.setAttribute("aria-current", "true");
    else choose.removeAttribute("aria-current");
  }
}

async function collections() {
  const chosen = at("collection").value;
  const found = await guarded(service.collections);
  at("collection").replaceChildren(
    element("option", { value: "" }, "Default"),
    ...found.map(({ name, documents }) => element("option", { value: name }, `${name} (${documents})`)),
  );
  at("collection").value = found.some(({ name }) => name === chosen) ? chosen : "";
}

/** A link from another program: #document=…&start=…&end=… */
async function linked() {
  const link = new URLSearchParams(location.hash.slice(1));
  if (!link.has("document")) return;
  const place = { document: link.get("document"), start: Number(link.get("start")) || 0, end: Number(link.get("end")) || 0 };
  await guarded(() => openPlace(place));
}

/** Show what the key may do, and say what it may not. */
async function permitted() {
  const { role, collections: only, access } = await guarded(service.me);
  const mayAdd = role !== "reader" && access === null;
  at("add").disabled = !mayAdd;
  at("add").title = mayAdd ? "" : "Your key may ask, and add no documents.";
  page.mayAdd = mayAdd;
  const limits = [!mayAdd && "add no documents", only && `ask ${only.join(", ")} alone`, access && "see some documents alone"];
  const said = limits.filter(Boolean);
  at("may").textContent = said.length ? `Your key may ${said.join(", and ")}.` : "";
}

/** On a narrow page the list lies over the answers, while it is shown. */
function menu(shown) {
  at("conversations").classList.toggle("shown", shown);
  at("menu").setAttribute("aria-expanded", String(shown));
  return shown;
}

async function start() {
  await permitted();
  await collections();
  await conversations();
  await linked();
}

function dressed(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
}

function wire() {
  at("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    const question = at("question").value.trim();
    if (!question || page.asking) return;
    at("question").value = "";
    at("question").rows = 1;
    ask(question).catch(notice);
  });
  at("question").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    at("ask").requestSubmit();
  });
  at("question").addEventListener("input", ({ target }) => {
    target.rows = Math.min(8, target.value.split("\n").length);
  });
  addEventListener("hashchange", () => linked().catch(notice));
  at("stop").addEventListener("click", () => page.asking?.abort());
  at("begin").addEventListener("click", begin);
  at("more").addEventListener("click", () => conversations(true).catch(notice));
  at("menu").addEventListener("click", () => {
    if (menu(!at("conversations").classList.contains("shown"))) at("begin").focus();
  });
  at("theme").addEventListener("click", () => {
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    const theme = (document.documentElement.dataset.theme ?? system) === "dark" ? "light" : "dark";
    localStorage.setItem(THEME, theme);
    dressed(theme);
  });
  at("add").addEventListener("click", () => at("files").click());
  at("files").addEventListener("change", ({ target }) => send([...target.files]).catch(notice));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    send([...event.dataTransfer.files]).catch(notice);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || at("key").open) return;
    if (at("conversations").classList.contains("shown")) {
      menu(false);
      at("menu").focus();
    } else if (!shut()) page.asking?.abort();
  });
}

async function send(files) {
  at("files").value = "";
  if (page.mayAdd === undefined) await permitted();
  if (!page.mayAdd) {
    notice({ message: at("add").title });
    return;
  }
  add(files, at("collection").value, () => collections().catch(notice));
}

dressed(localStorage.getItem(THEME));
wire();
start().catch(notice);
