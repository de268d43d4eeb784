import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { pdfFonts } from "./fonts.ts";
import { iconSprite } from "./icons.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

// Flask renders the pages and reads manifest.json, which maps `src/app.ts` to the hashed files to link.
export default defineConfig({
  base: "./",
  publicDir: false,
  plugins: [iconSprite(here("src/icons.json")), pdfFonts()],
  build: {
    outDir: here("../hub/web/static/dist"),
    emptyOutDir: true,
    manifest: "manifest.json",
    target: "es2022",
    assetsInlineLimit: 0, // the content security policy allows files of ours, no data addresses of scripts or fonts
    modulePreload: { polyfill: false },
    rolldownOptions: {
      checks: { eval: false }, // htmx holds one, which allowEval = false in src/app.ts and the policy keep from running
      input: {
        app: here("src/app.ts"), // every admin page
        editor: here("src/editor.ts"), // the recipe's page only
        designer: here("src/designer.ts"), // the page on which a form is made
        scan: here("src/scan.ts"), // the page on which goods are scanned
        pay: here("src/pay.ts"), // a payer's page that shows a gateway's form
        public: here("src/public.css"), // payers and providers: a small style
        publicDark: here("src/public-dark.css"), // its dark colours
        form: here("src/form.ts"), // a visitor's form
        formLook: here("src/form.css"),
        embed: here("src/embed.ts"), // for other sites' pages, served under one address
      },
    },
  },
});
