// The fonts that the hub writes PDFs with: they travel in the package, so that no machine needs any of its own.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Plugin } from "vite";

const locate = createRequire(import.meta.url);
const FONTS: Readonly<Record<string, string>> = {
  "sans.ttf": locate.resolve("dejavu-fonts-ttf/ttf/DejaVuSans.ttf"),
  "sans-bold.ttf": locate.resolve("dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf"),
  "devanagari.ttf": locate.resolve(
    "@expo-google-fonts/noto-sans-devanagari/400Regular/NotoSansDevanagari_400Regular.ttf",
  ),
  "emoji.ttf": locate.resolve("@expo-google-fonts/noto-emoji/400Regular/NotoEmoji_400Regular.ttf"),
  "han.otf": beside("@embedpdf/fonts-sc", "fonts/NotoSansHans-Regular.otf"),
  "hangul.otf": beside("@embedpdf/fonts-kr", "fonts/NotoSansKR-Regular.otf"),
};

/** A file of a package that exports its script only, which lies in `dist`. */
function beside(name: string, file: string): string {
  return join(dirname(locate.resolve(name)), "..", file);
}

/** Emits `fonts/…`, under names that do not change. */
export function pdfFonts(): Plugin {
  return {
    name: "pdf-fonts",
    apply: "build",
    generateBundle() {
      for (const [name, file] of Object.entries(FONTS)) {
        this.emitFile({ type: "asset", fileName: `fonts/${name}`, source: readFileSync(file) });
      }
    },
  };
}
