// Small charts, drawn by hand: bars with their numbers, readable without colour.

import { h, svg } from "./elements.js";

// Rows of bars, each with its name and its number; each bar is a part of the largest.
export function bars(title, rows, note = "") {
  const most = Math.max(1, ...rows.map((row) => row.count));
  return h("figure", { class: "chart" },
    h("figcaption", {}, h("b", {}, title), note ? h("span", { class: "faint" }, ` ${note}`) : ""),
    rows.length ? h("table", { class: "bars" }, h("tbody", {}, rows.map((row) =>
      h("tr", {}, h("th", { scope: "row" }, row.name), h("td", { class: "bar-cell" }, bar(row.count / most, row.tone ?? "plain")),
        h("td", { class: "count" }, String(row.count), row.part ? h("span", { class: "faint" }, ` ${row.part}`) : "")))))
      : h("p", { class: "faint" }, "Nothing yet."));
}

function bar(part, tone) {
  return svg("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { class: "ground", width: 100, height: 10, rx: 1 }),
    svg("rect", { class: tone, width: Math.max(part ? 1 : 0, part * 100), height: 10, rx: 1 }));
}

// Columns over classes of seconds; the words say what the picture shows.
export function histogram(title, classes, note = "") {
  const total = classes.reduce((sum, one) => sum + one.count, 0);
  const most = Math.max(1, ...classes.map((one) => one.count));
  const name = (one) => (one.upTo === null ? "more" : `≤ ${one.upTo}`);
  const words = classes.filter((one) => one.count).map((one) => `${one.count} ${one.upTo === null ? "longer" : `up to ${one.upTo} s`}`);
  const wide = 320 / classes.length;
  const picture = svg("svg", { viewBox: "0 0 320 112", role: "img", "aria-label": `${title}: ${words.join(", ") || "nothing yet"}` });
  classes.forEach((one, place) => {
    const high = (one.count / most) * 74;
    const x = place * wide;
    picture.append(svg("rect", { class: "column", x: x + 4, y: 90 - high, width: wide - 8, height: Math.max(high, one.count ? 2 : 0), rx: 2 }));
    if (one.count) picture.append(label(x + wide / 2, 84 - high, String(one.count), "number"));
    picture.append(label(x + wide / 2, 106, name(one), "axis"));
  });
  picture.append(svg("line", { class: "base", x1: 0, x2: 320, y1: 90.5, y2: 90.5 }));
  return h("figure", { class: "chart" },
    h("figcaption", {}, h("b", {}, title), h("span", { class: "faint" }, ` ${total ? `${total} of them` : "nothing yet"}${note}`)),
    picture);
}

function label(x, y, text, name) {
  const element = svg("text", { x, y, class: name, "text-anchor": "middle" });
  element.textContent = text;
  return element;
}
