// Scanning goods into an order. The page works without this: it reads the camera, and keeps up with a quick hand scanner.

import wasmAddress from "zxing-wasm/reader/zxing_reader.wasm?url";

interface Detector {
  detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}

/** A press of a button that the server is still to be told of. */
interface Step {
  readonly does: string;
  readonly code: string;
}

const LOOK_EVERY = 150;
/** A code must have been out of the camera's sight for so long to count again. */
const OUT_OF_SIGHT = 1200;
const KEPT = "hub-scan";
const KEPT_CURRENCY = "hub-scan-currency";

function start(form: HTMLFormElement): void {
  const basket = new Basket(form);
  form.addEventListener("submit", (event) => {
    const { submitter } = event;
    const does = submitter instanceof HTMLButtonElement ? submitter.value : "add";
    if (does === "order" && basket.isTold) return;
    event.preventDefault();
    if (does === "order") void basket.order(submitter);
    else basket.do(does, does === "add" ? basket.taken() : "");
  });
  form.addEventListener("change", (event) => {
    const { target } = event;
    const isLine = target instanceof HTMLElement && target.closest("[data-lines]") !== null;
    if (isLine) basket.do("look", "");
    basket.keep();
  });
  addEventListener("online", () => { void basket.work(); });
  basket.restore();
  offerCamera(form, (code) => { basket.do("add", code); });
}

/** The lines on the page: every change is told to the server, one after the other, and its answer replaces them. */
class Basket {
  private readonly form: HTMLFormElement;
  private readonly waiting: Step[] = [];
  private working: Promise<void> | null = null;
  private ordering = false;

  constructor(form: HTMLFormElement) {
    this.form = form;
  }

  /** What stands in the field for codes, which is empty then: the next code may come at once. */
  taken(): string {
    const field = this.codeField();
    const code = field.value.trim();
    field.value = "";
    field.focus();
    return code;
  }

  do(does: string, code: string): void {
    if (does === "add" && !code) return;
    this.waiting.push({ does, code });
    void this.work();
  }

  /** Whether the server knows of every change, so that the lines on the page are all that was scanned. */
  get isTold(): boolean {
    return !this.waiting.length;
  }

  /** Sends the order once every change before it is told: what was scanned a moment ago belongs to it. */
  async order(button: HTMLElement | null): Promise<void> {
    if (this.ordering) return;
    this.ordering = true;
    this.say("Placing the order …");
    await this.work();
    this.ordering = false;
    if (this.isTold) this.form.requestSubmit(button);
  }

  /** Tells the server what waits, one change after the other; a change that nobody answers goes on waiting. */
  work(): Promise<void> {
    this.working ??= this.tellAll().finally(() => { this.working = null; });
    return this.working;
  }

  private async tellAll(): Promise<void> {
    try {
      while (this.waiting[0]) {
        await this.tell(this.waiting[0]);
        this.waiting.shift();
      }
    } catch {
      const codes = this.waiting.map((step) => step.code).filter((code) => code);
      this.say(`The hub does not answer. ${codes.length ? `Not added yet: ${codes.join(", ")}. ` : ""}It is tried again with your next scan, or when you place the order.`);
    }
  }

  /** Remembers the lines and their currency, in case the page is loaded again. */
  keep(): void {
    sessionStorage.setItem(KEPT, JSON.stringify(this.lines()));
    sessionStorage.setItem(KEPT_CURRENCY, String(new FormData(this.form).get("currency") ?? ""));
  }

