// The fonts that the hub writes PDFs with: they travel in the package, so that no machine needs any of its own.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Plugin } from "vite";

const locate = createRequire(import.meta.url);
const FONTS: Readonly<Record<string, string>> = {
  "sans.ttf": "dejavu-fonts-ttf/ttf/DejaVuSans.ttf",
  "sans-bold.ttf": "dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf",
  "devanagari.ttf": "@expo-google-fonts/noto-sans-devanagari/400Regular/NotoSansDevanagari_400Regular.ttf",
};

/** Emits `fonts/…`, under names that do not change. */
export function pdfFonts(): Plugin {
  return {
    name: "pdf-fonts",
    apply: "build",
    generateBundle() {
      for (const [name, file] of Object.entries(FONTS)) {
        this.emitFile({ type: "asset", fileName: `fonts/${name}`, source: readFileSync(locate.resolve(file)) });
      }
    },
  };
}
