// Light or dark: as the system has it, until somebody chooses.

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
