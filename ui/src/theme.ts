// Light or dark: what the reader set, else what was chosen on this device, else what the device says.
// The page's head has set it already, before anything was painted; here it follows changes.
const KEY = "hub-theme";
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;

type Theme = "light" | "dark";

function current(): Theme {
  const kept = localStorage.getItem(KEY);
  if (kept === "light" || kept === "dark") return kept;
  return prefersDark.matches ? "dark" : "light";
}

function show(): void {
  root.dataset["bsTheme"] = current();
}

/** Follows the device until the reader chooses, and lets `[data-theme-toggle]` choose the other one. */
export function followTheme(): void {
  if (root.dataset["look"] !== "auto") return; // set in the reader's account
  prefersDark.addEventListener("change", show);
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-theme-toggle]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      localStorage.setItem(KEY, current() === "dark" ? "light" : "dark");
      show();
    });
  }
}
