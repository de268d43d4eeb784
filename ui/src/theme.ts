// Light or dark: what the reader chose, else what the system says.
const KEY = "hub-theme";
const prefersDark = matchMedia("(prefers-color-scheme: dark)");

type Theme = "light" | "dark";

function chosen(): Theme | null {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : null;
}

function show(theme: Theme): void {
  document.documentElement.dataset["bsTheme"] = theme;
}

/** Shows the theme, follows the system until the reader chooses, and lets `[data-theme-toggle]` choose the other one. */
export function followTheme(): void {
  const current = (): Theme => chosen() ?? (prefersDark.matches ? "dark" : "light");
  show(current());
  prefersDark.addEventListener("change", () => { show(current()); });
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element) || !event.target.closest("[data-theme-toggle]")) return;
    localStorage.setItem(KEY, current() === "dark" ? "light" : "dark");
    show(current());
  });
}
