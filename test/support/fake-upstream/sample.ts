type JsonSchema = Readonly<Record<string, unknown>>;

/** A value that fits a JSON Schema, the same every time: first enum member, `Zürich` for a string, 21 for a number, one item for an array. */
export function sampleOf(schema: unknown): unknown {
  if (typeof schema !== 'object' || schema === null) return null;
  const { type, enum: members, const: fixed, anyOf, oneOf, properties, items } = schema as JsonSchema;
  if (fixed !== undefined) return fixed;
  if (Array.isArray(members)) return members[0];
  const alternatives = anyOf ?? oneOf;
  if (Array.isArray(alternatives)) return sampleOf(alternatives[0]);
  switch (Array.isArray(type) ? type[0] : type) {
    case 'string':
      return 'Zürich';
    case 'integer':
    case 'number':
      return 21;
    case 'boolean':
      return true;
    case 'array':
      return [sampleOf(items)];
    case 'null':
      return null;
    default:
      return Object.fromEntries(Object.entries((properties ?? {}) as JsonSchema).map(([name, member]) => [name, sampleOf(member)]));
  }
}

/** Text in pieces as a tokenizer might cut it: words with the space before them. The pieces join to the text again. */
export function piecesOf(text: string): string[] {
  return text.match(/\s*\S{1,12}|\s+$/gu) ?? [];
}

/** About four characters a token, never 0. */
export function tokensIn(text: string): number {
  return Math.max(1, Math.ceil(text.length / 4));
}

/** Log-probability of the n-th piece: different for each, never 0, always the same. */
export function logprobAt(index: number): number {
  return -Number((0.0123 * ((index % 7) + 1)).toFixed(4));
}
