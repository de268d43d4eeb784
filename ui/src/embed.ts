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

  function hear(frame: HTMLIFrameElement, said: unknown): void {
    if (typeof said !== "object" || said === null || !("sender" in said) || said.sender !== "connector-hub") return;
    if ("height" in said && typeof said.height === "number") frame.style.blockSize = `${String(Math.max(said.height, 100))}px`;
    if ("go" in said && typeof said.go === "string" && /^https?:/.test(said.go)) location.assign(said.go);
  }
}
