// In a frame: tells the shop's page how high this page is, and that the payer is done; nothing else.
(function () {
  "use strict";
  const done = document.querySelector("[data-done]") !== null;
  const height = () => Math.ceil(document.documentElement.getBoundingClientRect().height);
  const tell = () => parent.postMessage({ sandboxHeight: height(), sandboxDone: done }, "*");
  new ResizeObserver(tell).observe(document.body);
})();
