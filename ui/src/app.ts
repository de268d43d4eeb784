// What every admin page has: Tabler's look, htmx's partial updates, light or dark.
import "@tabler/core/dist/css/tabler.min.css";
import "@tabler/core/dist/js/tabler.esm.min.js";
import htmx from "htmx.org";
import { followTheme } from "./theme.ts";

// The content security policy allows neither eval nor inline styles.
htmx.config.allowEval = false;
htmx.config.includeIndicatorStyles = false;

followTheme();
