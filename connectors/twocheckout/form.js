// Opens 2Checkout's InLine form over the hub's page to pay. Card data goes from 2Checkout's frame to 2Checkout.
// The server had the cart signed: a price or reference that is changed here is refused by 2Checkout.

export async function mount(container, output, page) {
  const { client } = output;
  await page.loadScript(output.script_url || client.script_url);
  const cart = prepared(client);
  const button = document.createElement("button");
  button.className = "first";
  button.textContent = "Pay";
  container.append(button);
  let finished = false;
  cart.events.subscribe("payment:finalized", (paid) => {
    finished = true;
    page.complete(paid && paid.refNo ? { refno: String(paid.refNo) } : {});
  });
  cart.events.subscribe("cart:closed", () => {
    button.disabled = finished;
  });
  button.addEventListener("click", () => {
    button.disabled = true;
    fill(cart, client);
    cart.cart.checkout();
  });
}

function prepared(client) {
  const cart = TwoCoInlineCart;
  cart.setup.setConfig("app", { merchant: client.merchant, iframeLoad: "checkout" });
  cart.setup.setConfig("cart", { host: client.host, customization: "inline" });
  cart.register();
  return cart;
}

// The signature belongs to exactly this cart, so it is filled anew each time.
function fill(inline, client) {
  const { cart, products, billing, setup } = inline;
  setup.setMerchant(client.merchant);
  if (client.mode === "DYNAMIC") {
    setup.setMode(client.mode);
    cart.setCurrency(client.currency);
  }
  if (client.language) {
    cart.setLanguage(client.language);
  }
  cart.setReset(true);
  cart.setCartLockedFlag(client.locked);
  cart.setOrderExternalRef(client.reference);
  cart.setReturnMethod(client.return_method);
  cart.setTest(client.test);
  products.removeAll();
  products.addMany(client.products);
  billing.setData(client.billing);
  cart.setSignature(client.signature);
}
