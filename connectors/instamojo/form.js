// Shows the payment request's page over the hub's page to pay. The amount stands in the request, made on the server.
// Nothing that comes back is signed: the server asks Instamojo before anything counts as paid.

export async function mount(container, output, page) {
  const { client } = output;
  await page.loadScript(output.script_url || client.script_url);
  const button = document.createElement("button");
  button.className = "first";
  button.textContent = "Pay";
  container.append(button);
  Instamojo.configure({
    handlers: {
      onSuccess: (answer) => page.complete(parameters(answer)),
      onFailure: () => page.fail("The payment failed. Nothing was charged. Try again or choose another way to pay."),
      onClose: () => {
        button.disabled = false;
      },
    },
  });
  button.addEventListener("click", () => {
    button.disabled = true;
    Instamojo.open(client.url);
  });
}

function parameters(answer) {
  const payment = answer && (answer.paymentId || answer.payment_id);
  return payment ? { payment_id: String(payment) } : {};
}
