// One message, live: its steps, what it waits for, its item and its log lines.

import { attempt, h, keyed, said, tabs } from "./elements.js";
import { call, on, stack } from "./stack.js";

let detail = null;
// The stack's clock may not be the browser's.
let ahead = 0;

const title = h("p", { class: "way-title" });
const part = document.getElementById("timeline");
part.hidden = true;
const steps = h("ol", { class: "steps", "aria-label": "Steps" });
const wait = h("div", { class: "wait", hidden: true });

const views = tabs("What to show of the message", ["Steps", "Requests", "DynamoDB item", "Log lines"], (place, panel) => {
  panel.replaceChildren(...[
    () => [steps, wait],
    webhook,
    () => [json(detail?.item, "The bridge has no item for it.")],
    lines,
  ][place]());
}, { technical: true });
document.getElementById("details").addEventListener("change", (event) => { if (!event.target.checked) views.choose(0); });

const findings = h("p", { class: "said", role: "status" });
function reconcile() {
  said(findings, "reconcile runs…");
  attempt(findings, async () => {
    const found = Object.entries(await call("POST", "reconcile")).filter(([, count]) => count);
    said(findings, `reconcile found ${found.map(([name, count]) => `${name}: ${count}`).join(", ") || "nothing that is stuck"}.`);
  });
}

part.append(title, views.list, views.panel,
  h("div", { class: "buttons technical" },
    h("button", { type: "button", class: "quiet small", onclick: reconcile }, "Run reconcile now"),
    h("small", { class: "faint" }, "it runs every five minutes, and moves on what got stuck")),
  findings);

// ---------------------------------------------------------------------------------- the steps
const CLASSES = { MoEngage: "moengage", bridge: "bridge", "8x8": "eightx8", phone: "phone" };

function makeStep() {
  return h("li", {}, h("span", { class: "after mono" }), h("div", {},
    h("p", { class: "what" }, h("b"), " ", h("span"), " ", h("code", { class: "chip" }), " ", h("span", { class: "state" })),
    h("p", { class: "faint more" })));
}

function updateStep(item, step) {
  item.className = `${CLASSES[step.who]} ${step.tone}`;
  const [after, body] = item.children;
  const [who, what, name, state] = body.firstChild.children;
  after.textContent = `+${(step.at - detail.at).toFixed(2)} s`;
  who.textContent = step.who;
  what.textContent = step.what;
  name.textContent = step.function;
  name.className = "chip technical";
  name.hidden = !step.function;
  state.textContent = step.state ? `→ ${step.state}` : "";
  body.lastChild.textContent = step.detail;
  body.lastChild.hidden = !step.detail;
  body.lastChild.classList.toggle("technical", step.detail.startsWith("POST /"));
}

function drawWait() {
  const open = detail?.wait;
  wait.hidden = !open;
  if (!open) return;
  const now = Date.now() / 1000 + ahead;
  const passed = Math.max(0, now - open.since);
  const left = open.until - now;
  const over = open.until ? Math.min(1, passed / Math.max(0.1, open.until - open.since)) : null;
  const known = open.until && left > 0 ? `, ${left.toFixed(1)} s to go` : "";
  wait.replaceChildren(
    h("p", {}, h("b", {}, "waits "), open.what, h("span", { class: "faint mono" }, ` ${passed.toFixed(1)} s${known}`)),
    over === null
      ? h("div", { class: "progress endless", "aria-hidden": "true" }, h("i"))
      : h("progress", { max: 1, value: over, "aria-label": "Part of the wait that is over" }),
  );
}
setInterval(drawWait, 250);

// ------------------------------------------------------------------------- the other three views
function json(value, otherwise) {
  const empty = !value || !Object.keys(value).length;
  return empty ? h("p", { class: "faint" }, otherwise) : h("pre", { tabindex: "0" }, JSON.stringify(value, null, 2));
}

function webhook() {
  if (!detail) return [];
  const { request } = detail;
  return [...(request ? webhookRequest(request) : [h("p", { class: "faint" }, "It did not come from this page: its request was not seen.")]), ...whatFollowed()];
}

function webhookRequest(request) {
  let body = request.body;
  try { body = JSON.stringify(JSON.parse(body), null, 2); } catch { /* a form, or broken */ }
  const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`);
  return [
    h("h3", {}, "MoEngage asked"),
    h("pre", { tabindex: "0" }, [`${request.method} ${request.url}`, ...headers, "", body].join("\n")),
  ];
}

function whatFollowed() {
  return [
    ...detail.answers.flatMap((answer) => [
      h("h3", {}, answer.httpStatus ? `The bridge answered ${answer.httpStatus} after ${(answer.seconds * 1000).toFixed(0)} ms` : "No answer came"),
      json(answer.content, "Nothing that is JSON."),
    ]),
    ...detail.reports.flatMap((report) => [
      h("h3", {}, `The bridge reported; MoEngage answered ${report.httpStatus}${report.httpStatus === 200 && !report.counts ? ", and knows no such message" : ""}`),
      json(report.content, "Nothing."),
    ]),
  ];
}

function lines() {
  const found = detail?.lines ?? [];
  if (!found.length) return [h("p", { class: "faint" }, "No log line names it yet. Lines come about a second late.")];
  return [h("ul", { class: "lines" }, found.map((line) => {
    const { level, message, ...rest } = line.content;
    return h("li", {}, h("details", {},
      h("summary", {}, h("span", { class: "faint mono" }, `+${(line.at - detail.at).toFixed(2)} s `), h("code", { class: "chip" }, line.function), " ",
        h("b", { class: level === "INFO" ? "" : "odd" }, level), ` ${message}`),
      h("pre", { tabindex: "0" }, JSON.stringify(rest, null, 2))));
  }))];
}

// ------------------------------------------------------------------------------- keeping it fresh
let asking = false;
let asked = "";

async function refresh() {
  const row = stack.messages.get(stack.shown);
  if (!row || asking) return;
  const wanted = `${row.key} ${row.steps} ${row.state} ${row.verdict.status}`;
  if (wanted === asked) return;
  asking = true;
  const found = await call("GET", `messages/${row.key}`).catch(() => null);
  asking = false;
  if (found && found.key === stack.shown) {
    const another = detail?.key !== found.key;
    detail = found;
    asked = wanted;
    ahead = found.now - Date.now() / 1000;
    draw(another);
  }
  refresh();
}

function draw(another) {
  title.replaceChildren(h("b", {}, detail.text || "(its text is not known)"),
    h("span", { class: "faint" }, `to ${detail.number} by ${detail.sender}`, detail.messageId ? h("code", {}, ` ${detail.messageId}`) : ""),
    h("span", { class: "faint" }, detail.verdict.hint));
  part.hidden = false;
  if (another) steps.replaceChildren();
  keyed(steps, detail.timeline.map((step, place) => ({ ...step, key: `${step.at} ${step.who} ${step.function} ${place}` })), (step) => step.key, makeStep, updateStep);
  drawWait();
  // An open line must not fold up while somebody reads it.
  const reading = views.chosen === 3 && !another && views.panel.querySelector("details[open]");
  if (views.chosen !== 0 && !reading) views.again();
}

on("messages shown", refresh);
