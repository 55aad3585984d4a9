// The source of a citation: its document, opened at the sentence that is quoted.

import { element } from "./element.js";
import { document_ } from "./service.js";

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
  const close = element("button", { class: "quiet", "aria-label": "Close the source" }, "✕");
  close.addEventListener("click", shut);
  const place = [citation.page && `Page ${citation.page}`, citation.heading].filter(Boolean).join(" · ");
  const text = element("div", { class: "excerpt", tabindex: "0" }, element("mark", {}, citation.quote));
  panel.replaceChildren(
    element("div", { class: "bar" }, element("h2", {}, citation.title || citation.uri), close),
    element("p", { class: "place" }, place),
    element("p", { class: `said ${citation.verdict}` }, SAID[citation.verdict]),
    text,
    element("p", { class: "uri" }, citation.uri),
  );
  panel.hidden = false;
  close.focus();
  try {
    const view = await document_(citation.document_id);
    text.replaceChildren(...around(Array.from(view.text), citation));
  } catch (problem) {
    text.after(element("p", { class: "problem" }, `The document around it cannot be shown: ${problem.message}`));
  }
  text.querySelector("mark").scrollIntoView({ block: "center" });
}

export function shut() {
  if (panel.hidden) return false;
  panel.hidden = true;
  opener?.focus();
  return true;
}

/** Offsets count characters of Unicode, as Python does, not halves of pairs. */
function around(characters, { start, end }) {
  const part = (from, to) => characters.slice(from, to).join("");
  const first = Math.max(0, start - AROUND);
  const last = Math.min(characters.length, end + AROUND);
  return [
    (first ? "… " : "") + part(first, start),
    element("mark", {}, part(start, end)),
    part(end, last) + (last < characters.length ? " …" : ""),
  ];
}
