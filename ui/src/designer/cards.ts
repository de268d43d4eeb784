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
  let asked = 0;

  async function press(what: string): Promise<void> {
    asked += 1;
    const number = asked;
    const text = written.text();
    const data = new FormData(form);
    data.set("do", what);
    data.set("text", text);
    let answer: Answer;
    try {
      answer = await ask(form.dataset["cards"] ?? "", data);
    } catch {
      if (said) said.textContent = LOST;
      return;
    }
    if (number !== asked) return; // a later one is on its way
    if (text !== written.text()) {
      if (said && what) said.textContent = CHANGED;
      return;
    }
    show(place as HTMLElement, answer.cards, what);
    written.put(answer.text);
    if (said && what) said.textContent = place?.querySelector(".alert")?.textContent?.trim() ?? "Done.";
  }

  place.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLButtonElement>("button[name=do]") : null;
    if (!button) return;
    event.preventDefault();
    void press(button.value);
  });
  place.addEventListener("change", (event) => {
    const card = event.target instanceof Element ? event.target.closest(".hub-field-card") : null;
    if (card) void press(`apply ${String(numberOf(place, card))}`);
  });
  place.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
    event.preventDefault();
    const card = event.target.closest(".hub-field-card");
    void press(card ? `apply ${String(numberOf(place, card))}` : "add");
  });
  hideNeedless(place);
  return { refresh: () => { void press(""); } };
}

async function ask(address: string, data: FormData): Promise<Answer> {
  const answer = await fetch(address, { method: "POST", body: data });
  if (!answer.ok) throw new Error(String(answer.status));
  return (await answer.json()) as Answer;
}

function numberOf(place: HTMLElement, card: Element): number {
  return [...place.querySelectorAll(".hub-field-card")].indexOf(card);
}

/** Puts other cards in place of those shown; what was open stays open, and the keyboard where it was. */
function show(place: HTMLElement, cards: string, what: string): void {
  const open = new Set([...place.querySelectorAll<HTMLDetailsElement>("details[open]")].map((one) => one.dataset["card"]));
  const openNumbers = [...place.querySelectorAll<HTMLDetailsElement>("details")].map((one) => one.open);
  const active = place.contains(document.activeElement) ? (document.activeElement as HTMLElement) : null;
  place.innerHTML = cards;
  hideNeedless(place);
  const found = [...place.querySelectorAll<HTMLDetailsElement>("details")];
  found.forEach((one, number) => {
    // Of a renamed field the number still tells which it was.
    one.open = open.has(one.dataset["card"]) || (what.startsWith("apply") && (openNumbers[number] ?? false));
  });
  const last = found.at(-1);
  if (what === "add" && last && !place.querySelector(".alert")) {
    last.open = true;
    last.querySelector<HTMLInputElement>("input")?.focus();
  } else if (active) {
    focusLike(place, active, what);
  }
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
