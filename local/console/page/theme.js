// How the page looks: light or dark as the system has it until somebody chooses, and how much of it.

const dark = matchMedia("(prefers-color-scheme: dark)");

export function startTheme(button) {
  const kept = () => localStorage.getItem("theme");
  function show() {
    const theme = kept() ?? (dark.matches ? "dark" : "light");
    document.documentElement.dataset.theme = theme;
    button.textContent = theme === "dark" ? "Light" : "Dark";
    button.setAttribute("aria-label", `Switch to ${theme === "dark" ? "light" : "dark"} colours`);
  }
  button.addEventListener("click", () => {
    localStorage.setItem("theme", document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    show();
  });
  dark.addEventListener("change", show);
  show();
}

// What only an engineer wants to see is hidden until it is asked for.
export function startDetails(box) {
  function show() {
    document.documentElement.dataset.details = box.checked ? "on" : "off";
    localStorage.setItem("details", document.documentElement.dataset.details);
  }
  box.checked = localStorage.getItem("details") === "on";
  box.addEventListener("change", show);
  show();
}

// On a narrow screen the header has several lines, and a heading must not stop behind it.
export function startPlaces(header, links) {
  new ResizeObserver(() => {
    document.documentElement.style.setProperty("--top", `${header.offsetHeight}px`);
  }).observe(header);
  const parts = links.map((link) => document.querySelector(link.hash));
  function mark() {
    const middle = innerHeight / 2;
    const seen = parts.findLastIndex((part) => part.getBoundingClientRect().top < middle);
    links.forEach((link, place) => {
      if (place === Math.max(0, seen)) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    });
  }
  addEventListener("scroll", mark, { passive: true });
  addEventListener("resize", mark);
  mark();
}
