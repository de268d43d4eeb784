// One SVG sprite of the Tabler icons that the pages use, so that no page ships an icon it does not show.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Plugin } from "vite";

const locate = createRequire(import.meta.url);

function symbol(name: string): string {
  const text = readFileSync(locate.resolve(`@tabler/icons/${name}.svg`), "utf8");
  const [, attributes = "", shapes = ""] = /<svg([^>]*)>([\s\S]*)<\/svg>/.exec(text) ?? [];
  const kept = [...attributes.matchAll(/\s(viewBox|fill|stroke[a-z-]*)="[^"]*"/g)].map(([attribute]) => attribute);
  const id = name.replace(/^outline\//, "").replace("/", "-");
  return `<symbol id="${id}"${kept.join("")}>${shapes.replace(/\s*\n\s*/g, "")}</symbol>`;
}

/** Emits `icons.svg`. The file `list` holds a JSON array of names as `@tabler/icons` has them: `outline/check`, `filled/star`. */
export function iconSprite(list: string): Plugin {
  return {
    name: "icon-sprite",
    apply: "build",
    buildStart() {
      this.addWatchFile(list);
    },
    generateBundle() {
      const names = JSON.parse(readFileSync(list, "utf8")) as string[];
      const source = `<svg xmlns="http://www.w3.org/2000/svg">${names.map(symbol).join("")}</svg>`;
      this.emitFile({ type: "asset", name: "icons.svg", originalFileName: "src/icons.json", source });
    },
  };
}
