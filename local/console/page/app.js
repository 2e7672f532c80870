import { h } from "./elements.js";
import { listen, on, stack } from "./stack.js";
import { startDetails, startPlaces, startTheme } from "./theme.js";
import "./sender.js";
import "./tracking.js";
import "./messages.js";
import "./timeline.js";
import "./handset.js";
import "./eightx8.js";
import "./campaign.js";
import "./guide.js";

const QUEUES = [
  ["transactional", "transactional queue"],
  ["promotional", "promotional queue"],
  ["outcomes", "outcome queue"],
];
const GIVEN_UP = [["outcomesGivenUp", "outcome dead letters"], ["sendsGivenUp", "send dead letters"]];

on("situation", () => {
  const { queues } = stack.situation;
  const shown = [...QUEUES, ...GIVEN_UP.filter(([name]) => queues[name])];
  document.getElementById("queues").replaceChildren(
    ...shown.map(([name, text]) => {
      const stuck = GIVEN_UP.some(([other]) => other === name);
      return h("span", { class: stuck ? "stuck" : "" }, h("b", {}, String(queues[name] ?? 0)), ` in ${text}`);
    }),
  );
});

on("settings", () => {
  const { urls } = stack.settings;
  document.getElementById("footer").replaceChildren(
    h("span", { class: "technical" }, "Bridge ", h("code", {}, urls.bridge), " · 8x8, simulated ", h("code", {}, urls.eightx8),
    " · MoEngage, simulated ", h("code", {}, urls.moengage), " · AWS, emulated ", h("code", {}, urls.aws)),
  );
});

startTheme(document.getElementById("theme"));
startDetails(document.getElementById("details"));
startPlaces(document.querySelector(".top"), [...document.querySelectorAll(".places a")]);
listen((connected) => {
  const live = document.getElementById("live");
  live.textContent = connected ? "live" : "not connected";
  live.classList.toggle("on", connected);
});
