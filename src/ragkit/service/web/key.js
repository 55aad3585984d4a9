// The key of the service: asked for once, however many requests need it.

import { key, Problem } from "./service.js";

const dialog = document.getElementById("key");
const input = dialog.querySelector("input");
let asking = null;

/** Do the work; where its key is missing or wrong, ask for one, and do it again. */
export async function guarded(work) {
  for (;;) {
    const sent = key.get();
    try {
      return await work();
    } catch (problem) {
      if (problem.status !== 401) throw problem;
      // Another request may have asked meanwhile.
      if (key.get() === sent) await (asking ??= asked(sent));
    }
  }
}

function asked(refused) {
  if (refused) dialog.querySelector("p").textContent = "The key is wrong or has expired.";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve, reject) =>
    dialog.addEventListener("close", () => {
      const given = dialog.returnValue === "given" ? input.value.trim() : "";
      input.value = "";
      asking = null;
      if (given) resolve(key.set(given));
      else reject(new Problem({ status: 401, code: "no_key", detail: "This service needs a key." }));
    }, { once: true }),
  );
}
