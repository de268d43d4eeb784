// On a phone there are more tabs than fit beside one another: the one that is open is scrolled into sight.
export function showPlace(): void {
  for (const tab of document.querySelectorAll<HTMLElement>(".hub-tabs [aria-current]")) {
    const tabs = tab.parentElement!;
    tabs.scrollLeft = tab.offsetLeft - tabs.offsetLeft - (tabs.clientWidth - tab.offsetWidth) / 2;
  }
}
