// Shows PayPal's buttons in our page. The order (or subscription) was made on the server, so no amount is told here.

export async function mount(container, client, page) {
  await page.loadScript(client.script_url);
  const isSubscription = client.kind === "paypal.subscription";
  const made = isSubscription
    ? { createSubscription: () => client.subscription }
    : { createOrder: () => client.order };
  const buttons = window.paypal.Buttons({
    ...made,
    onApprove: (data) => page.complete(approved(data)),
    onCancel: () => page.fail("Nothing was paid. You can try again."),
    onError: () => page.fail("PayPal could not take this payment. Please try again, or pay in another way."),
  });
  await buttons.render(container);
}

function approved(data) {
  const parameters = {
    token: data.orderID,
    PayerID: data.payerID,
    subscription_id: data.subscriptionID,
  };
  return Object.fromEntries(Object.entries(parameters).filter(([, value]) => typeof value === "string"));
}
