/** Gives what shows the form's present text in the frame; the frame before stays until the new one is there. */
export function previewOf(form: HTMLFormElement): () => void {
  let shown = form.querySelector<HTMLIFrameElement>("iframe");
  let number = 0;
  return () => {
    if (!shown) return;
    number += 1;
    const coming = document.createElement("iframe");
    coming.name = `preview-${String(number)}`;
    coming.title = shown.title;
    coming.dataset["coming"] = "";
    // A frame that is new puts no step into the browser's history.
    for (const old of form.querySelectorAll("iframe[data-coming]")) old.remove();
    shown.after(coming);
    coming.addEventListener("load", () => {
      if (!coming.isConnected || reached(coming, (view) => view.location.href) === "about:blank") return;
      const before = shown ? reached(shown, (view) => view.scrollY) : undefined;
      shown?.remove();
      delete coming.dataset["coming"];
      reached(coming, (view) => { view.scrollTo(0, before ?? 0); });
      shown = coming;
    });
    post(form, coming.name);
  };
}

/** Sends the text by a form of its own: the page's one would count as leaving the page. */
function post(form: HTMLFormElement, target: string): void {
  const data = new FormData(form);
  const sent = document.createElement("form");
  sent.method = "post";
  sent.action = form.dataset["preview"] ?? "";
  sent.target = target;
  sent.hidden = true;
  for (const name of ["csrf_token", "text", "spoken"]) {
    const value = document.createElement("textarea");
    value.name = name;
    value.value = String(data.get(name) ?? "");
    sent.append(value);
  }
  document.body.append(sent);
  sent.submit();
  sent.remove();
}

/** Something of what a frame shows; undefined where that is closed to us, as the page is that says what is wrong. */
function reached<T>(frame: HTMLIFrameElement, look: (view: Window) => T): T | undefined {
  try {
    return frame.contentWindow ? look(frame.contentWindow) : undefined;
  } catch {
    return undefined;
  }
}
