// Shows Amazon's button in the hub's page to pay. It leads to Amazon and back to the return address; the amount stands in the
// payload that the server signed, which must reach Amazon byte for byte.

export async function mount(container, output, page) {
  const { client } = output;
  await page.loadScript(client.script_url);
  const holder = document.createElement("div");
  holder.id = "amazon-pay-button";
  container.append(holder);
  const settings = {
    merchantId: client.merchantId,
    ledgerCurrency: client.ledgerCurrency,
    checkoutLanguage: client.checkoutLanguage,
    productType: "PayOnly",
    placement: "Checkout",
    buttonColor: "Gold",
    createCheckoutSessionConfig: client.createCheckoutSessionConfig,
  };
  if (client.publicKeyId) settings.publicKeyId = client.publicKeyId;
  if (client.sandbox) settings.sandbox = true;
  amazon.Pay.renderButton(`#${holder.id}`, settings);
}
