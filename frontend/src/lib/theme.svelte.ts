/** Light or dark: the reader's choice, kept in this browser; until there is one, the system's. */

export type Theme = "light" | "dark";

const KEY = "spf-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

function kept(): Theme | undefined {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : undefined;
  } catch {
    return undefined; // storage may be forbidden
  }
}

let chosen = $state(kept());
let systemDark = $state(system.matches);
system.addEventListener("change", () => (systemDark = system.matches));
show();

export function theme(): Theme {
  return chosen ?? (systemDark ? "dark" : "light");
}

export function choose(next: Theme): void {
  chosen = next;
  show();
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // then it is chosen for this tab only
  }
}

function show(): void {
  if (chosen) document.documentElement.dataset["theme"] = chosen;
}
