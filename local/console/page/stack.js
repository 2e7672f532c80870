// The local stack as the page knows it: what the events said, and calls to the control API.

export const stack = {
  settings: null,
  situation: null,
  messages: new Map(),
  requests: new Map(),
  phone: new Map(),
  shown: null,
};

// By what the items of each list are known.
const KEYS = { messages: "key", requests: "number", phone: "umid" };
const listeners = new Map();
const waiting = new Set();

export function on(names, act) {
  for (const name of names.split(" ")) {
    if (!listeners.has(name)) listeners.set(name, new Set());
    listeners.get(name).add(act);
  }
}

// Whatever comes within one frame is drawn once.
export function changed(name) {
  if (!waiting.size) setTimeout(draw, 16);
  waiting.add(name);
}

function draw() {
  const acts = new Set([...waiting].flatMap((name) => [...(listeners.get(name) ?? [])]));
  waiting.clear();
  for (const act of acts) act();
}

export function show(key) {
  stack.shown = key === null ? null : String(key);
  changed("shown");
}

export class Refusal extends Error {}

// Fields as the page calls them.
export const LABELS = {
  apiUrl: "API URL", bodyType: "Body type", rawBody: "Body", headers: "Header", urlParameters: "URL parameter",
  body: "Body", key: "Key", value: "Value", method: "Method", name: "Sender name", type: "Sender type",
  serviceProvider: "Service provider name", number: "Number", text: "Text", sentUniqueId: "Unique id of the sent response",
  reportUniqueId: "Unique id of the delivery response", status: "Delivery status", successValues: "Success values",
  failureReason: "Failure reason", errorCode: "Error code", seconds: "Seconds", messages: "Messages", perSecond: "Messages a second",
  mix: "The percentages", reports: "Reports", subAccountId: "Sub-account",
};

export async function call(method, path, body) {
  let answer;
  try {
    answer = await fetch(`/api/${path}`, {
      method,
      headers: method === "GET" ? {} : { "Content-Type": "application/json" },
      body: method === "GET" ? undefined : JSON.stringify(body ?? {}),
    });
  } catch {
    throw new Refusal("The local stack does not answer. Is `make run` still running?");
  }
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const where = content.field ? `${LABELS[content.field] ?? "The form"} ` : "";
    throw new Refusal(`${where}${content.message ?? `HTTP ${answer.status}`}`);
  }
  return content;
}

export function listen(connected) {
  const events = new EventSource("/api/events");
  const take = (name, act) => events.addEventListener(name, (event) => {
    act(JSON.parse(event.data));
  });
  const set = (name, value) => {
    stack[name] = value;
    changed(name);
  };
  const merge = (name, items) => {
    for (const item of items) stack[name].set(item[KEYS[name]], item);
    changed(name);
  };
  take("everything", (all) => {
    for (const name of Object.keys(KEYS)) {
      stack[name].clear();
      merge(name, all[name]);
    }
    set("settings", all.settings);
    set("situation", all.situation);
  });
  for (const name of Object.keys(KEYS)) take(name, (items) => merge(name, items));
  for (const name of ["settings", "situation"]) take(name, (value) => set(name, value));
  events.onopen = () => connected(true);
  events.onerror = () => connected(false);
}
