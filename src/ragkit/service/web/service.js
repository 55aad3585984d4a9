// What the page asks of the service. Addresses are relative, so that it works below any path of a proxy.

const KEY = "ragkit-key";

/** What went wrong, as the service says it (RFC 9457). */
export class Problem extends Error {
  constructor({ status = 0, code = "unreachable", detail = "The service cannot be reached.", hint = null, retry_s = null } = {}) {
    super(detail);
    Object.assign(this, { status, code, hint, retry_s });
  }
}

export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
};

function headers(more = {}) {
  const value = key.get();
  return value ? { ...more, Authorization: `Bearer ${value}` } : more;
}

async function sent(path, { json, more = {}, ...options } = {}) {
  const body = json === undefined ? {} : { body: JSON.stringify(json) };
  const type = json === undefined ? {} : { "Content-Type": "application/json" };
  let response;
  try {
    response = await fetch(path, { ...options, ...body, headers: headers({ ...type, ...more }) });
  } catch (error) {
    throw error.name === "AbortError" ? error : new Problem();
  }
  if (response.ok) return response;
  const told = await response.json().catch(() => ({ status: response.status, detail: response.statusText }));
  throw new Problem({ ...told, retry_s: Number(response.headers.get("Retry-After")) || null });
}

const read = async (path, options) => (await sent(path, options)).json();
const at = (...parts) => parts.map(encodeURIComponent).join("/");

export const me = () => read("v1/me");
export const collections = async () => (await read("v1/collections")).collections;
export const conversations = async (before) =>
  (await read(`v1/conversations?limit=30${before ? `&before=${at(before)}` : ""}`)).conversations;
export const conversation = (id) => read(`v1/conversations/${at(id)}`);
export const forget = (id) => sent(`v1/conversations/${at(id)}`, { method: "DELETE" });
export const answer = (id) => read(`v1/answers/${at(id)}`);
export const suggestions = async (id) => (await read(`v1/answers/${at(id)}/suggestions`)).questions;
export const feedbackOn = async (id) => (await read(`v1/feedback?answer_id=${at(id)}`)).feedback;
export const feedback = (json) => read("v1/feedback", { method: "POST", json });
export const takeBack = (id) => read(`v1/feedback/${at(id)}`, { method: "DELETE" });
export const excerpt = (id, start, end) => read(`v1/documents/${at(id)}/text?start=${start}&end=${end}`);
export const file = async (id) => (await sent(`v1/documents/${at(id)}/file`)).blob();
export const job = (id) => read(`v1/jobs/${at(id)}`);

const TRIES = 4;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Ask, and give each event of the answer: {event, data}. Aborting the signal stops the model. */
export async function* ask(question, { signal, ...about }) {
  const place = { trace: "", last: "", over: false };
  const json = { ...about, question, stream: true, resumable: true };
  let response = await sent("v1/ask", { method: "POST", json, signal });
  try {
    for (let tries = 0; ; tries++) {
      const before = place.last;
      if (response) yield* events(response, place);
      if (place.over) return;
      if (place.last !== before) tries = 0;
      if (!place.trace || tries === TRIES) throw new Problem({ detail: "The connection broke off.", hint: "Ask again." });
      await pause(300 * 2 ** tries);
      signal.throwIfAborted();
      response = await resumed(place, signal);
    }
  } finally {
    if (place.trace && !place.over) sent(`v1/ask/${at(place.trace)}`, { method: "DELETE" }).catch(() => {});
  }
}

/** The stream after what was read of it; nothing while the service cannot be reached. */
async function resumed({ trace, last }, signal) {
  try {
    return await sent(`v1/ask/${at(trace)}/events`, { more: { "Last-Event-ID": last }, signal });
  } catch (problem) {
    if (problem.code === "unreachable") return null;
    throw problem;
  }
}

async function* events(response, place) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value.replaceAll("\r", "")).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const found = event(block);
        if (!found) continue;
        place.last = found.id;
        if (found.event === "accepted") place.trace = found.data.trace_id;
        place.over = found.event === "done" || found.event === "error";
        yield found;
      }
    }
  } catch (error) {
    if (error.name === "AbortError") throw error;
  } finally {
    reader.cancel().catch(() => {});
  }
}

function event(block) {
  const fields = { event: "message", id: "", data: [] };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") fields.event = value;
    if (name === "id") fields.id = value;
    if (name === "data") fields.data.push(value);
  }
  return fields.data.length ? { ...fields, data: JSON.parse(fields.data.join("\n")) } : null;
}

/** Send a file; `onSent` is told the share that has arrived. fetch() cannot tell it. */
export function upload(file, collection, onSent) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "v1/documents");
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.responseType = "json";
    request.upload.onprogress = (progress) => progress.lengthComputable && onSent(progress.loaded / progress.total);
    request.onload = () => (request.status < 300 ? resolve(request.response) : reject(new Problem(request.response ?? { status: request.status })));
    request.onerror = () => reject(new Problem());
    const form = new FormData();
    form.append("file", file);
    if (collection) form.append("collection", collection);
    request.send(form);
  });
}
