// The page of a run that is under way: says how far it is, and is opened anew once the run has ended.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const words = document.querySelector("[data-run-state]");
  if (!words) return;

  const EVERY_MS = 1000;
  const LONGEST_MS = 30000;
  let wait = EVERY_MS;

  async function look() {
    try {
      const answer = await fetch(words.dataset.runState, { headers: { Accept: "application/json" } });
      const run = await answer.json();
      if (run.ended) {
        window.location.reload();
        return;
      }
      if (run.words && run.words !== words.textContent) words.textContent = run.words;
      wait = EVERY_MS;
    } catch {
      wait = Math.min(wait * 2, LONGEST_MS); // the server is away, or the person was signed out
    }
    window.setTimeout(look, wait);
  }

  window.setTimeout(look, EVERY_MS);
});
