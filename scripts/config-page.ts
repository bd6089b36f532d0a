import { configJsonSchema, lockJsonSchema } from '../src/config/index.ts';

/** What the page reads of a JSON Schema: the part that the config's own schema uses. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

interface Row {
  readonly key: string;
  readonly kind: string;
  readonly need: string;
  readonly meaning: string;
}

/** docs/reference/lock.schema.json: what smallfirst.lock holds, for reviewers and other tools. */
export function lockSchemaFile(): string {
  return `${JSON.stringify(lockJsonSchema(), null, 2)}\n`;
}

/** docs/reference/config.schema.json: the schema that editors read. */
export function configSchemaFile(): string {
  return `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
}

/** docs/reference/config.md: every key of smallfirst.yaml as a table, from the same schema. */
export function configPage(): string {
  const root = configJsonSchema() as Schema;
  const sections = Object.entries(root.properties ?? {}).map(([name, schema]) => {
    const rows = keysOf(schema, { key: name, need: need(schema, false) });
    const table = rows.map((row) => `| \`${row.key}\` | ${row.kind} | ${row.need} | ${row.meaning} |`);
    return [`## ${name}`, '', '| key | value | default | meaning |', '|---|---|---|---|', ...table, ''].join('\n');
  });
  return [
    '# smallfirst.yaml',
    '',
    'Every key. Generated from the schema in `src/config` by `scripts/generate-docs.ts`; [config.schema.json](config.schema.json) is the same for editors:',
    'with the YAML language server, `# yaml-language-server: $schema=config.schema.json` as the first line.',
    '',
    '- `NAME` stands for a name of your own, `[]` for each entry of a list. A key that is not listed is an error, with line and column.',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the page shows how a variable is written.
    '- `${NAME}` in a value is the environment variable of that name, filled in after the YAML is parsed; an unset one is an error. `$${` is the characters `${`.',
    '- Paths start at the folder of the config.',
    '- A student of `students:` stands on a ladder as `student/NAME`.',
    '',
    ...sections,
  ].join('\n');
}

function keysOf(schema: Schema, at: { readonly key: string; readonly need: string }): readonly Row[] {
  const row = { ...at, kind: kindOf(schema), meaning: cell(schema.description ?? '') };
  return [row, ...inside(schema, at.key)];
}

function inside(schema: Schema, key: string): readonly Row[] {
  const branches = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  if (branches.length > 0) return distinct(branches.flatMap((branch) => inside(branch, key)));
  if (schema.properties) {
    const required = new Set(schema.required);
    return Object.entries(schema.properties).flatMap(([name, member]) =>
      keysOf(member, { key: `${key}.${name}`, need: need(member, required.has(name)) }),
    );
  }
  if (typeof schema.additionalProperties === 'object' && hasShape(schema.additionalProperties)) {
    return inside(schema.additionalProperties, `${key}.NAME`);
  }
  return schema.items ? inside(schema.items, `${key}[]`) : [];
}

function hasShape(schema: Schema): boolean {
  return schema.properties !== undefined;
}

/** Branches of a union may share a key: its values are then listed together, once. */
function distinct(rows: readonly Row[]): readonly Row[] {
  const byKey = new Map<string, Row>();
  for (const row of rows) {
    const before = byKey.get(row.key);
    const kinds = before === undefined || before.kind === row.kind ? row.kind : `${before.kind}, ${row.kind}`;
    byKey.set(row.key, { ...row, kind: kinds });
  }
  return [...byKey.values()];
}

function need(schema: Schema, required: boolean): string {
  const { default: value } = schema;
  if (value !== undefined) return isEmpty(value) ? '' : `\`${JSON.stringify(value)}\``;
  return required ? 'required' : '';
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function kindOf(schema: Schema): string {
  const branches = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  if (branches.length > 0) return [...new Set(branches.map(kindOf))].join(' or ');
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  switch (schema.type) {
    case 'object':
      return 'mapping';
    case 'array':
      return schema.items && !schema.items.properties ? `list of ${kindOf(schema.items)}` : 'list';
    case 'string':
      return FORMATS[schema.format ?? ''] ?? 'text';
    case 'integer':
      return `whole number${range(schema)}`;
    case 'number':
      return `number${range(schema)}`;
    case 'boolean':
      return '`true`, `false`';
    default:
      return 'any value';
  }
}

const FORMATS: Readonly<Record<string, string>> = { uri: 'URL', date: 'day', 'date-time': 'time' };

function range({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: Schema): string {
  const low = exclusiveMinimum !== undefined ? ` > ${exclusiveMinimum}` : isBound(minimum) ? ` ≥ ${minimum}` : '';
  const high = exclusiveMaximum !== undefined ? ` < ${exclusiveMaximum}` : isBound(maximum) ? ` ≤ ${maximum}` : '';
  return [low, high].filter((part) => part !== '').join(',');
}

/** Zod writes the safe integers as bounds; they bound nothing that a person would type. */
function isBound(limit: number | undefined): limit is number {
  return limit !== undefined && Math.abs(limit) < Number.MAX_SAFE_INTEGER;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
