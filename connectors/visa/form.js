// Shows Visa's own fields (Unified Checkout) in the hub's page to pay. Card data goes from Visa's fields to Visa.
// The capture context, made on the server, holds the amount and all references; the outcome is read on the server again.

export async function mount(container, output, page) {
  const { client } = output;
  const buttons = document.createElement("div");
  buttons.id = "visa-payment-selection";
  const fields = document.createElement("div");
  fields.id = "visa-payment-screen";
  container.replaceChildren(buttons, fields);
  await page.loadScript(client.script_url, attributes(client));
  const accept = await globalThis.Accept(client.capture_context);
  const checkout = await accept.unifiedPayments(false);
  // Not awaited: the page is ready as soon as the fields are there, and the payer may take a while.
  void pay(checkout, page);
}

async function pay(checkout, page) {
  try {
    const containers = { paymentSelection: "#visa-payment-selection", paymentScreen: "#visa-payment-screen" };
    const token = await checkout.show({ containers });
    const completion = await checkout.complete(token);
    await page.complete({ completion: String(completion) });
  } catch (problem) {
    const words = problem?.message ? ` (${problem.message})` : "";
    page.fail(`The payment was not finished${words}. Load the page again to try once more.`);
  }
}

// Visa gives the hash of its library with each capture context; the browser holds the script to it.
function attributes(client) {
  return { crossorigin: "anonymous", ...(client.integrity ? { integrity: client.integrity } : {}) };
}
