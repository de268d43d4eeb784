// Parts of a page that refresh themselves: what the reader has opened stays open, and nothing is asked for while nobody looks.

/** Keeps `details[data-keep]` as they are across a refresh, and holds refreshes while the page is hidden or in use. */
export function keepWhatIsOpen(): void {
  const opened = new Map<string, boolean>();
  document.addEventListener("toggle", (event) => {
    const { target } = event;
    if (target instanceof HTMLDetailsElement && target.dataset["keep"]) opened.set(target.dataset["keep"], target.open);
  }, true);
  document.addEventListener("htmx:beforeRequest", (event) => {
    const { target } = event;
    if (target instanceof Element && target.id === "live" && (document.hidden || inUse(target))) event.preventDefault();
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const one of document.querySelectorAll<HTMLDetailsElement>("details[data-keep]")) {
      const known = opened.get(one.dataset["keep"] ?? "");
      if (known !== undefined) one.open = known;
    }
  });
}

/** Whether the reader is at a form in it, has a confirmation open, or is marking text. */
function inUse(live: Element): boolean {
  const focused = document.activeElement;
  const atForm = focused !== null && live.contains(focused) && focused.matches("input, textarea, select, form button");
  const marking = getSelection()?.isCollapsed === false;
  return atForm || marking || live.querySelector("details.hub-confirm[open]") !== null;
}