  /** Brings back what was scanned before the page was loaded again. */
  restore(): void {
    if (this.lines().length) {
      this.keep();
      return;
    }
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]") as [string, string][];
    if (!kept.length) return;
    const lines = kept.flatMap(([code, quantity]) => [["item", code], ["quantity", quantity]] as const);
    for (const [name, value] of [...lines, ["currency", sessionStorage.getItem(KEPT_CURRENCY) ?? ""] as const]) {
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name, value });
      this.region().append(field);
    }
    this.do("look", "");
  }

  private async tell(step: Step): Promise<void> {
    const sent = new FormData(this.form);
    sent.set("do", step.does);
    sent.set("code", step.code);
    const before = this.quantities();
    const answer = await fetch(this.form.action, { method: "POST", body: sent, headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const lines = page.querySelector("[data-lines]");
    if (!answer.ok || !lines) throw new Error(String(answer.status));
    const meanwhile = this.changedSince(before);
    const focused = document.activeElement instanceof HTMLInputElement ? document.activeElement.getAttribute("aria-label") : null;
    this.region().replaceChildren(...lines.childNodes);
    for (const field of this.region().querySelectorAll<HTMLInputElement>("input")) {
      const label = field.getAttribute("aria-label");
      const typed = label === null ? undefined : meanwhile.get(label);
      if (typed !== undefined) field.value = typed;
      if (label !== null && label === focused) field.focus();
    }
    this.say(step.does === "add" ? `${this.isUnknown(step.code) ? "Not in the catalogue" : "Added"}: ${step.code}` : "");
    this.keep();
  }

  /** What people read in the fields of the lines, by the fields' labels. */
  private quantities(): Map<string, string> {
    const fields = this.region().querySelectorAll<HTMLInputElement>("input[aria-label]");
    return new Map([...fields].map((field) => [field.getAttribute("aria-label") ?? "", field.value]));
  }

  /** The fields that were typed into while the server answered. */
  private changedSince(before: Map<string, string>): Map<string, string> {
    return new Map([...this.quantities()].filter(([label, value]) => before.get(label) !== value));
  }

  private lines(): [string, string][] {
    const of = (name: string): string[] => new FormData(this.form).getAll(name).map(String);
    const quantities = of("quantity");
    return of("item").map((code, place) => [code, quantities[place] ?? "1"]);
  }

  private isUnknown(code: string): boolean {
    const unknown = this.region().querySelectorAll<HTMLInputElement>("input[name=item][aria-invalid]");
    return [...unknown].some((field) => field.value === code);
  }

  private say(text: string): void {
    const place = this.form.querySelector("[data-said]");
    if (place) place.textContent = text;
  }

  private region(): Element {
    return this.form.querySelector("[data-lines]") ?? this.form;
  }

  private codeField(): HTMLInputElement {
    return this.form.elements.namedItem("code") as HTMLInputElement;
  }
}

/** Shows the camera's button where there is one, and gives each code that comes into sight. */
function offerCamera(form: HTMLFormElement, found: (code: string) => void): void {
  const button = form.querySelector<HTMLButtonElement>("[data-camera]");
  const view = form.querySelector<HTMLVideoElement>("[data-view]");
  const said = form.querySelector("[data-said]");
  if (!button || !view || !said || !("mediaDevices" in navigator)) return;
  button.hidden = false;
  const stop = (): void => {
    for (const track of (view.srcObject as MediaStream | null)?.getTracks() ?? []) track.stop();
    view.srcObject = null;
    view.hidden = true;
    button.setAttribute("aria-pressed", "false");
  };
  button.addEventListener("click", () => {
    if (view.srcObject) {
      stop();
      return;
    }
    button.setAttribute("aria-pressed", "true");
    film(view, found).catch((error: unknown) => {
      stop();
      const refused = error instanceof DOMException && error.name === "NotAllowedError";
      said.textContent = refused
        ? "The camera is not allowed for this page. Allow it in the browser's settings, or type the codes."
        : "The camera cannot be used here. Use a hand scanner, or type the codes.";
    });
  });
  document.addEventListener("visibilitychange", () => { if (document.hidden) stop(); });
}

async function film(view: HTMLVideoElement, found: (code: string) => void): Promise<void> {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  view.srcObject = stream;
  view.hidden = false;
  await view.play();
  const detector = await makeDetector();
  const seen = new Map<string, number>();
  while (view.srcObject === stream) {
    for (const { rawValue } of await detector.detect(view)) {
      const code = rawValue.trim();
      const now = performance.now();
      if (code && now - (seen.get(code) ?? -OUT_OF_SIGHT) >= OUT_OF_SIGHT) {
        found(code);
        if ("vibrate" in navigator) navigator.vibrate(60);
      }
      seen.set(code, now);
    }
    await new Promise((resolve) => { setTimeout(resolve, LOOK_EVERY); });
  }
}

/** The browser's own reader of codes where it has one, else ours, which is loaded only now. */
async function makeDetector(): Promise<Detector> {
  const own = (globalThis as { BarcodeDetector?: { new (): Detector; getSupportedFormats(): Promise<string[]> } }).BarcodeDetector;
  if (own && (await own.getSupportedFormats()).includes("qr_code")) return new own();
  const { BarcodeDetector, prepareZXingModule } = await import("barcode-detector/ponyfill");
  prepareZXingModule({
    overrides: { locateFile: (path: string, prefix: string) => (path.endsWith(".wasm") ? wasmAddress : prefix + path) },
  });
  return new BarcodeDetector();
}

// Last: classes are not there before their place.
const form = document.querySelector<HTMLFormElement>("form[data-scan]");
if (form) start(form);
// The page of an order that was placed just now: what was scanned for it is done with.
if (document.querySelector("[data-scan-placed]")) for (const one of [KEPT, KEPT_CURRENCY]) sessionStorage.removeItem(one);
