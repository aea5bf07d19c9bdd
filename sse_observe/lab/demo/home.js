// The demo's first page: one stream of its own, and what the demo says of all of them each second.
import { ResilientEventSource } from "/sse/sse-observe.js";

const by = (id) => document.getElementById(id);
const EVERY_MS = 1000;

function read() {
  by("answer").textContent = "";
  const source = new ResilientEventSource("/api/v1/stream");
  source.bindStatus(by("status"));
  source.onmessage = ({ data }) => {
    const { choices, error } = JSON.parse(data);
    by("answer").append(error ? `[${error.message}]` : choices[0].delta.content ?? "");
  };
  source.addEventListener("sse.gap", () => by("answer").append("[…] "));
  source.addEventListener("sse.status", ({ status }) => {
    if (status === "complete" || status === "failed") setTimeout(read, 3000);
  });
}

// Changes a text only where it is another: a screen reader says what changed.
function put(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

const WRITTEN = {
  completion: (share) => `${(100 * share).toFixed(1)} %`,
  mean_reconnect: (seconds) => `${seconds.toFixed(2)} s`,
};

function alertItem({ name, state, severity, runbook_url: runbook }) {
  const item = document.createElement("li");
  const word = Object.assign(document.createElement("span"), { className: `state ${state}` });
  word.textContent = state;
  const link = Object.assign(document.createElement("a"), { href: new URL(runbook).pathname });
  link.textContent = "Runbook";
  item.append(word, ` ${name} (${severity}) `, link);
  return item;
}

function show({ seconds, phase, numbers, alerts, links, note, unplugged }) {
  put(by("phase"), phase);
  by("clock").textContent = `second ${Math.floor(seconds)}`;
  for (const [key, value] of Object.entries(numbers ?? {})) {
    const place = by(`number-${key}`);
    if (place) put(place, value === null ? "–" : (WRITTEN[key] ?? String)(value));
  }
  const items = alerts.map(alertItem);
  const shown = items.map((one) => one.textContent).join("\n");
  if (items.length && by("alerts").dataset.shown !== shown) by("alerts").replaceChildren(...items);
  by("alerts").dataset.shown = shown;
  put(by("note"), note);
  if (links.Prometheus && !by("prometheus")) {
    const link = Object.assign(document.createElement("a"), { href: links.Prometheus, id: "prometheus" });
    link.textContent = "Prometheus";
    const item = document.createElement("li");
    item.append(link, " Its rules and alerts.");
    by("links").append(item);
  }
  by("plug").disabled = unplugged;
  by("incident").disabled = phase.startsWith("Incident");
}

async function refresh() {
  try {
    const answer = await fetch("/demo/state.json", { signal: AbortSignal.timeout(5000) });
    show(await answer.json());
  } catch {
    put(by("phase"), "The demo does not answer: it has ended, or is about to.");
  }
  setTimeout(refresh, EVERY_MS);
}

for (const name of ["plug", "incident"])
  by(name).addEventListener("click", async () => {
    by(name).disabled = true;
    await fetch(`/demo/${name}`, { method: "POST", headers: { "sse-observe-demo": "1" } });
  });
read();
refresh();
