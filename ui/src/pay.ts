// Shows a gateway's own payment form in our page. Card data goes from the gateway's fields to the gateway, never through us.

interface Page {
  /** The address to which the gateway may send the payer's browser back. */
  readonly returnUrl: string;
  /** What stands on the button, in the payer's language. */
  readonly press: string;
  /** Loads a script of the gateway's; the page's policy allows only those whose origin the server named. */
  loadScript(url: string, attributes?: Record<string, string>): Promise<void>;
  /** Has the server prove what the gateway gave, and goes on to where that leads. */
  complete(parameters: Record<string, string>): Promise<void>;
  /** Says what went wrong, in words for the payer. */
  fail(message: string): void;
}

interface Form {
  /** `output` is what the action form.embed gave: `client`, `script_url`, `origins`. */
  mount(container: HTMLElement, output: unknown, page: Page): Promise<void>;
}

const box = document.querySelector<HTMLElement>("[data-pay]");
if (box) void show(box);

async function show(box: HTMLElement): Promise<void> {
  const container = box.querySelector<HTMLElement>("[data-pay-form]");
  const output: unknown = JSON.parse(box.dataset["output"] ?? "{}");
  if (!container) return;
  const page = pageOf(box);
  try {
    const form = (await import(/* @vite-ignore */ new URL(box.dataset["module"] ?? "", location.href).href)) as Form;
    container.replaceChildren();
    await form.mount(container, output, page);
  } catch {
    page.fail(box.dataset["notLoaded"] ?? "");
  } finally {
    container.removeAttribute("aria-busy");
  }
}

function pageOf(box: HTMLElement): Page {
  const problem = box.querySelector<HTMLElement>("[data-pay-problem]");
  const notConfirmed = box.dataset["notConfirmed"] ?? "";
  const fail = (message: string): void => {
    if (!problem) return;
    problem.textContent = message;
    problem.hidden = false;
  };
  return {
    returnUrl: new URL(box.dataset["return"] ?? "", location.href).href,
    press: box.dataset["press"] ?? "",
    fail,
    loadScript: (url, attributes = {}) => new Promise((resolve, reject) => {
      const script = document.createElement("script");
      for (const [name, value] of Object.entries(attributes)) script.setAttribute(name, value);
      script.src = url;
      script.onload = () => { resolve(); };
      script.onerror = () => { reject(new Error(url)); };
      document.head.append(script);
    }),
    complete: async (parameters) => {
      try {
        const answer = await fetch(box.dataset["complete"] ?? "", {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify(parameters),
        });
        const said = (await answer.json()) as { next?: string };
        if (said.next) location.assign(said.next);
        else fail(notConfirmed);
      } catch {
        fail(notConfirmed);
      }
    },
  };
}
