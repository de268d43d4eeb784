// Shows the Mastercard Gateway's form in the hub's page to pay: its whole checkout in a frame, or its card fields with 3-D Secure.
// Card data goes from the gateway's frames to the gateway. Order and amount were put into the session by the server.

const FIELDS = [
  ["number", "Card number", "cc-number"],
  ["expiryMonth", "Month (MM)", "cc-exp-month"],
  ["expiryYear", "Year (YY)", "cc-exp-year"],
  ["securityCode", "Security code", "cc-csc"],
  ["nameOnCard", "Name on the card", "cc-name"],
];
const WORDS = {
  cardNumber: "the card number",
  expiryMonth: "the month",
  expiryYear: "the year",
  securityCode: "the security code",
};

export async function mount(container, output, page) {
  const { client } = output;
  if (client.kind === "mastercard.checkout") await mountCheckout(container, client, page);
  else await mountFields(container, client, page);
}

async function mountCheckout(container, client, page) {
  const frame = document.createElement("div");
  frame.id = "mastercard-checkout";
  container.append(frame);
  window.mastercardFailed = () => page.fail("The payment form could not go on. Nothing was charged. Load the page and try again.");
  window.mastercardTimedOut = () => page.fail("The time to pay is over. Nothing was charged. Load the page and try again.");
  window.mastercardPaid = (resultIndicator) => page.complete({ resultIndicator: String(resultIndicator ?? "") });
  await page.loadScript(client.script_url, {
    "data-error": "mastercardFailed",
    "data-timeout": "mastercardTimedOut",
    "data-complete": "mastercardPaid",
  });
  window.Checkout.configure({ session: { id: client.session } });
  window.Checkout.showEmbeddedPage("#mastercard-checkout");
}

async function mountFields(container, client, page) {
  const button = draw(container);
  await page.loadScript(client.script_url);
  await page.loadScript(client.three_d_secure_url);
  const stop = (message) => {
    page.fail(message);
    button.disabled = false;
  };
  window.ThreeDS.configure({
    merchantId: client.merchant,
    sessionId: client.session,
    containerId: "mastercard-three-d-secure",
    callback: () => {},
    configuration: { wsVersion: Number(client.api_version) },
  });
  window.PaymentSession.configure({
    session: client.session,
    fields: { card: Object.fromEntries(FIELDS.map(([name]) => [name, `#mastercard-${name}`])) },
    frameEmbeddingMitigation: ["csp", "x-frame-options"],
    callbacks: {
      initialized: (answer) => {
        if (answer.status === "ok") button.disabled = false;
        else stop("The payment form could not be loaded. Load the page again.");
      },
      formSessionUpdate: (answer) => {
        if (answer.status === "ok") authenticate(client, page, stop);
        else if (answer.status === "fields_in_error") stop(`Please check ${namesOf(answer.errors)}.`);
        else stop("The card could not be passed on. Nothing was charged. Please try again.");
      },
    },
  });
  button.addEventListener("click", () => {
    button.disabled = true;
    window.PaymentSession.updateSessionFromForm("card");
  });
}

/** 3-D Secure: one attempt has one name. The bank's own page, where it wants one, leads back to the hub's return address. */
function authenticate(client, page, stop) {
  const attempt = `auth-${crypto.randomUUID().slice(0, 18)}`;
  const refused = "Your bank did not confirm this payment. Nothing was charged. Please try another card.";
  window.ThreeDS.initiateAuthentication(client.order, attempt, (begun) => {
    if (begun.error || begun.gatewayRecommendation !== "PROCEED") {
      stop(refused);
      return;
    }
    window.ThreeDS.authenticatePayer(client.order, attempt, (done) => {
      if (done.error) {
        stop(refused);
        return;
      }
      const transaction = (done.restApiResponse && done.restApiResponse.transaction) || {};
      if (transaction.authenticationStatus === "AUTHENTICATION_PENDING") showChallenge(done.htmlRedirectCode);
      else page.complete({ session: client.session, authentication: attempt });
    }, { fullScreenRedirect: false });
  });
}

/** The bank's page, in the last element of the document, as the gateway asks. Its form is sent here: inline scripts do not run. */
function showChallenge(html) {
  const place = document.createElement("div");
  document.body.append(place);
  place.innerHTML = html;
  const form = place.querySelector("form");
  if (form) form.submit();
}

function draw(container) {
  const fields = document.createElement("div");
  for (const [name, label, purpose] of FIELDS) {
    const line = document.createElement("label");
    const input = document.createElement("input");
    input.id = `mastercard-${name}`;
    input.readOnly = true;
    input.autocomplete = purpose;
    line.append(label, input);
    fields.append(line);
  }
  const hidden = document.createElement("div");
  hidden.id = "mastercard-three-d-secure";
  const button = document.createElement("button");
  button.className = "first";
  button.textContent = "Pay";
  button.disabled = true;
  container.append(fields, button, hidden);
  return button;
}

function namesOf(errors) {
  return Object.keys(errors || {}).map((name) => WORDS[name] || "the card's details").join(", ") || "the card's details";
}
