// Shows the sandbox's pay page in a frame of the hub's page to pay; the page tells its height, and when the payer is done.

export async function mount(container, output, page) {
  const address = new URL(output.client.frame_url);
  const frame = document.createElement("iframe");
  frame.src = address.href;
  frame.title = "Payment";
  frame.className = "payment-frame";
  container.append(frame);
  window.addEventListener("message", (event) => {
    if (event.origin !== address.origin || event.source !== frame.contentWindow) return;
    if (Number.isInteger(event.data.sandboxHeight)) frame.height = String(event.data.sandboxHeight);
    if (event.data.sandboxDone) page.complete({});
  });
}
