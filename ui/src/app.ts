// What every admin page has: Tabler's look, htmx's partial updates, light or dark, and small helps for forms.
// Each page works without any of this; scripts only make it quicker.
import "@tabler/core/dist/css/tabler.min.css";
import "./app.css";
import htmx from "htmx.org";
import { offerCopying } from "./copying.ts";
import { followDivision } from "./dividing.ts";
import { dependFields, followName } from "./fields.ts";
import { keepWhatIsOpen } from "./live.ts";
import { showPlace } from "./tabs.ts";
import { followTheme } from "./theme.ts";

// The content security policy allows neither eval nor inline styles; nothing but our own pages is asked or swapped in.
htmx.config.allowEval = false;
htmx.config.allowScriptTags = false;
htmx.config.includeIndicatorStyles = false;
htmx.config.historyCacheSize = 0;
htmx.config.selfRequestsOnly = true;
htmx.config.responseHandling = [
  { code: "204", swap: false },
  { code: "[23]..", swap: true },
  { code: "422", swap: true },
  { code: "...", swap: false, error: true },
];

followTheme();
keepWhatIsOpen();
offerCopying(document);
dependFields(document);
followName();
followDivision(document);
showPlace();
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target instanceof Element) offerCopying(event.target);
});

// The server shows times in this zone unless the reader has set another.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) document.cookie = `hub_zone=${zone}; path=/; max-age=31536000; samesite=lax`;
