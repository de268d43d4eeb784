// Puts the sandbox's pay form where this script stands and gives the frame the height that its page asks for.
(function () {
  "use strict";
  const script = document.currentScript;
  const base = new URL("..", script.src);
  const frame = document.createElement("iframe");
  frame.src = new URL("pay/" + encodeURIComponent(script.dataset.payment), base).href;
  frame.title = "Payment";
  frame.style.cssText = "width:100%;border:0;min-height:640px";
  script.after(frame);
  window.addEventListener("message", function (event) {
    if (event.origin === base.origin && event.source === frame.contentWindow && Number.isInteger(event.data.sandboxHeight)) {
      frame.style.height = event.data.sandboxHeight + "px";
    }
  });
})();
