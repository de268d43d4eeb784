// Opens Razorpay's Checkout over the hub's page to pay. Card data goes from Razorpay's window to Razorpay.
// The order, made on the server, holds the amount; what comes back is signed by Razorpay and proved on the server.
// With subscription_card_change it asks for another card of a subscription instead.

export async function mount(container, output, page) {
  const { client } = output;
  await page.loadScript(output.script_url || client.script_url);
  const button = document.createElement("button");
  button.className = "first";
  button.textContent = page.press;
  container.append(button);
  const checkout = new Razorpay(options(client, page, button));
  checkout.on("payment.failed", (failed) => page.fail(failed.error.description || "The payment failed. Try again."));
  button.addEventListener("click", () => {
    button.disabled = true;
    checkout.open();
  });
}

function options(client, page, button) {
  return {
    ...Object.fromEntries(
      ["key", "order_id", "subscription_id", "subscription_card_change", "customer_id", "recurring", "name", "description", "prefill"]
        .filter((name) => client[name] !== undefined)
        .map((name) => [name, client[name]]),
    ),
    handler: (proof) => page.complete(proof),
    modal: {
      ondismiss: () => {
        button.disabled = false;
      },
    },
  };
}
