// Shows a form of the hub in another site's page: <script src="https://hub.example.com/embed.js" data-form="donate"></script>
// The frame becomes as high as what it holds, and what was answered to a visitor is brought into sight. One file without imports, for it runs as a classic script anywhere.
{
  const script = document.currentScript;
  if (script instanceof HTMLScriptElement) show(script);

  function show(script: HTMLScriptElement): void {
    const { form = "", lang = "" } = script.dataset;
    const hub = new URL(script.src).origin;
    const address = new URL(`/f/${encodeURIComponent(form)}`, hub);
    address.searchParams.set("embed", location.origin);
    address.searchParams.set("look", script.dataset["look"] ?? lookOf(script));
    if (lang) address.searchParams.set("lang", lang);
    const frame = document.createElement("iframe");
    frame.src = address.href;
    frame.title = script.dataset["title"] ?? "Form";
    frame.loading = "lazy";
    frame.style.cssText = "display:block;inline-size:100%;block-size:30rem;border:0";
    script.after(frame);
    let answered = false;
    frame.addEventListener("load", () => {
      if (answered && frame.getBoundingClientRect().top < 0) frame.scrollIntoView();
      answered = true;
    });
    addEventListener("message", (event: MessageEvent<unknown>) => {
      if (event.source !== frame.contentWindow || event.origin !== hub) return;
      hear(frame, event.data);
    });
  }

  /** Whether what is behind the form is light or dark. */
  function lookOf(place: Element): string {
    for (let one: Element | null = place.parentElement; one; one = one.parentElement) {
      const [red = 0, green = 0, blue = 0, opaque = 1] = (/^rgba?\((.*)\)$/.exec(getComputedStyle(one).backgroundColor)?.[1] ?? "0,0,0,0").split(/[,/ ]+/).map(Number);
      if (opaque > 0.5) return 0.299 * red + 0.587 * green + 0.114 * blue < 128 ? "dark" : "light";
    }
    const said = getComputedStyle(document.documentElement).colorScheme;
    return said.includes("dark") && (!said.includes("light") || matchMedia("(prefers-color-scheme: dark)").matches) ? "dark" : "light";
  }

  function hear(frame: HTMLIFrameElement, said: unknown): void {
    if (typeof said !== "object" || said === null || !("sender" in said) || said.sender !== "connector-hub") return;
    if ("height" in said && typeof said.height === "number") frame.style.blockSize = `${String(Math.max(said.height, 100))}px`;
    if ("go" in said && typeof said.go === "string" && /^https?:/.test(said.go)) location.assign(said.go);
  }
}
