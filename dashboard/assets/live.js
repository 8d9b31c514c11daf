// Fetches the page anew when the server says that tables have changed, and puts its main part in place of the old one.
"use strict";
(() => {
  const state = document.getElementById("live");
  const say = (key) => { if (state) state.textContent = state.dataset[key]; };
  const source = new EventSource("/events");
  let busy = false;
  source.addEventListener("open", () => say("on"));
  source.addEventListener("error", () => say("off"));
  source.addEventListener("changed", async () => {
    // Whoever is filling in a form is not interrupted.
    if (busy || document.activeElement?.closest("form")) return;
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
      if (fresh) document.querySelector("main").replaceWith(fresh);
    } finally {
      busy = false;
    }
  });
})();
