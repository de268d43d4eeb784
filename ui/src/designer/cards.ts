// The fields as cards: what is pressed or entered goes to the server, which answers with the text and the cards of it.

export interface Written {
  /** The form's text as it is now. */
  readonly text: () => string;
  /** Puts another text in its place. */
  readonly put: (text: string) => void;
}

export interface Cards {
  /** Shows the cards of the present text. */
  readonly refresh: () => void;
}

interface Answer {
  readonly text: string;
  readonly cards: string;
}

const LOST = "The hub did not answer. Nothing was changed; try it again.";
const CHANGED = "The text was changed meanwhile. Do it again.";

export function cardsOf(form: HTMLFormElement, written: Written): Cards {
  const place = form.querySelector<HTMLElement>("[data-cards-here]");
  const said = form.querySelector<HTMLElement>("[data-said]");
  if (!place) return { refresh: () => undefined };
  // One after the other: a press of a button, too, whose field was left by pressing it.
  let queue = Promise.resolve();
  let waiting = 0;

  function press(what: string): void {
    const data = new FormData(form);
    waiting += 1;
    queue = queue.then(() => send(what, data)).finally(() => { waiting -= 1; });
  }

  async function send(what: string, data: FormData): Promise<void> {
    const text = written.text();
    data.set("do", what);
    data.set("text", text);
    let answer: Answer;
    try {
      answer = await ask(form.dataset["cards"] ?? "", data);
    } catch {
      if (said) said.textContent = LOST;
      return;
    }
    if (text !== written.text()) {
      if (said && what) said.textContent = CHANGED;
      return;
    }
    show(place as HTMLElement, answer.cards, what);
    written.put(answer.text);
    if (said && what) said.textContent = place?.querySelector(".alert, .invalid-feedback")?.textContent?.trim() ?? "Done.";
  }

  place.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLButtonElement>("button[name=do]") : null;
    if (!button) return;
    event.preventDefault();
    if (event.detail < 2) press(button.value); // a double click means one
  });
  place.addEventListener("change", (event) => {
    const applies = event.target instanceof Element ? appliesTo(place, event.target) : "";
    if (applies) press(applies);
  });
  place.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
    event.preventDefault();
    press(appliesTo(place, event.target) || (addedBy(event.target) ?? "add"));
  });
  hideNeedless(place);
  return { refresh: () => { if (!waiting) press(""); } };
}

async function ask(address: string, data: FormData): Promise<Answer> {
  const answer = await fetch(address, { method: "POST", body: data });
  if (!answer.ok) throw new Error(String(answer.status));
  return (await answer.json()) as Answer;
}

/** What applies the card or panel around an input; empty for an input in neither. */
function appliesTo(place: HTMLElement, input: Element): string {
  if (addedBy(input)) return "";
  const panel = input.closest<HTMLElement>(".hub-panel");
  if (panel) return panel.dataset["card"] ?? "";
  const card = input.closest(".hub-field-card");
  return card ? `apply ${String([...place.querySelectorAll(".hub-field-card")].indexOf(card))}` : "";
}

/** The button that takes an input of something new; nothing for an input of what is there. */
function addedBy(input: Element): string | undefined {
  return input.closest<HTMLElement>("[data-adds]")?.dataset["adds"];
}

/** Puts other cards in place of those shown; what was open stays open, and the keyboard where it was. */
function show(place: HTMLElement, cards: string, what: string): void {
  const open = new Set([...place.querySelectorAll<HTMLDetailsElement>("details[open]")].map((one) => one.dataset["card"]));
  const openNumbers = [...place.querySelectorAll<HTMLDetailsElement>("details")].map((one) => one.open);
  const active = place.contains(document.activeElement) ? (document.activeElement as HTMLElement) : null;
  const added = what === "add" && !cards.includes("alert-danger") && !cards.includes("is-invalid");
  const typed = kept(place, active, what);
  place.innerHTML = cards;
  hideNeedless(place);
  for (const [name, value] of typed) {
    const field = named(place, name);
    if (field) field.value = value;
  }
  const found = [...place.querySelectorAll<HTMLDetailsElement>("details")];
  found.forEach((one, number) => {
    // Of a renamed field the number still tells which it was.
    one.open = open.has(one.dataset["card"]) || (what.startsWith("apply") && (openNumbers[number] ?? false)) || one.querySelector(".is-invalid") !== null || (what.startsWith("offer-") && one.open);
  });
  const last = found.filter((one) => one.closest(".hub-field-card")).at(-1);
  if (added && last) {
    last.open = true;
    last.querySelector<HTMLInputElement>("input")?.focus();
  } else if (active) {
    focusLike(place, active, what);
  }
}

/** What is being typed while the answer comes: in the field that has the keyboard, and of the field to be added. */
function kept(place: HTMLElement, active: HTMLElement | null, what: string): Map<string, string> {
  const typing = active instanceof HTMLInputElement || active instanceof HTMLTextAreaElement ? [active.name] : [];
  const adding = [...place.querySelectorAll<HTMLInputElement>("[data-adds] input, [data-adds] select")];
  const names = [...typing, ...adding.map((one) => one.name)].filter((name) => {
    const field = named(place, name);
    return field !== null && addedBy(field) !== what;
  });
  return new Map(names.map((name) => [name, named(place, name)?.value ?? ""]));
}

function named(place: HTMLElement, name: string): HTMLInputElement | null {
  return place.querySelector<HTMLInputElement>(`[name="${CSS.escape(name)}"]:not([type="checkbox"])`);
}

function focusLike(place: HTMLElement, active: HTMLElement, what: string): void {
  const label = active.getAttribute("aria-label");
  const fields = [...place.querySelectorAll<HTMLElement>("button, input, select, textarea, summary")];
  const same = fields.find((one) => (active.id ? one.id === active.id : label !== null && one.getAttribute("aria-label") === label));
  if (same && !same.matches(":disabled")) {
    same.focus();
    return;
  }
  const number = Math.max(Number(what.split(" ")[1] ?? 0) - (what.startsWith("remove") ? 1 : 0), 0);
  const card = same?.closest(".hub-field-card") ?? place.querySelectorAll(".hub-field-card")[number];
  card?.querySelector<HTMLElement>("summary")?.focus();
}

/** With the script a change takes effect when the field is left. */
function hideNeedless(place: HTMLElement): void {
  for (const button of place.querySelectorAll<HTMLElement>("[data-without-scripts]")) button.hidden = true;
}
