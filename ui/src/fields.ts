// Fields that only matter when another has a certain value. Without scripts all of them are shown.

/** `[data-show-if='{"auth": ["password"]}']` and `select[data-shows="#id"][data-shows-value]`: hides what does not apply now. */
export function dependFields(root: ParentNode): void {
  for (const block of root.querySelectorAll<HTMLElement>("[data-show-if]")) {
    const form = block.closest("form");
    const conditions = Object.entries(JSON.parse(block.dataset["showIf"] ?? "{}") as Record<string, unknown>);
    if (!form) continue;
    const judge = (): void => {
      block.hidden = !conditions.every(([name, wanted]) => {
        const values = (Array.isArray(wanted) ? wanted : [wanted]).map(String);
        return values.includes(valueOf(form, name));
      });
    };
    form.addEventListener("change", judge);
    judge();
  }
  for (const choice of root.querySelectorAll<HTMLSelectElement>("select[data-shows]")) {
    const shown = document.querySelector<HTMLElement>(choice.dataset["shows"] ?? "");
    if (!shown) continue;
    const judge = (): void => { shown.hidden = choice.value !== (choice.dataset["showsValue"] ?? ""); };
    choice.addEventListener("change", judge);
    judge();
  }
}

function valueOf(form: HTMLFormElement, name: string): string {
  const field = form.elements.namedItem(name);
  if (field instanceof HTMLInputElement && field.type === "checkbox") return String(field.checked);
  return field instanceof HTMLInputElement || field instanceof HTMLSelectElement ? field.value : "";
}

/** Keeps the webhook address shown for a new connection in step with the name that is typed. */
export function followName(): void {
  const field = document.querySelector<HTMLInputElement>("input[data-names-webhook]");
  field?.addEventListener("input", () => {
    for (const place of document.querySelectorAll("[data-webhook-url]")) {
      place.textContent = (place.textContent ?? "").replace(/[^/]*$/, field.value);
    }
  });
}
