// The recipient's phone: what arrived, and replies.

import { attempt, clock, field, h, keyed } from "./elements.js";
import { call, on, stack } from "./stack.js";
import { sizeWords } from "./sender.js";

const MOST_SHOWN = 40;
let chosen = null;

const chooser = h("select", { id: "which-phone", onchange: () => { chosen = chooser.value; draw(); } });
const screen = h("ol", { class: "screen", tabindex: "0", "aria-label": "Messages on the phone" });
const empty = h("p", { class: "faint empty" }, "No SMS yet. What 8x8 delivers appears here.");
const body = h("input", { value: "", autocomplete: "off", id: "reply-text" });
const to = h("select", { id: "reply-to" });
const answer = h("p", { class: "said", role: "status" });

function reply(text) {
  attempt(answer, async () => {
    await call("POST", "phone/replies", { number: chosen, text, subAccountId: to.value });
    body.value = "";
  }, "");
}

function click(umid) {
  attempt(answer, () => call("POST", "phone/clicks", { umid }), "8x8 reports the click to the bridge.");
}

function make(entry) {
  return h("li", { class: entry.direction }, h("p", { class: "bubble" }, entry.text), h("p", { class: "faint under" }));
}

function update(item, entry) {
  const under = item.lastElementChild;
  if (entry.direction === "sent") {
    under.replaceChildren(`${clock(entry.at)} to ${entry.to}, ${entry.known ? "the bridge has it" : "on its way"}`);
  } else {
    under.replaceChildren(`${clock(entry.at)} from ${entry.from} · `, ...sizeWords(entry),
      entry.hasLink ? h("button", { type: "button", class: "quiet small", onclick: () => click(entry.umid) }, "Click the link") : "");
  }
}

function draw() {
  const entries = [...stack.phone.values()].sort((one, other) => one.at - other.at);
  const numbers = [...new Set(entries.map((entry) => entry.number))].reverse();
  // Whoever gets a message from here is the one to look at.
  const sent = stack.messages.get(stack.shown)?.number;
  const wanted = sent && `+${sent.replace(/^\+/, "")}`;
  if (wanted && /^\+\d+$/.test(wanted) && !numbers.includes(wanted)) numbers.unshift(wanted);
  if (!numbers.includes(chosen)) chosen = numbers[0] ?? null;
  chooser.disabled = !numbers.length;
  // The one that is shown is always among them, however many came since.
  const offered = [...new Set([...(chosen ? [chosen] : []), ...numbers.slice(0, 200)])];
  chooser.replaceChildren(...(numbers.length ? [] : [h("option", {}, "none yet")]), ...offered.map((number) => h("option", { value: number, selected: number === chosen }, number)));
  const atEnd = screen.scrollHeight - screen.scrollTop - screen.clientHeight < 40;
  const here = entries.filter((entry) => entry.number === chosen).slice(-MOST_SHOWN);
  keyed(screen, here, (entry) => entry.umid, make, update);
  empty.hidden = here.length > 0;
  if (atEnd) screen.scrollTop = screen.scrollHeight;
}

document.getElementById("handset").append(
  field("Number", chooser, { className: "inline" }),
  h("div", { class: "handset" }, h("div", { class: "ear", "aria-hidden": "true" }), empty, screen),
  h("form", {
    class: "reply",
    onsubmit: (event) => { event.preventDefault(); reply(body.value); },
  },
  field("Reply to the virtual number of", to, { className: "inline" }),
  h("div", { class: "buttons" },
    h("label", { for: "reply-text", class: "hidden" }, "Reply"), body,
    h("button", { type: "submit" }, "Reply")),
  h("div", { class: "buttons" },
    h("button", { type: "button", onclick: () => reply("STOP") }, "STOP"),
    h("button", { type: "button", onclick: () => reply("START") }, "START"),
    h("small", { class: "faint" }, "opts out of promotional messages, and in again")),
  answer),
);

on("settings", () => {
  if (to.options.length) return;
  to.append(...stack.settings.subAccounts.map((name) => h("option", { value: name, selected: name.endsWith("Promotional") }, name)));
});
on("phone", draw);
on("shown", () => {
  const number = stack.messages.get(stack.shown)?.number;
  if (number) chosen = `+${number.replace(/^\+/, "")}`;
  draw();
});
