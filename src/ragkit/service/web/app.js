// The chat page: what its parts do when something is typed, clicked or dropped.

import { Entry } from "./answer.js";
import { element } from "./element.js";
import * as service from "./service.js";
import { open, openPlace, shut } from "./source.js";
import { add } from "./uploads.js";

const THEME = "ragkit-theme";
const at = (id) => document.getElementById(id);
const page = { conversation: null, asking: null, oldest: null };

async function guarded(work) {
  for (;;) {
    try {
      return await work();
    } catch (problem) {
      if (problem.status !== 401) throw problem;
      await askForKey();
    }
  }
}

function askForKey() {
  service.key.forget();
  const dialog = at("key");
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => {
      service.key.set(dialog.querySelector("input").value);
      dialog.querySelector("input").value = "";
      resolve();
    }, { once: true }),
  );
}

function notice(problem) {
  const line = element("p", { class: "problem" }, [problem.message, problem.hint].filter(Boolean).join(" "));
  at("notices").replaceChildren(line);
}

async function ask(question) {
  const entry = put(question);
  page.asking = new AbortController();
  working(true);
  let over = false;
  let answered = null;
  try {
    const about = { collection: at("collection").value || undefined, conversation_id: page.conversation ?? undefined };
    await guarded(async () => {
      for await (const event of service.ask(question, { ...about, signal: page.asking.signal })) {
        entry.take(event);
        if (event.event === "accepted") page.conversation = event.data.conversation_id;
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
    page.asking = null;
    working(false);
  }
  if (answered?.citations.length) {
    entry.suggest(await service.suggestions(answered.trace_id).catch(() => []), (question) => page.asking ?? ask(question));
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

function working(on) {
  at("send").hidden = on;
  at("stop").hidden = !on;
  at("log").setAttribute("aria-busy", String(on));
  if (!on) at("question").focus();
}

function begin() {
  page.asking?.abort();
  page.conversation = null;
  at("log").replaceChildren();
  shut();
  mark();
  at("question").focus();
}

async function show(id) {
  const view = await guarded(() => service.conversation(id));
  begin();
  page.conversation = id;
  at("collection").value = view.conversation.collection;
  for (const said of view.messages.filter((said) => said.message.role === "user")) {
    const entry = put(said.message.text);
    const reply = view.messages.find((other) => other.trace_id === said.trace_id && other.message.role === "assistant");
    const trace = said.trace_id && (await guarded(() => service.answer(said.trace_id)).catch(() => null));
    if (trace) {
      for (const verdict of trace.verdicts) entry.verdict(verdict);
      entry.done(trace.answer, await service.feedbackOn(said.trace_id).catch(() => []));
    } else if (reply) entry.token({ text: reply.message.text });
  }
  mark();
}

async function conversations(older = false) {
  const list = at("conversations").querySelector("ul");
  const found = await guarded(() => service.conversations(older ? page.oldest : null));
  if (!older) list.replaceChildren();
  list.append(...found.map(conversationLine));
  const last = found.at(-1);
  page.oldest = last ? `${last.id}@${last.updated_at}` : null;
  at("more").hidden = found.length < 30;
  mark();
}

function conversationLine({ id, title }) {
  const choose = element("button", { class: "quiet", "data-id": id, title }, title || "Without a title");
  choose.addEventListener("click", () => show(id).catch(notice));
  const drop = element("button", { class: "quiet drop", "aria-label": `Forget the conversation “${title}”` }, "✕");
  drop.addEventListener("click", () => forget(id, title).catch(notice));
  return element("li", {}, choose, drop);
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
    const shown = at("conversations").classList.toggle("shown");
    at("menu").setAttribute("aria-expanded", String(shown));
  });
  at("theme").addEventListener("click", () => {
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    const theme = (document.documentElement.dataset.theme ?? system) === "dark" ? "light" : "dark";
    localStorage.setItem(THEME, theme);
    dressed(theme);
  });
  at("add").addEventListener("click", () => at("files").click());
  at("files").addEventListener("change", ({ target }) => send([...target.files]));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    send([...event.dataTransfer.files]);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !shut()) page.asking?.abort();
  });
}

function send(files) {
  if (!page.mayAdd) {
    notice({ message: at("add").title });
    return;
  }
  at("files").value = "";
  add(files, at("collection").value, () => collections().catch(notice));
}

dressed(localStorage.getItem(THEME));
wire();
permitted().then(collections).then(() => conversations()).then(linked).catch(notice);
