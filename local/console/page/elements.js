// Makes and updates elements. Text only ever becomes text: nothing here reads HTML.

export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "value" || key === "checked" || key === "selected") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// Keeps the elements of a list by key, so that focus and scroll survive an update.
export function keyed(list, items, keyOf, make, update) {
  const known = new Map([...list.children].map((child) => [child.dataset.key, child]));
  let place = list.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let child = known.get(key);
    if (!child) {
      child = make(item);
      child.dataset.key = key;
    }
    known.delete(key);
    update(child, item);
    if (child === place) place = place.nextElementSibling;
    else list.insertBefore(child, place);
  }
  for (const child of known.values()) child.remove();
}

let lastId = 0;

export function field(label, control, { hint, className = "" } = {}) {
  control.id ||= `field-${++lastId}`;
  const note = hint ? h("small", { id: `${control.id}-hint`, class: "faint" }, hint) : null;
  if (note) control.setAttribute("aria-describedby", note.id);
  return h("div", { class: `field ${className}` }, h("label", { for: control.id }, label), control, note);
}

export function select(options, value, attributes = {}) {
  return h(
    "select",
    attributes,
    options.map(([key, text]) => h("option", { value: key, selected: key === value }, text ?? key)),
  );
}

// Tabs as the keyboard expects them: the arrow keys move, Home and End jump.
// All but the first can be technical.
export function tabs(label, names, show, { technical = false } = {}) {
  const group = ++lastId;
  const panel = h("div", { role: "tabpanel", id: `panel-${group}`, tabindex: "0" });
  const buttons = names.map((name, place) =>
    h("button", {
      type: "button", role: "tab", class: technical && place > 0 ? "technical" : null, id: `tab-${group}-${place}`, "aria-controls": panel.id,
      onclick: () => choose(place),
    }, name));
  const list = h("div", {
    role: "tablist", "aria-label": label, class: "tabs",
    onkeydown: (event) => {
      const seen = buttons.filter((button) => button.checkVisibility());
      const now = seen.indexOf(document.activeElement);
      const next = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: seen.length - 1 }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      const button = seen[(next + seen.length) % seen.length];
      choose(buttons.indexOf(button));
      button.focus();
    },
  }, buttons);
  let chosen = -1;
  function choose(place) {
    const changed = place !== chosen;
    chosen = place;
    buttons.forEach((button, number) => {
      button.setAttribute("aria-selected", number === place);
      button.tabIndex = number === place ? 0 : -1;
    });
    panel.setAttribute("aria-labelledby", buttons[place].id);
    if (changed) show(place, panel);
  }
  choose(0);
  return { list, panel, choose, again: () => show(chosen, panel), get chosen() { return chosen; } };
}

export function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour12: false });
}

export function said(element, text, bad = false) {
  element.textContent = text;
  element.classList.toggle("bad", bad);
}

// Does something, and says beside it how that went.
export async function attempt(element, act, done) {
  try {
    await act();
    if (done !== undefined) said(element, done);
  } catch (error) {
    said(element, error.message, true);
  }
}
