// MoEngage's forms for a sender: Send Test SMS, and the custom service provider.

import { attempt, field, h, said, select } from "./elements.js";
import { call, on, show, stack } from "./stack.js";
import { SIGNS } from "./messages.js";
import { mappingIsUnsaved } from "./tracking.js";
import { showTypeThis } from "./type_this.js";

const TEXTS = [
  (number) => `Your order #${number} is on its way. Track it at https://acme.example/t/${number}`,
  (number) => `Your code is ${number}. It is good for ten minutes.`,
  (number) => `Order #${number} is ready: pick it up until 20:00 today.`,
];
let texts = 0;
let proposed = "";

const number = h("input", { type: "tel", value: "+6581234567", autocomplete: "off", id: "test-number" });
const text = h("textarea", { rows: 3, id: "test-text", oninput: () => showSize() });
const size = h("p", { class: "size faint", id: "test-size" });
const verdict = h("div", { class: "verdict", role: "status", id: "verdict" });
const sendButton = h("button", { type: "submit", class: "main" }, "Send test SMS");
let sentKey = null;

function proposeText() {
  // The same text to the same number would be a repeat, which the bridge sends only once.
  proposed = TEXTS[texts++ % TEXTS.length](4711 + Math.floor(Math.random() * 5000));
  text.value = proposed;
  showSize();
}

let sizing = 0;
async function showSize() {
  const mine = ++sizing;
  if (!text.value.trim()) {
    size.textContent = "";
    return;
  }
  const found = await call("POST", "segments", { text: text.value }).catch(() => null);
  if (!found || mine !== sizing) return;
  size.replaceChildren(...sizeWords(found));
}

export function sizeWords(found) {
  const alphabet = found.encoding === "GSM7" ? "GSM-7" : "Unicode";
  const words = [`${found.segments} SMS, ${alphabet}`];
  if (found.forcing.length) {
    words.push(", because of ");
    found.forcing.slice(0, 3).forEach((one, place) => {
      words.push(place ? ", " : "", h("b", {}, one.character), ` (${one.codePoint}, ${one.name})`);
    });
    if (found.forcing.length > 3) words.push(` and ${found.forcing.length - 3} more`);
  }
  if (found.cutOff) words.push(". Too long: 8x8 cuts it off after ten parts");
  return words;
}

export async function sendTest() {
  sendButton.disabled = true;
  // The last message's verdict is none of this one's.
  sentKey = null;
  said(verdict, "Sending…");
  verdict.className = "verdict";
  try {
    const message = await call("POST", "moengage/test-sms", {
      sender: form, number: number.value.trim(), text: text.value,
    });
    stack.messages.set(message.key, message);
    sentKey = message.key;
    show(message.key);
    showVerdict();
    if (text.value === proposed) proposeText();
  } catch (error) {
    said(verdict, error.message, true);
    verdict.className = "verdict is-bad";
  } finally {
    sendButton.disabled = false;
  }
}

function showVerdict() {
  const message = stack.messages.get(sentKey);
  if (!message) return;
  const { status, symptom } = message.verdict;
  const unsaved = mappingIsUnsaved() && "Delivery tracking has changes that are not saved: MoEngage reads reports by what was saved.";
  const hint = [message.verdict.hint, unsaved].filter(Boolean).join(" ");
  const [sign, tone] = SIGNS[status];
  verdict.className = `verdict is-${hint && tone !== "bad" ? "odd" : tone}`;
  verdict.replaceChildren(
    h("p", {}, h("span", { class: "sign", "aria-hidden": "true" }, sign), h("b", {}, symptom)),
    h("p", { class: "about faint" }, message.text),
    hint ? h("p", { class: "hint" }, h("b", {}, "Hint "), hint) : "",
  );
}
on("messages mapping", showVerdict);

document.getElementById("test").append(
  h("form", {
    class: "test",
    onsubmit: (event) => { event.preventDefault(); sendTest(); },
    onkeydown: (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) sendTest(); },
  },
  h("h3", {}, "Send Test SMS"),
  field("Mobile number", number),
  field("Text", text),
  size,
  h("details", { class: "explained" }, h("summary", {}, "How many SMS a text is"),
    h("p", { class: "faint" }, "In the GSM-7 alphabet an SMS holds 160 characters (153 each, if the text needs several). One character that is not in it, such as an emoji or ó, turns the whole text into Unicode: 70 characters (67 each). Each SMS is charged.")),
  h("div", { class: "buttons" }, sendButton),
  verdict),
);
proposeText();

