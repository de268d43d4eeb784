// A form that divides an amount says, while somebody types, how much of it is not given to anybody yet.

const AMOUNT = /^[0-9]+(\.[0-9]+)?$/;

/** `textarea[data-divides="1200.00"]`, a line for each party; `output[data-left]` in its form says what is left. */
export function followDivision(root: ParentNode): void {
  for (const text of root.querySelectorAll<HTMLTextAreaElement>("textarea[data-divides]")) {
    const said = text.form?.querySelector<HTMLOutputElement>("output[data-left]");
    const whole = text.dataset["divides"] ?? "0";
    const decimals = whole.split(".")[1]?.length ?? 0;
    if (!said) continue;
    const judge = (): void => {
      said.hidden = false;
      said.textContent = left(text.value, whole, decimals, said.dataset["left"] ?? "");
    };
    text.addEventListener("input", judge);
    judge();
  }
}

function left(text: string, whole: string, decimals: number, currency: string): string {
  let rest = minor(whole, decimals) ?? 0n;
  for (const [index, line] of text.split("\n").entries()) {
    if (!line.trim()) continue;
    const amounts = line.trim().replace(/^\S+\s*/, "").split("+");
    for (const one of amounts) {
      const found = minor(one.trim(), decimals);
      if (found === null) return `Line ${index + 1} is not finished: who, and how much in ${currency}.`;
      rest -= found;
    }
  }
  if (rest === 0n) return "All of it is divided.";
  const amount = `${decimal(rest < 0n ? -rest : rest, decimals)} ${currency}`;
  return rest > 0n ? `${amount} is left to divide.` : `${amount} too much.`;
}

/** Minor units, exactly; null for what is no amount of the currency. */
function minor(text: string, decimals: number): bigint | null {
  if (!AMOUNT.test(text)) return null;
  const [whole = "0", fraction = ""] = text.split(".");
  return fraction.length > decimals ? null : BigInt(whole + fraction.padEnd(decimals, "0"));
}

function decimal(value: bigint, decimals: number): string {
  const digits = value.toString().padStart(decimals + 1, "0");
  return decimals ? `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}` : digits;
}
