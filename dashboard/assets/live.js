// Fetches the page anew when the server says that tables have changed, and puts its main part, and the version that it was
// made from, in place of the old ones. Where a reader is, by keyboard or sideways in a table, stays.
"use strict";
(() => {
  const state = document.getElementById("live");
  const say = (key) => { if (state) state.textContent = state.dataset[key]; };
  let source = null, busy = false, behind = false, wasOpen = false;

  const put = (fresh) => {
    const focused = document.activeElement?.closest("main a")?.getAttribute("href");
    const sideways = [...document.querySelectorAll("main .card")].map((card) => card.scrollLeft);
    for (const part of ["main", "#version"]) {
      const [old, now] = [document.querySelector(part), fresh.querySelector(part)];
      if (old && now) old.replaceWith(now);
    }
    document.querySelectorAll("main .card").forEach((card, at) => { card.scrollLeft = sideways[at] ?? 0; });
    if (focused) document.querySelector(`main a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  };
  const renew = async () => {
    behind = true;
    // Whoever is filling in a form is not interrupted; the page follows when they have left it.
    if (busy || document.activeElement?.closest("form")) return;
    busy = true;
    try {
      while (behind) {
        behind = false;
        const answer = await fetch(location.href, { headers: { accept: "text/html" } });
        if (answer.ok) put(new DOMParser().parseFromString(await answer.text(), "text/html"));
      }
    } catch {
      // The server went away; the next "open" asks again.
    } finally {
      busy = false;
    }
  };
  const listen = () => {
    source = new EventSource("/events");
    source.addEventListener("open", () => {
      say("on");
      // What changed while the connection was down was told to nobody.
      if (wasOpen) renew();
      wasOpen = true;
    });
    source.addEventListener("error", () => say("off"));
    source.addEventListener("changed", renew);
  };
  // A browser keeps pages that were left, and their connections with them: after six of them none would be free for the next.
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
  document.addEventListener("focusout", () => setTimeout(() => { if (behind) renew(); }));
  listen();
})();
