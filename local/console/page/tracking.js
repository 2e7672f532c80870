// MoEngage's form for delivery tracking: mapped by hand, or from the last answer and report.

import { attempt, field, h, said, select, tabs } from "./elements.js";
import { call, changed, LABELS, on, stack } from "./stack.js";

// Where the key of each stands; the success values are no key.
const ATTRIBUTES = { sentUniqueId: "answer", reportUniqueId: "report", status: "report", successValues: null, failureReason: "report" };
let form = null;
const saved = h("p", { class: "said", role: "status" });
const url = h("code", {});

export function mappingIsUnsaved() {
  return form !== null && JSON.stringify(form) !== JSON.stringify(stack.settings.tracking);
}

function note() {
  said(saved, mappingIsUnsaved() ? "Not saved yet: MoEngage still reads reports by what was saved." : "");
  changed("mapping");
}

function typed(name) {
  const control = h("input", { class: "mono", spellcheck: "false", value: form[name], oninput: () => { form[name] = control.value; note(); } });
  return field(LABELS[name], control, name === "successValues" ? { hint: "separated by commas; every other value is a failure" } : {});
}

async function chosen(panel) {
  const keys = await call("GET", "moengage/mapping-keys").catch(() => ({ answer: {}, report: {} }));
  const read = (where) => Object.entries(keys[where]);
  const words = ["answer", "report"].map((where) => `the last ${where}: ${read(where).length ? `${read(where).length} keys` : "none yet"}`).join(", ");
  panel.replaceChildren(
    h("p", { class: "faint" }, `MoEngage reads the keys of a test SMS's answer and report (${words}). Send a test SMS, wait for its report, then choose.`),
    h("div", { class: "buttons" }, h("button", { type: "button", class: "quiet small", onclick: () => chosen(panel) }, "Read the keys again")),
    ...Object.entries(ATTRIBUTES).map(([name, where]) => {
      if (!where) return typed(name);
      const options = read(where).map(([key, value]) => [key, `${key}: ${value.slice(0, 36) || "(empty)"}`]);
      if (!options.some(([key]) => key === form[name])) options.unshift([form[name], `${form[name]} (not there)`]);
      const control = select(options, form[name], { class: "mono", onchange: () => { form[name] = control.value; note(); } });
      return field(LABELS[name], control);
    }),
  );
}

const modes = tabs("How to map", ["Manual mapping", "Automatic mapping"], (mode, panel) => {
  if (!form) return;
  if (mode === 1) chosen(panel);
  else panel.replaceChildren(...Object.keys(ATTRIBUTES).map(typed));
});

document.getElementById("tracking").append(
  h("details", { class: "fold" },
    h("summary", {}, h("h3", {}, "Delivery tracking")),
    h("p", { class: "faint" }, "Delivery-tracking URL ", url),
    modes.list,
    modes.panel,
    h("div", { class: "buttons" },
      h("button", {
        type: "button",
        onclick: () => attempt(saved, () => call("PUT", "moengage/tracking", form), "Saved."),
      }, "Save mapping"),
      h("button", {
        type: "button", class: "quiet",
        onclick: () => attempt(saved, () => call("PUT", "moengage/refusals", { reports: 1 }), "The next report is answered with 503. The bridge will send it again."),
      }, "Refuse the next report (503)")),
    saved),
);

on("settings", () => {
  changed("mapping");
  url.textContent = stack.settings.trackingUrl;
  if (form) return;
  form = { ...stack.settings.tracking };
  modes.again();
});
