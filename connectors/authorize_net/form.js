// Shows Authorize.Net's own forms: its card form (AcceptUI) opens over the hub's page to pay; its whole page (Accept Hosted)
// stands in a frame of a page of yours. Card data goes from Authorize.Net's frames to Authorize.Net. The amount was fixed on
// the server: for the card form in terms that it sealed, for the page in the token.

export async function mount(container, output, page) {
  const { client } = output;
  if (client.kind === "authorize_net.frame") {
    mountFrame(container, client, page);
    return;
  }
  const button = cardButton(client);
  globalThis[RESPONSE] = (response) => answered(response, client, page);
  container.append(button);
  // The script looks for its button once, when it is loaded, so the button must be there first.
  await page.loadScript(output.script_url || client.script_url);
}

const RESPONSE = "connectorHubAuthorizeNet";

function cardButton(client) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "AcceptUI first";
  button.textContent = "Pay";
  const data = {
    "data-apiLoginID": client.api_login_id,
    "data-clientKey": client.client_key,
    "data-acceptUIFormBtnTxt": "Pay",
    "data-acceptUIFormHeaderTxt": "Payment",
    "data-billingAddressOptions": JSON.stringify({ show: true, required: false }),
    "data-paymentOptions": JSON.stringify(client.means),
    "data-responseHandler": RESPONSE,
  };
  for (const [name, value] of Object.entries(data)) button.setAttribute(name, value);
  return button;
}

async function answered(response, client, page) {
  if (response.messages.resultCode === "Error") {
    const said = response.messages.message.map((one) => one.text).join(" ");
    page.fail(said || "The payment details were not accepted.");
    return;
  }
  const { dataDescriptor, dataValue } = response.opaqueData;
  await page.complete({ descriptor: dataDescriptor, value: dataValue, terms: client.terms });
}

// Your communicator page hands on what Authorize.Net tells it:
// parent.parent.AuthorizeNetIFrame.onReceiveCommunication(location.hash.slice(1))
function mountFrame(container, client, page) {
  const frame = document.createElement("iframe");
  frame.name = "load_payment";
  frame.title = "Payment";
  frame.width = "100%";
  frame.height = "650";
  const form = document.createElement("form");
  form.method = "post";
  form.action = client.action;
  form.target = frame.name;
  for (const [name, value] of Object.entries(client.fields)) {
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = name;
    field.value = value;
    form.append(field);
  }
  container.append(frame, form);
  globalThis.AuthorizeNetIFrame = { onReceiveCommunication: (text) => heard(new URLSearchParams(text), frame, page) };
  form.submit();
}

function heard(said, frame, page) {
  const action = said.get("action");
  if (action === "resizeWindow") {
    frame.height = said.get("height");
  } else if (action === "transactResponse") {
    void page.complete({});
  } else if (action === "cancel") {
    page.fail("The payment was given up. Load the page again to try once more.");
  }
}
