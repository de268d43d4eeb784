/** Shows the buttons that copy: `[data-copy]` the text of its code block, `[data-copy-text]` the text it holds. */
export function offerCopying(root: ParentNode): void {
  for (const button of root.querySelectorAll<HTMLButtonElement>("button[data-copy], button[data-copy-text]")) {
    button.hidden = false;
    if (button.dataset["offered"]) continue;
    button.dataset["offered"] = "yes";
    button.addEventListener("click", () => { void copy(button); });
  }
}

async function copy(button: HTMLButtonElement): Promise<void> {
  const text = button.dataset["copyText"] ?? button.parentElement?.querySelector("code")?.textContent ?? "";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    select(button); // no clipboard on an address without https: the text is marked instead, ready for Ctrl+C
    return;
  }
  button.classList.add("text-green");
  button.setAttribute("aria-label", "Copied");
  setTimeout(() => { button.classList.remove("text-green"); }, 1500);
}

function select(button: HTMLButtonElement): void {
  const code = button.parentElement?.querySelector("code");
  if (code) getSelection()?.selectAllChildren(code);
}
