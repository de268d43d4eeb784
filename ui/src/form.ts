// A visitor's form: what scripts make easier, and how it lives in another site's page. It works without any of this.

/** The name under which the page around a frame hears of it. */
const SENDER = "connector-hub";

const form = document.querySelector<HTMLFormElement>("form[data-form]");
const framed = document.querySelector<HTMLElement>("[data-parent]");

if (form) {
  chooseWhatIsWritten(form);
  sendOnce(form);
  keepWhenSpokenToAnew(form);
}
document.querySelector<HTMLElement>("#problems")?.focus();
if (framed && parent !== window) liveInFrame(framed.dataset["parent"] ?? "");

/** Writing an amount chooses "another amount", and choosing one of those listed empties what was written. */
function chooseWhatIsWritten(form: HTMLFormElement): void {
  form.addEventListener("input", (event) => {
    const { target } = event;
    if (!(target instanceof HTMLInputElement)) return;
    const group = target.dataset["written"];
    if (group && target.value) {
      const other = form.querySelector<HTMLInputElement>(`input[name="${group}"][value="other"]`);
      if (other) other.checked = true;
    }
    if (target.type === "radio" && target.name.startsWith("amount-")) {
      const written = form.querySelector<HTMLInputElement>(`input[data-written="${target.name}"]`);
      if (target.value === "other") written?.focus();
      else if (written) written.value = "";
    }
  });
}

/** A second press of the button waits for the first; coming back by the browser's button frees it. */
function sendOnce(form: HTMLFormElement): void {
  const button = form.querySelector<HTMLButtonElement>("button.first");
  form.addEventListener("submit", () => {
    // After the browser has taken the form's values.
    setTimeout(() => { if (button) button.disabled = true; }, 0);
  });
  addEventListener("pageshow", () => { if (button?.type === "submit") button.disabled = false; });
}

/** Another language shows the form again with what was typed: the links alone would begin anew. */
function keepWhenSpokenToAnew(form: HTMLFormElement): void {
  document.querySelector<HTMLElement>(".languages")?.addEventListener("click", (event) => {
    const link = (event.target as Element).closest("a");
    if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const asked = document.createElement("input");
    Object.assign(asked, { type: "hidden", name: "do", value: "language" });
    const { action } = form;
    form.append(asked);
    form.action = link.href;
    form.submit();
    form.action = action; // for who comes back by the browser's button
    asked.remove();
  });
}

/** Tells the page around how high this one is, and where the payer goes on: gateways let nobody show them in a frame. */
function liveInFrame(origin: string): void {
  const tell = (message: Record<string, unknown>): void => { parent.postMessage({ sender: SENDER, ...message }, origin); };
  const height = (): void => { tell({ height: Math.ceil(document.documentElement.getBoundingClientRect().height) }); };
  new ResizeObserver(height).observe(document.documentElement);
  height();
  const onward = document.querySelector<HTMLAnchorElement>("a[data-go]");
  if (onward) tell({ go: onward.href });
}
