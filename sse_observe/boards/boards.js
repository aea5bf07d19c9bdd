// Keeps a board alive: asks for its content every few seconds and changes on the page what changed.
"use strict";
(() => {
  const EVERY_MS = 5000, PATIENCE_MS = 20000, BETWEEN_MS = 30;
  const by = (id) => document.getElementById(id);
  const board = by("board"), form = by("choice"), live = by("live"), theme = by("theme");
  const { from: range, "var-route": route } = form.elements;
  let content = { figures: {}, range: [], background: [] };
  let asking = null, next = 0, drawing = 0, state = "";

  // What the address says, in Grafana's words; the controls and the links to other boards follow it.
  const address = () => new URLSearchParams(location.search);
  function offer(select, value, name) {
    if (![...select.options].some((one) => one.value === value)) select.add(new Option(name, value));
    select.value = value;
  }
  function follow() {
    const chosen = address();
    const until = chosen.get("to") ?? "now";
    const since = chosen.get("from") ?? range.dataset.usual;
    offer(range, since, until === "now" ? since.replace("now-", "Last ") : "As in the address");
    const all = ["", "All", "$__all"];
    const named = chosen.get("var-route") ?? "";
    offer(route, all.includes(named) ? "" : named, named);
    for (const link of document.querySelectorAll("nav a"))
      if (link.pathname.startsWith("/d/")) link.search = location.search;
  }
  function choose() {
    const chosen = address();
    if (range.value !== chosen.get("from")) chosen.delete("to");
    chosen.set("from", range.value);
    if (route.value) chosen.set("var-route", route.value);
    else chosen.delete("var-route");
    history.pushState(null, "", `?${chosen}`);
    follow();
    ask();
  }

  // Changes an element into another one, and leaves alone what is the same: focus, what is open, what
  // was scrolled, and what plotly drew.
  function change(old, fresh) {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    const chart = "figure" in old.dataset || "figure" in fresh.dataset;
    if (chart && !("figure" in old.dataset && "figure" in fresh.dataset)) return old.replaceWith(fresh);
    const mine = (name) => name === "open" || (chart && !["data-figure", "aria-label"].includes(name));
    for (const { name } of [...old.attributes])
      if (!mine(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes)
      if (!mine(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
    if (!chart) changeChildren(old, [...fresh.childNodes]);
  }
  function changeChildren(parent, fresh) {
    const old = [...parent.childNodes];
    fresh.forEach((one, n) => (old[n] ? change(old[n], one) : parent.append(one)));
    old.slice(fresh.length).forEach((one) => one.remove());
  }
  function show(place, html) {
    changeChildren(place, [...new DOMParser().parseFromString(html, "text/html").body.childNodes]);
  }

  // Charts are drawn when they come into view, and again when their data are newer than the drawing.
  const seen = new Set();
  const observer = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) seen.add(target);
      else seen.delete(target);
      if (isIntersecting) draw(target);
    }
  }, { rootMargin: "200px" });
  function draw(place) {
    const figure = content.figures[place.dataset.figure];
    // Not under the reader's hand: what is read there would go.
    if (!window.Plotly || !figure || place.drawnFrom === content || (place.dataset.drawn && place.matches(":hover"))) return;
    place.drawnFrom = content;
    sseCharts.draw(place, figure, content);
  }
  function drawAll() {
    for (const place of seen) if (!place.isConnected) seen.delete(place);
    for (const place of board.querySelectorAll("[data-figure]"))
      if (seen.has(place)) draw(place);
      else observer.observe(place);
    clearTimeout(drawing);
    drawing = setTimeout(drawNext, BETWEEN_MS);
  }
  // The others once, one after the other: whoever scrolls there, or prints, finds them.
  function drawNext() {
    const left = "[data-figure]:not([data-drawn]):not(details:not([open]) *)";
    const place = window.Plotly && board.querySelector(left);
    if (!place) return;
    draw(place);
    drawing = setTimeout(drawNext, BETWEEN_MS);
  }

  function say(problem) {
    if (by("problem").textContent !== problem) by("problem").textContent = problem;
    board.classList.toggle("stale", Boolean(problem) && Boolean(state));
    by("state").textContent = state || (problem ? "" : "Asking Prometheus …");
  }
  function take(answer) {
    const { problem, board: html, alerts, routes, state: words } = answer;
    if (html) {
      content = answer;
      state = words;
      show(board, html);
      show(by("alerts"), alerts);
      for (const [value, name] of routes) {
        const chosen = route.value;
        offer(route, value, name);
        route.value = chosen;
      }
      for (const place of board.querySelectorAll("details.row"))
        place.ontoggle ??= () => place.open && !place.querySelector("figure, .tile, table") && ask();
      drawAll();
    }
    say(problem);
    board.removeAttribute("aria-busy");
  }
  async function ask() {
    asking?.abort();
    const own = (asking = new AbortController());
    clearTimeout(next);
    const query = address();
    for (const row of board.querySelectorAll("details.row[open] > summary"))
      query.append("open", row.textContent.trim());
    try {
      const signal = AbortSignal.any([own.signal, AbortSignal.timeout(PATIENCE_MS)]);
      const answer = await fetch(`${location.pathname}/live.json?${query}`, { signal });
      if (!answer.ok) throw new Error(`answered ${answer.status}`);
      take(await answer.json());
    } catch (error) {
      if (own.signal.aborted) return;
      say(`The boards' own server does not answer (${error.message}); is it still running?`);
    }
    plan();
  }
  function plan() {
    clearTimeout(next);
    // Nobody looks at a hidden tab.
    if (live.checked && !document.hidden) next = setTimeout(ask, EVERY_MS);
  }

  theme.value = localStorage.getItem("sse-observe theme") ?? "";
  function paint() {
    if (theme.value) document.documentElement.dataset.theme = theme.value;
    else delete document.documentElement.dataset.theme;
    for (const place of seen) place.drawnFrom = null;
    drawAll();
  }
  theme.addEventListener("change", () => {
    localStorage.setItem("sse-observe theme", theme.value);
    paint();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  range.addEventListener("change", choose);
  route.addEventListener("change", choose);
  form.addEventListener("submit", (event) => event.preventDefault());
  live.addEventListener("change", () => (live.checked ? ask() : plan()));
  addEventListener("popstate", () => (follow(), ask()));
  document.addEventListener("visibilitychange", () => (document.hidden ? plan() : ask()));
  // Plotly takes its time to be read: by then the numbers are here.
  addEventListener("DOMContentLoaded", drawAll);
  paint();
  follow();
  ask();
})();
