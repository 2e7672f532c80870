// What to type into the real MoEngage, field by field.

import { h, said } from "./elements.js";
import { call, LABELS, stack } from "./stack.js";

const dialog = document.getElementById("type-this");

export async function showTypeThis(form) {
  const problem = h("p", { class: "said", role: "status" });
  const sender = await call("POST", "moengage/what-to-type", form).catch((error) => {
    said(problem, error.message, true);
    return [];
  });
  const mapping = Object.entries(stack.settings.tracking ?? {}).map(([name, value]) => ({ field: LABELS[name], value, source: "" }));
  dialog.replaceChildren(
    h("div", { class: "dialog-head" },
      h("h2", { id: "type-this-title" }, "What to type into the real MoEngage"),
      h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Close")),
    h("p", {}, "What is in capitals is different for everybody. Whoever deployed the bridge has it: ",
      h("code", {}, "sms-bridge settings --show-tokens"), " prints this whole list with your own values."),
    problem,
    h("h3", {}, "1. Settings › Channel › SMS › Sender Configuration › Add sender › Add custom service provider"),
    table(sender),
    h("p", {}, "Press ", h("b", {}, "Send Test SMS"), ", then ", h("b", {}, "Save"), "."),
    h("h3", {}, "2. Delivery tracking, which appears after saving: manual mapping"),
    table(mapping),
    h("p", {}, "MoEngage now shows its delivery-tracking URL. Give it to whoever deployed the bridge: the last part of it is the parameter ",
      h("code", {}, "MoEngageConnectorId"), ", and without it MoEngage never gets a report."),
  );
  dialog.showModal();
}

function table(rows) {
  return h("table", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Field"), h("th", { scope: "col" }, "Type this"), h("th", {}, h("span", { class: "hidden" }, "Copy")))),
    h("tbody", {}, rows.map((row) => h("tr", {},
      h("th", { scope: "row" }, row.field),
      h("td", {}, h("code", {}, row.value), row.source ? h("small", { class: "faint" }, row.source) : ""),
      // A value that is not yet somebody's own is nothing to paste.
      h("td", {}, row.own ? "" : h("button", { type: "button", class: "quiet small", "aria-label": `Copy ${row.field}`, onclick: (event) => copy(row.value, event.target) }, "Copy"))))));
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not allowed";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}
