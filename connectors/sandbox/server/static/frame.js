// In a frame: tells the shop's page how high this page is, nothing else.
(function () {
  "use strict";
  const tell = () => parent.postMessage({ sandboxHeight: Math.ceil(document.documentElement.getBoundingClientRect().height) }, "*");
  new ResizeObserver(tell).observe(document.body);
})();
