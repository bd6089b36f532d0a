/**
 * What a name on the wire promises: `pinned` stays the same model until it is turned off, `alias` is moved by its vendor, and `unknown`
 * is a name about which no vendor's page that we know says either: then only what was observed can tell.
 */
export type Pinning = 'pinned' | 'alias' | 'unknown';

/** How a vendor names its models. */
interface NamingRule {
  /** Names that this vendor gives; others are not its own. */
  readonly family: RegExp;
  /** Names of the family that stay. */
  readonly pinned: readonly RegExp[];
  /** Names of the family that the vendor moves; every other one of the family, where absent. */
  readonly moving?: readonly RegExp[];
  readonly source: string;
}

const DATED = /[-@]\d{4}-?\d{2}-?\d{2}(?=$|[-:])/;
const MONTHED = /-\d{4}(?=$|-)/;

const OPENAI: NamingRule = {
  family: /^(?:gpt-|chatgpt-|o\d|codex-|text-|davinci|babbage|computer-use|ft:)/,
  // No dated name of the generations from 5.6 on is published: what answers is then all that can be compared.
  pinned: [DATED, /-\d{4}(?:-preview)?$/, /^ft:/],
  moving: [/^(?:gpt-[345](?!\.[6-9])|o\d|chatgpt-|codex-)/],
  source: 'https://developers.openai.com/api/docs/models',
};
const ANTHROPIC: NamingRule = {
  family: /^claude-/,
  // From 4.6 on a name without a date is the pinned version itself.
  pinned: [/-\d{8}$/, /^claude-[a-z]+-(?:4-(?:[6-9]|\d\d)|(?:[5-9]|\d\d)(?:-\d{1,2})?)$/],
  source: 'https://platform.claude.com/docs/en/about-claude/models/model-ids-and-versions',
};
const GEMINI: NamingRule = {
  family: /^(?:models\/)?gemini-/,
  // Since 2.5 a stable name is one model; before, it pointed to the newest -001, -002 …
  pinned: [/-\d{3}$/, /-preview-\d{2}-(?:\d{2}|\d{4})$/, /gemini-(?:2\.5|[3-9](?:\.\d+)?)-[a-z-]+$/],
  moving: [/gemini-(?:1\.\d|2\.0)-[a-z-]+(?:8b)?$/, /-exp$/],
  source: 'https://ai.google.dev/gemini-api/docs/models',
};
const MISTRAL: NamingRule = {
  family: /^(?:mistral|ministral|magistral|codestral|devstral|pixtral|voxtral|open-mi[sx]tral)-?/,
  pinned: [MONTHED, /-\d{2}-\d{2}$/],
  source: 'https://docs.mistral.ai/getting-started/models',
};

/** By provider, as the config names it. A server of one's own, and a host of open weights, name the weights that they run. */
const RULES: Readonly<Record<string, NamingRule>> = { openai: OPENAI, anthropic: ANTHROPIC, gemini: GEMINI, mistral: MISTRAL };

/** What runs in this process is pinned by the content of its files. */
const IN_PROCESS: ReadonlySet<string> = new Set(['replay', 'student']);

/** Any vendor's word for whatever is newest. */
const LATEST = /(?:^|[-_:./@])latest$/;

/** What a model's name on the wire promises. It is a matter of the name alone: nothing is asked. */
export function pinningOf({ provider, model }: { readonly provider: string; readonly model: string }): Pinning {
  if (IN_PROCESS.has(provider)) return 'pinned';
  if (LATEST.test(model)) return 'alias';
  const rule = Object.hasOwn(RULES, provider) ? RULES[provider] : undefined;
  if (rule === undefined || !rule.family.test(model)) return 'unknown';
  if (rule.pinned.some((pattern) => pattern.test(model))) return 'pinned';
  if (rule.moving !== undefined && !rule.moving.some((pattern) => pattern.test(model))) return 'unknown';
  return 'alias';
}

/** The page on which a provider says how its names are meant; null for one without a rule. */
export function namingSource(provider: string): string | null {
  return Object.hasOwn(RULES, provider) ? (RULES[provider]?.source ?? null) : null;
}
