// 8x8's side: what it does next, and what it received.

import { attempt, clock, field, h, keyed, select } from "./elements.js";
import { call, on, stack } from "./stack.js";

const MOST_SHOWN = 25;
export const COURSES = {
  deliver: "deliver",
  fail: "fail with an error code",
  refuse: "refuse the number (400)",
  silent: "deliver, stay silent",
  late: "answer late",
  throttle: "429, too many requests, once",
  error: "500, internal error",
  drop: "drop the connection",
  twice: "send each receipt twice",
  "out of order": "send receipts out of order",
};
const NOTES = {
  deliver: "Three receipts: queued, sent, delivered.",
  fail: "The operator gives up; the last receipt carries the code.",
  refuse: "Nothing is sent. The bridge reports a failure to MoEngage.",
  silent: "The SMS arrives, and no receipt ever says so.",
  late: "MoEngage waits 5 seconds for the bridge, the bridge a little less for 8x8.",
  throttle: "The bridge waits, or puts the message into its send queue, and sends it again.",
  error: "A 500 does not say whether 8x8 accepted the message: the SMS may still arrive, so the bridge does not send it again.",
  drop: "As with a 500: the SMS may still arrive.",
  twice: "A state only moves forward; MoEngage gets one report.",
  "out of order": "Delivered comes first, queued last. The state stays delivered.",
};

// What lies behind an ambiguous answer.
const TRUTHS = {
  accepted: ["it has the message all the same", { accepted: true, silent: false, once: false }],
  silent: ["it has the message, and sends no receipt", { accepted: true, silent: true, once: false }],
  once: ["it does not have it, and takes it when it comes again", { accepted: false, silent: false, once: true }],
  never: ["it does not have it, however often it comes", { accepted: false, silent: false, once: false }],
};

let form = { course: "deliver", errorCode: 1, seconds: 3, messages: 1, ...TRUTHS.accepted[1] };
let truth = "accepted";
const extra = h("div", {});
const note = h("p", { class: "faint" });
const now = h("p", { class: "now", role: "status", id: "instructions-now" });
const problem = h("p", { class: "said", role: "alert" });
const course = select(Object.entries(COURSES), form.course, { id: "course", onchange: () => { form.course = course.value; drawExtra(); } });
const many = select([["1", "the next message"], ["5", "the next 5 messages"], ["0", "all from now on"]], "1", { id: "many", onchange: () => { form.messages = Number(many.value); } });

function drawExtra() {
  note.textContent = NOTES[form.course];
  const parts = [];
  if (form.course === "fail") {
    const codes = select(stack.settings.errorCodes.map((one) => [String(one.code), `${one.code} ${one.text}`]), String(form.errorCode), { onchange: () => { form.errorCode = Number(codes.value); } });
    parts.push(field("Error code", codes, { hint: "4, 5 and 22 are not final: the operator goes on trying" }));
  }
  if (["late", "throttle"].includes(form.course)) {
    const seconds = h("input", { type: "number", min: 1, max: 60, value: form.seconds, oninput: () => { form.seconds = Number(seconds.value); } });
    parts.push(field(form.course === "late" ? "Seconds until it answers" : "Retry-After, in seconds", seconds));
  }
  if (["error", "drop"].includes(form.course)) {
    const truths = select(Object.entries(TRUTHS).map(([name, [text]]) => [name, text]), truth, {
      onchange: () => { truth = truths.value; form = { ...form, ...TRUTHS[truth][1] }; },
    });
    parts.push(field("In truth", truths));
  }
  extra.replaceChildren(...parts);
}

export async function instruct(changes = {}) {
  form = { ...form, ...changes };
  course.value = form.course;
  many.value = String(form.messages);
  drawExtra();
  await attempt(problem, () => call("PUT", "eightx8/instructions", form), "");
}

function words(one) {
  const text = COURSES[one.course];
  if (one.course === "fail") return `fail with ${one.errorCode}, ${stack.settings.errorCodes.find((known) => known.code === one.errorCode)?.text}`;
  if (["error", "drop"].includes(one.course)) {
    const known = Object.values(TRUTHS).find(([, values]) => Object.entries(values).every(([name, value]) => one[name] === value));
    return known ? `${text}: ${known[0]}` : text;
  }
  return ["late", "throttle"].includes(one.course) ? `${text} (${one.seconds} s)` : text;
}

on("situation settings", () => {
  if (!stack.situation || !stack.settings) return;
  if (!extra.dataset.ready) {
    extra.dataset.ready = "yes";
    drawExtra();
    endings.replaceChildren(...stack.settings.endings.flatMap((one) => [h("dt", {}, h("code", {}, one.ending)), h("dd", {}, one.text)]));
  }
  const { upcoming, standing } = stack.situation.instructions;
  const words_now = upcoming.length
    ? [`Next ${upcoming.length === 1 ? "message" : `${upcoming.length} messages`}: `, h("b", {}, words(upcoming[0])), "."]
    : standing ? ["All messages: ", h("b", {}, words(standing)), "."]
      : ["By the number's last digits, otherwise it delivers."];
  now.replaceChildren(...words_now, upcoming.length || standing
    ? h("button", { type: "button", class: "quiet small", onclick: () => attempt(problem, () => call("DELETE", "eightx8/instructions")) }, "Withdraw")
    : "");
});

const endings = h("dl", { class: "endings" });
document.getElementById("instructions").append(
  h("h3", {}, "What it does next"),
  now,
  h("form", { onsubmit: (event) => { event.preventDefault(); instruct(); } },
    field("It shall", course), note, extra,
    field("With", many),
    h("div", { class: "buttons" }, h("button", { type: "submit" }, "Apply"))),
  problem,
  h("details", {}, h("summary", {}, "What the last digits of a number do"), endings),
);

// ------------------------------------------------------------------------------- what it received
const list = h("ul", { class: "requests", "aria-label": "Requests that 8x8 received, the newest first" });
const none = h("p", { class: "faint" }, "Nothing yet.");
document.getElementById("requests").className = "technical";
document.getElementById("requests").append(h("h3", {}, "What it received"), none, list);

function make() {
  return h("li", {}, h("details", {}, h("summary", {}), h("pre", { tabindex: "0" })));
}

function update(item, one) {
  const [summary, text] = item.firstElementChild.children;
  const tone = one.status === 200 ? "good" : one.status ? "bad" : "odd";
  const what = one.batch ? `batch of ${one.messageIds.length}` : "one message";
  summary.replaceChildren(
    h("span", { class: "faint mono" }, clock(one.at)), ` ${what} `,
    h("b", { class: tone }, one.status ? String(one.status) : "no answer"), one.code ? ` code ${one.code}` : "");
  text.textContent = [
    `POST ${one.path}`,
    ...Object.entries(one.headers).map(([name, value]) => `${name}: ${value}`), "",
    typeof one.body === "string" ? one.body : JSON.stringify(one.body, null, 2),
  ].join("\n");
}

on("requests", () => {
  const newest = [...stack.requests.values()].sort((one, other) => other.number - one.number).slice(0, MOST_SHOWN);
  keyed(list, newest, (one) => one.number, make, update);
  none.hidden = newest.length > 0;
});