// ------------------------------------------------------------------------ the service provider
let place = 0;
let form = null;
const form_area = h("div", { class: "sender-form" });
const saved = h("p", { class: "said", role: "status" });

function rowsOf(label, name, rows) {
  const list = h("div", { class: "pairs" });
  const options = h("datalist", { id: `macros-${name}` }, stack.settings.macros.map((one) => h("option", { value: one })));
  function add(row) {
    const pair = h("div", { class: "pair" },
      h("input", { value: row.key, "aria-label": `${label}: key`, class: "mono", spellcheck: "false", oninput: () => { row.key = pair.firstChild.value; changed(); } }),
      h("input", { value: row.value, "aria-label": `${label} ${row.key || "new"}: value`, class: "mono", spellcheck: "false", list: options.id, oninput: (event) => { row.value = event.target.value; changed(); } }),
      h("button", { type: "button", class: "quiet small", "aria-label": `${label}: remove ${row.key}`, onclick: () => { rows.splice(rows.indexOf(row), 1); pair.remove(); changed(); } }, "×"));
    list.append(pair);
    return pair;
  }
  rows.forEach(add);
  return h("fieldset", { class: "group" }, h("legend", {}, label), list, options,
    h("button", { type: "button", class: "quiet small", onclick: () => { const row = { key: "", value: "" }; rows.push(row); add(row).firstChild.focus(); } }, `Add ${label === "URL parameter" ? label : label.toLowerCase()}`));
}

function input(label, name, attributes = {}) {
  const control = h("input", { value: form[name], spellcheck: "false", oninput: () => { form[name] = control.value; changed(); }, ...attributes });
  return field(label, control);
}

function choice(label, name, options) {
  const control = select(options.map((one) => [one]), form[name], { onchange: () => { form[name] = control.value; changed(); drawForm(); } });
  return field(label, control);
}

export function currentForm() {
  return form;
}

function changed() {
  const clean = JSON.stringify(form) === JSON.stringify(stack.settings.senders[place]);
  const misspelt = [...new Set(JSON.stringify(form).match(/moe_?sms_?\w*/gi) ?? [])].filter((one) => !stack.settings.macros.includes(one));
  said(saved, misspelt.length ? `${misspelt.join(", ")} is no macro.` : clean ? "" : "Not saved yet. A test uses what the form says.", misspelt.length > 0);
}

function drawForm() {
  const body = form.bodyType === "Raw"
    ? field("Body", h("textarea", { rows: 4, class: "mono", spellcheck: "false", value: form.rawBody, oninput: (event) => { form.rawBody = event.target.value; changed(); } }))
    : rowsOf("Body", "body", form.body);
  form_area.replaceChildren(
    h("div", { class: "two" }, input("Service provider name", "serviceProvider"), input("Sender name", "name")),
    h("div", { class: "two" }, choice("Sender type", "type", ["Transactional", "Promotional"]), choice("Method", "method", stack.settings.methods)),
    input("API URL", "apiUrl", { class: "mono" }),
    rowsOf("Header", "headers", form.headers),
    rowsOf("URL parameter", "urlParameters", form.urlParameters),
    choice("Body type", "bodyType", ["JSON", "Form", "Raw"]),
    body,
  );
}

function takeForm(source) {
  form = structuredClone(source);
  drawForm();
  changed();
}

const chooser = h("select", { id: "which-sender", onchange: () => { place = Number(chooser.value); takeForm(stack.settings.senders[place]); } });

document.getElementById("sender").append(
  h("details", { class: "fold", open: true },
    h("summary", {}, h("h3", {}, "Sender: custom service provider")),
    field("Sender", chooser),
    form_area,
    h("p", { class: "faint macros" }, "Macros: ", h("code", {}, "Moesms_destination"), " the number, ", h("code", {}, "Moesms_message"), " the text."),
    h("div", { class: "buttons" },
      h("button", { type: "button", onclick: () => attempt(saved, () => call("PUT", `moengage/senders/${place}`, form), "Saved.") }, "Save"),
      h("button", { type: "button", class: "quiet", onclick: () => takeForm(stack.settings.thisStack[place]) }, "Restore values that work"),
      h("button", { type: "button", class: "quiet", id: "open-type-this", onclick: () => showTypeThis(form) }, "What to type into the real MoEngage")),
    saved),
);

on("settings", () => {
  const { senders } = stack.settings;
  chooser.replaceChildren(...senders.map((one, number) =>
    h("option", { value: String(number), selected: number === place }, `${one.name} (${one.type}, ${one.bodyType})`)));
  if (!form) takeForm(senders[place]);
});
