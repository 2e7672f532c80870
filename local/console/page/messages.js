// The list of MoEngage's messages, the newest first; one of them is shown.

import { clock, h, keyed, select } from "./elements.js";
import { on, show, stack } from "./stack.js";

const MOST_SHOWN = 60;
const FILTERS = {
  all: () => true,
  failed: (one) => ["failed", "not sent"].includes(one.verdict.status),
  "under way": (one) => ["sending", "sent"].includes(one.verdict.status),
  delivered: (one) => one.verdict.status === "delivered",
};
export const SIGNS = { delivered: ["✓", "good"], failed: ["✕", "bad"], "not sent": ["✕", "bad"], sent: ["…", "plain"], sending: ["…", "plain"] };

const filter = select(Object.keys(FILTERS).map((name) => [name]), "all", { id: "filter", onchange: () => draw() });
const count = h("span", { class: "faint" });
const list = h("ul", { class: "messages", "aria-label": "Messages, the newest first", onkeydown: move });

const played = h("p", { class: "faint played", hidden: true });
const none = h("p", { class: "faint" }, "No message yet. Send a test SMS: it shows here, step by step.");

function make(one) {
  return h("li", {}, h("button", { type: "button", onclick: () => show(one.key) },
    h("span", { class: "sign" }), h("span", { class: "text" }), h("span", { class: "chips" }, h("span", { class: "chip demo" }, "demo"), h("span", { class: "chip state" })),
    h("span", { class: "faint number" }), h("span", { class: "symptom" })));
}

function update(item, one) {
  const button = item.firstElementChild;
  const [sign, text, chips, number, symptom] = button.children;
  const [demo, chip] = chips.children;
  demo.hidden = !one.isDemo;
  const [mark, tone] = SIGNS[one.verdict.status];
  sign.textContent = mark;
  sign.className = `sign ${tone}`;
  text.textContent = one.text;
  chip.textContent = one.state || (one.messageId ? "accepted" : "refused");
  chip.hidden = one.verdict.status === "sending";
  number.textContent = `${clock(one.at)} · ${one.number}`;
  symptom.textContent = one.verdict.symptom;
  symptom.className = `symptom ${tone}`;
  button.setAttribute("aria-pressed", one.key === stack.shown);
  button.tabIndex = -1;
}

function draw() {
  const all = [...stack.messages.values()].sort((one, other) => other.at - one.at);
  const fitting = all.filter(FILTERS[filter.value]);
  keyed(list, fitting.slice(0, MOST_SHOWN), (one) => one.key, make, update);
  // One stop for the Tab key; the arrow keys move within the list.
  const stop = list.querySelector('button[aria-pressed="true"]') ?? list.querySelector("button");
  if (stop) stop.tabIndex = 0;
  played.hidden = !all.some((one) => one.isDemo);
  if (!played.hidden) {
    const { messages, fail } = stack.settings.demo;
    played.replaceChildren(h("span", { class: "chip" }, "demo"), ` ${messages} messages were played at the start; ${fail} of them fail on purpose.`);
  }
  none.hidden = all.length > 0;
  list.hidden = !none.hidden;
  count.textContent = fitting.length > MOST_SHOWN
    ? `the newest ${MOST_SHOWN} of ${fitting.length}`
    : `${fitting.length} message${fitting.length === 1 ? "" : "s"}`;
  if (stack.shown === null && all.length) show(all[0].key);
}

function move(event) {
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  const next = step && document.activeElement.closest("li")?.[step]?.firstElementChild;
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.click();
}

document.getElementById("messages").append(
  h("div", { class: "bar" }, h("label", { for: "filter" }, "Messages"), filter, count),
  played,
  none,
  list,
);
on("messages shown settings", draw);
