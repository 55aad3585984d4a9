// Thumbs: what the reader says of an answer, or of one of its citations.

import { element } from "./element.js";
import * as service from "./service.js";

const REASONS = {
  wrong: "It is wrong",
  incomplete: "Something is missing",
  outdated: "It is outdated",
  wrong_source: "The source does not say it",
  refused: "The documents do answer it",
  unclear: "It is unclear",
  other: "Something else",
};

/** Two buttons, and after a thumb down the question what is wrong. `about` is {answer_id, citation?}. */
export function thumbs(about, of, given = null, onGiven = () => {}) {
  const said = element("span", { class: "note", role: "status" });
  const up = thumb("👍", `Good ${of}`);
  const down = thumb("👎", `Bad ${of}`);
  const more = element("div", { class: "complaint" });
  const root = element("div", { class: "thumbs" }, up, down, said, more);
  press(given?.rating);
  up.addEventListener("click", () => give(up, "up"));
  down.addEventListener("click", () => give(down, "down"));
  return root;

  function press(rating) {
    up.setAttribute("aria-pressed", String(rating === "up"));
    down.setAttribute("aria-pressed", String(rating === "down"));
  }

  async function give(button, rating, details = {}) {
    try {
      if (button?.getAttribute("aria-pressed") === "true" && given) {
        await service.takeBack(given.id);
        given = null;
        more.replaceChildren();
        said.textContent = "Taken back.";
      } else {
        given = await service.feedback({ ...about, rating, ...details });
        said.textContent = "Noted, thank you.";
        more.replaceChildren(...(rating === "down" && button ? [complaint()] : []));
      }
      onGiven(given);
      press(given?.rating);
    } catch (problem) {
      said.textContent = [problem.message, problem.hint].filter(Boolean).join(" ");
    }
  }

  function complaint() {
    const reason = element("select", { "aria-label": "What is wrong" }, element("option", { value: "" }, "What is wrong?"));
    reason.append(...Object.entries(REASONS).map(([value, name]) => element("option", { value }, name)));
    const text = element("textarea", { rows: "2", maxlength: "10000", placeholder: "What would be right?", "aria-label": "What would be right" });
    const send = element("button", {}, "Send");
    const form = element("form", {}, reason, text, send);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      give(null, "down", { reasons: reason.value ? [reason.value] : [], correction: text.value.trim() });
    });
    return form;
  }
}

function thumb(sign, label) {
  return element("button", { class: "quiet thumb", type: "button", "aria-label": label, title: label }, sign);
}
