// Three small things, without which every page still works: parts that refresh themselves,
// the live tail, and buttons that copy a command.
"use strict";

function refresh(part) {
  const every = Number(part.dataset.every);
  let timer = 0;
  async function step() {
    // A page nobody looks at asks for nothing; what somebody types or selects is left alone.
    const isBusy = document.hidden || part.contains(document.activeElement) || isSelected(part);
    if (!isBusy) {
      try {
        const answer = await fetch(part.dataset.refresh, { redirect: "manual" });
        if (answer.type === "opaqueredirect") return location.assign("/login");
        if (answer.ok) part.innerHTML = await answer.text();
        part.classList.toggle("stale", !answer.ok);
      } catch {
        part.classList.add("stale");
      }
    }
    if (part.querySelector("[data-refresh-done]")) return undefined;
    timer = setTimeout(step, every);
    return undefined;
  }
  timer = setTimeout(step, every);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    clearTimeout(timer);
    step();
  });
}

function isSelected(part) {
  const selection = getSelection();
  return !selection.isCollapsed && part.contains(selection.anchorNode);
}

function tail(body) {
  const state = document.getElementById("tail-state");
  const pause = document.getElementById("tail-pause");
  let isPaused = false;
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.textContent = isPaused ? "Go on" : "Pause";
  });
  const source = new EventSource(body.dataset.stream);
  source.onopen = () => { state.textContent = "connected"; };
  source.onerror = () => { state.textContent = "reconnecting …"; };
  source.onmessage = (message) => {
    if (isPaused) return;
    body.prepend(tailRow(JSON.parse(message.data)));
    while (body.rows.length > 200) body.lastElementChild.remove();
  };
}

function tailRow(result) {
  const row = document.createElement("tr");
  const cell = (kind, content) => {
    const made = row.insertCell();
    made.className = kind;
    made.append(content);
  };
  const badge = document.createElement("span");
  badge.className = `outcome outcome-${result.outcome}`;
  badge.textContent = result.outcome;
  const link = document.createElement("a");
  link.href = `/trace?target=${encodeURIComponent(result.event_id)}`;
  link.textContent = result.key;
  cell("num", result.time);
  cell("", badge);
  cell("", link);
  cell("num", result.latency);
  cell("dim", result.via);
  cell("dim wide", result.text);
  return row;
}

document.querySelectorAll("[data-refresh]").forEach(refresh);
document.querySelectorAll("[data-stream]").forEach(tail);
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = "Copied";
});
