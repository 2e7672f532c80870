// A campaign of many messages with faults among them, and the numbers of the run.

import { bars, histogram } from "./charts.js";
import { COURSES } from "./eightx8.js";
import { attempt, field, h, said } from "./elements.js";
import { call, on, stack } from "./stack.js";

const MIX = { fail: 8, throttle: 4, error: 2, drop: 1, twice: 4, "out of order": 4, refuse: 1, silent: 0, late: 0 };

const messages = h("input", { type: "number", min: 1, max: 2000, value: 500, id: "campaign-messages" });
const rate = h("input", { type: "number", min: 1, max: 50, value: 5, id: "campaign-rate" });
const away = h("input", { type: "number", min: 0, max: 100, value: 0, id: "campaign-away" });
const mix = Object.fromEntries(Object.entries(MIX).map(([name, percent]) =>
  [name, h("input", { type: "number", min: 0, max: 100, value: percent, oninput: () => sum() })]));
const rest = h("p", { class: "faint" });
const state = h("p", { class: "said", role: "status" });
const progress = h("progress", { max: 1, value: 0, hidden: true, "aria-label": "Messages of the campaign that are sent" });
const start = h("button", { type: "submit", class: "main" }, "Start");
const stop = h("button", { type: "button", hidden: true, onclick: () => attempt(state, () => call("DELETE", "campaigns")) }, "Stop");

function percents() {
  return Object.fromEntries(Object.entries(mix).map(([name, control]) => [name, Number(control.value)]));
}

function sum() {
  const used = Object.values(percents()).reduce((one, other) => one + other, 0);
  rest.textContent = used > 100 ? `That makes ${used} percent: too many.` : `The other ${100 - used} percent are delivered.`;
  rest.classList.toggle("bad", used > 100);
}

function begin(event) {
  event.preventDefault();
  attempt(state, async () => {
    if (Number(away.value)) await call("PUT", "moengage/refusals", { reports: Number(away.value) });
    await call("POST", "campaigns", { messages: Number(messages.value), perSecond: Number(rate.value), mix: percents() });
  }, "");
}

document.getElementById("campaign-form").append(
  h("form", { onsubmit: begin },
    h("div", { class: "two" }, field("Messages", messages), field("Messages a second", rate)),
    h("p", { class: "faint" }, "Everything runs on this machine. If it cannot keep up, the campaign is sent more slowly than asked for."),
    h("fieldset", { class: "group" }, h("legend", {}, "Of a hundred messages 8x8 shall"),
      h("div", { class: "mix" }, Object.entries(mix).map(([name, control]) => field(name === "fail" ? "fail, error code 1" : COURSES[name], control, { className: "inline" }))), rest),
    field("Reports that MoEngage answers with 503 at first", away),
    h("div", { class: "buttons" }, start, stop), progress, state),
);
sum();

const charts = document.getElementById("charts");
const FUNNEL = [
  ["requested", "MoEngage asked"],
  ["accepted", "bridge accepted"],
  ["accepted8x8", "8x8 accepted"],
  ["handedOver", "operator has"],
  ["delivered", "reported: delivered"],
  ["failed", "reported: failed"],
];
let drawn = "";

on("situation", () => {
  const { campaign, run } = stack.situation;
  const running = campaign?.running ?? false;
  start.disabled = running;
  stop.hidden = !running;
  progress.hidden = !campaign;
  if (campaign) {
    progress.value = campaign.sent / campaign.messages;
    const open = campaign.funnel.accepted - campaign.funnel.delivered - campaign.funnel.failed;
    said(state, `${campaign.sent} of ${campaign.messages} sent${running ? "" : ", done"}, ${(campaign.sent / Math.max(1, campaign.seconds)).toFixed(1)} a second; ${open} wait for an outcome.`);
  }
  const numbers = campaign ?? run;
  const fresh = JSON.stringify(numbers);
  if (fresh === drawn) return;
  drawn = fresh;
  const { funnel } = numbers;
  const part = (count) => (funnel.requested ? `${Math.round((100 * count) / funnel.requested)} %` : "");
  const tones = { delivered: "good", failed: "bad" };
  charts.replaceChildren(
    h("p", { class: "faint charts-of" }, campaign ? `Of the campaign ${campaign.campaignId}` : "Of all messages since the start"),
    bars("How far they came", FUNNEL.map(([name, text]) => ({ name: text, count: funnel[name], part: part(funnel[name]), tone: tones[name] }))),
    bars("Why some failed", Object.entries(numbers.failures).map(([name, count]) => ({ name, count, tone: "bad" }))),
    histogram("Seconds until MoEngage was answered", numbers.answers, ", MoEngage waits 5 s"),
    histogram("Seconds until the outcome was reported", numbers.reported, ". Held for 6 s: MoEngage drops a report that comes before it has read the answer, for which it waits 5 s"),
    bars("SMS a message", Object.entries(numbers.segments).map(([name, count]) => ({ name: `${name} SMS`, count })),
      numbers.sms ? `${numbers.sms} in all; ${Object.entries(numbers.encodings).map(([name, count]) => `${count} ${name === "GSM7" ? "GSM-7" : "Unicode"}`).join(", ")}` : ""),
  );
});
