// What the server tells the editor about this installation: the language's schema and the names that exist.

export interface Schema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly title?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly required?: readonly string[];
}

export interface ActionField {
  readonly title: string;
  readonly description: string;
  readonly required: boolean;
  readonly values: readonly unknown[];
}

export interface Action {
  readonly title: string;
  readonly description: string;
  readonly input: Readonly<Record<string, ActionField>>;
  readonly output: readonly string[];
}

export interface LanguageFunction {
  readonly signature: string;
  readonly doc: string;
  readonly example: string;
}

export interface Language {
  readonly schema: Schema;
  readonly connections: Readonly<Record<string, string>>;
  readonly connectors: Readonly<Record<string, { readonly title: string; readonly actions: Readonly<Record<string, Action>> }>>;
  readonly events: Readonly<Record<string, { readonly title: string; readonly fields: Readonly<Record<string, string>> }>>;
  readonly functions: Readonly<Record<string, LanguageFunction>>;
  readonly templates: readonly string[];
}

/** Asks the server. Throws when it does not answer: the editor then goes without completion. */
export async function fetchLanguage(address: string): Promise<Language> {
  const answer = await fetch(address, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`The editor's names could not be loaded (${String(answer.status)}).`);
  return (await answer.json()) as Language;
}

/** The action that `connection/action` names; null while it is being typed or is an expression. */
export function actionNamed(language: Language, called: string): Action | null {
  const [connection = "", action = ""] = called.split("/", 2);
  const connector = language.connections[connection.trim()];
  return (connector && language.connectors[connector]?.actions[action.trim()]) || null;
}

/** All schemas that may hold at a path of keys, `[]` standing for an item of a list. */
export function schemasAt(root: Schema, path: readonly string[]): Schema[] {
  let found = alternatives(root, root);
  for (const key of path) {
    const next: Schema[] = [];
    for (const one of found) {
      const inner = key === "[]" ? one.items : (one.properties?.[key] ?? additional(one));
      if (inner) next.push(...alternatives(root, inner));
    }
    found = next;
  }
  return found;
}

function additional(schema: Schema): Schema | undefined {
  return typeof schema.additionalProperties === "object" ? schema.additionalProperties : undefined;
}

/** Whether the schema is one of expressions: `if`, `where`, `for_each` and their like. */
export function isExpression(root: Schema, path: readonly string[]): boolean {
  const above = schemasAt(root, path.slice(0, -1));
  const key = path.at(-1) ?? "";
  return above.some((one) => one.properties?.[key]?.$ref?.endsWith("/expression") ?? false);
}

function alternatives(root: Schema, schema: Schema): Schema[] {
  const named = schema.$ref ? root.$defs?.[schema.$ref.replace("#/$defs/", "")] : undefined;
  const whole = named ? { ...named, ...schema } : schema;
  return [whole, ...(whole.anyOf ?? []), ...(whole.oneOf ?? [])].flatMap((one) => (one === whole ? [one] : alternatives(root, one)));
}
