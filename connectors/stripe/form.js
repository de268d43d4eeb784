// Shows Stripe's own fields (Payment Element) or its whole page (embedded Checkout) in the hub's page to pay.
// Card data goes from Stripe's frames to Stripe. The amount was fixed when the server made the client secret.

export async function mount(container, output, page) {
  await page.loadScript(output.script_url);
  const { client } = output;
  const stripe = Stripe(client.publishable_key, client.account ? { stripeAccount: client.account } : {});
  if (client.kind === "stripe.embedded_checkout") {
    const checkout = await stripe.initEmbeddedCheckout({
      clientSecret: client.client_secret,
      onComplete: () => page.complete({}),
    });
    checkout.mount(container);
    return;
  }
  await mountElement(container, stripe, client, page);
}

async function mountElement(container, stripe, client, page) {
  const elements = stripe.elements({ clientSecret: client.client_secret });
  const fields = document.createElement("div");
  const button = document.createElement("button");
  button.className = "first";
  button.textContent = "Pay";
  container.append(fields, button);
  elements.create("payment").mount(fields);
  button.addEventListener("click", async () => {
    button.disabled = true;
    const result = await stripe.confirmPayment({
      elements,
      confirmParams: { return_url: page.returnUrl },
      redirect: "if_required",
    });
    if (result.error) {
      page.fail(result.error.message);
      button.disabled = false;
    } else {
      await page.complete({ payment_intent: result.paymentIntent.id });
    }
  });
}
