// The first steps of somebody who sees this for the first time.

import { h } from "./elements.js";
import { instruct } from "./eightx8.js";
import { currentForm, sendTest } from "./sender.js";
import { on, stack } from "./stack.js";
import { showTypeThis } from "./type_this.js";

let read = false;
// What was there before this page was opened is nobody's first step.
let before = null;

async function sendOne() {
  await sendTest();
  // On a narrow screen it is further down.
  document.getElementById("verdict").scrollIntoView({ block: "nearest" });
}

async function failOne() {
  await instruct({ course: "fail", errorCode: 1, messages: 1 });
  await sendOne();
}

const STEPS = [
  {
    title: "Send a test SMS",
    more: "MoEngage asks the bridge, 8x8 delivers, the phone shows it.",
    button: "Send", act: sendOne,
    done: (fresh) => fresh.some((one) => one.verdict.status === "delivered"),
  },
  {
    title: "Make one fail",
    more: "8x8 cannot deliver the next one; see MoEngage's verdict.",
    button: "Fail one", act: failOne,
    done: (fresh) => fresh.some((one) => one.verdict.status === "failed"),
  },
  {
    title: "Set up the real MoEngage",
    more: "Every field, with its value and where it comes from.",
    button: "Show", act: () => { read = true; draw(); return showTypeThis(currentForm()); },
    done: () => read,
  },
];

const list = document.getElementById("guide");
const items = STEPS.map((step, place) => h("li", {},
  h("span", { class: "number" }, String(place + 1)),
  h("span", {}, h("b", {}, step.title), h("small", {}, step.more)),
  h("button", { type: "button", onclick: step.act }, step.button)));
list.append(...items);

function draw() {
  if (!stack.settings) return;
  before ??= new Set(stack.messages.keys());
  const fresh = [...stack.messages.values()].filter((one) => !before.has(one.key));
  STEPS.forEach((step, place) => {
    const done = step.done(fresh);
    items[place].classList.toggle("done", done);
    items[place].firstChild.textContent = done ? "✓" : String(place + 1);
  });
}
on("messages settings", draw);
