// The source of a citation: its document, opened at the sentence that is quoted.

import { element } from "./element.js";
import { thumbs } from "./feedback.js";
import { excerpt, file } from "./service.js";

const AROUND = 1500; // characters before and after
const SAID = {
  supported: "The quoted text supports the sentence.",
  partly: "The quoted text supports a part of the sentence.",
  unsupported: "The quoted text does not support the sentence.",
  contradicted: "The quoted text says something else than the sentence.",
};

const panel = document.getElementById("source");
let opener = null;

/** Show where a citation is taken from; the focus goes back to `chip` when it is closed. */
export async function open(citation, chip) {
  opener = chip;
  const place = [citation.page && `Page ${citation.page}`, citation.heading].filter(Boolean).join(" · ");
  const text = element("div", { class: "excerpt", tabindex: "0" }, element("mark", {}, citation.quote));
  const said = element("p", { class: `said ${citation.verdict}` }, SAID[citation.verdict]);
  fill(citation, element("p", { class: "place" }, place), said, text);
  if (citation.about) text.after(thumbs(citation.about, "citation", citation.given, (given) => (citation.given = given)));
  try {
    const { parts, isThere } = await around(citation);
    if (isThere) text.replaceChildren(...parts);
    else text.after(element("p", { class: "note" }, "The document has changed since: this is the sentence as it was."));
  } catch (problem) {
    text.after(element("p", { class: "problem" }, `The document around it cannot be shown: ${problem.message}`));
  }
  text.querySelector("mark").scrollIntoView({ block: "center" });
}

/** Show a place of a document that no answer of this page cites, as a link from elsewhere names it. */
export async function openPlace({ document, start, end }) {
  opener = null;
  const place = { document_id: document, start, end };
  const { parts, found } = await around(place);
  const text = element("div", { class: "excerpt", tabindex: "0" }, ...parts);
  fill({ ...place, title: found.document.title, uri: found.document.uri }, text);
  text.querySelector("mark").scrollIntoView({ block: "center" });
}

export function shut() {
  if (panel.hidden) return false;
  panel.hidden = true;
  (opener?.isConnected ? opener : document.getElementById("question")).focus();
  return true;
}

function fill({ document_id, title, uri }, ...parts) {
  const close = element("button", { class: "quiet", "aria-label": "Close the source" }, "✕");
  close.addEventListener("click", shut);
  const foot = element("p", { class: "uri" }, uri);
  panel.replaceChildren(element("div", { class: "bar" }, element("h2", {}, title || uri), close), ...parts, foot);
  if (uri.startsWith("upload://")) foot.after(original(document_id, uri));
  panel.hidden = false;
  close.focus();
}

/** A link cannot carry a key: the file is fetched, and then saved. */
function original(id, uri) {
  const button = element("button", { class: "quiet" }, "Save the file");
  button.addEventListener("click", async () => {
    try {
      const url = URL.createObjectURL(await file(id));
      element("a", { href: url, download: uri.split("/").at(-1) }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    } catch (problem) {
      button.replaceWith(element("p", { class: "problem" }, problem.message));
    }
  });
  return button;
}

/**
 * The place with what stands around it. Offsets count characters of Unicode, as Python does, not halves of pairs.
 * In a newer version the quote may stand somewhere near, or nowhere.
 */
async function around({ document_id, start, end, quote }) {
  const found = await excerpt(document_id, Math.max(0, start - AROUND), end + AROUND);
  const characters = Array.from(found.text);
  let [from, to] = [Math.max(0, start - found.start), Math.max(0, end - found.start)];
  const part = (first, last) => characters.slice(first, last).join("");
  const at = quote ? found.text.indexOf(quote) : 0;
  const isThere = at >= 0;
  if (quote && isThere && part(from, to) !== quote) {
    from = Array.from(found.text.slice(0, at)).length;
    to = from + Array.from(quote).length;
  }
  const parts = [
    (found.start ? "… " : "") + part(0, from),
    element("mark", {}, part(from, to)),
    part(to) + (found.end < found.length ? " …" : ""),
  ];
  return { parts, found, isThere };
}
