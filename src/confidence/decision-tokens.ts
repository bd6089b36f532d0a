import { foldLabel, foldLabelStart, jsonBody, type TokenLogprob } from '../core/index.ts';

/** One place in an answer where something was decided: P(what was chosen), and its lead over the best other choice. */
export interface Decision {
  readonly probability: number;
  /** Top-1 minus top-2; null when the provider listed no alternatives. */
  readonly margin: number | null;
}

/** Tokens of the answer's text with their place in it, or null when the tokens do not spell the text. */
export interface PlacedToken extends TokenLogprob {
  /** Half-open range of UTF-16 units in the spelled text; the first token may start before the answer does. */
  readonly from: number;
  readonly to: number;
}

/**
 * The tokens that spell an answer, without what surrounds it: reasoning before, end-of-turn markers after. Null when they do not
 * spell it (partial characters, a rewritten text): then no token signal can be trusted.
 */
export function placeTokens(text: string, logprobs: readonly TokenLogprob[]): readonly PlacedToken[] | null {
  const wanted = text.trim();
  const start = logprobs
    .map((item) => item.token)
    .join('')
    .lastIndexOf(wanted);
  if (wanted === '' || start < 0) return null;
  const placed: PlacedToken[] = [];
  let at = -start;
  for (const item of logprobs) {
    const to = at + item.token.length;
    if (to > 0 && at < wanted.length) placed.push({ ...item, from: at, to });
    at = to;
  }
  return placed;
}

/**
 * The tokens that decide between labels: those before which more labels were possible than after. At each, alternatives are
 * grouped by the labels they lead to, whatever their spelling or case; P = mass for the chosen group / (mass for all labels + mass
 * the provider did not list), so what leads to no label is left out and what is unknown counts against. Where an answer is a label
 * that another one begins with, the token that ends it is not part of the text and is not weighed.
 */
export function labelDecisions(tokens: readonly PlacedToken[], labels: readonly string[]): readonly Decision[] {
  const decisions: Decision[] = [];
  let candidates: readonly string[] = [...new Set(labels.map(foldLabel))].filter((label) => label !== '');
  let prefix = '';
  for (const token of tokens) {
    if (candidates.length <= 1) break;
    const text = prefix + token.token.slice(Math.max(0, -token.from));
    const left = continued(candidates, text);
    if (left.length < candidates.length) decisions.push(labelDecision(token, { prefix, candidates, chosen: left }));
    candidates = left;
    prefix = text;
  }
  return decisions;
}

interface Branch {
  readonly prefix: string;
  readonly candidates: readonly string[];
  readonly chosen: readonly string[];
}

function labelDecision(token: PlacedToken, branch: Branch): Decision {
  const alternatives = listed(token);
  const chosen = new Set(branch.chosen);
  const rivals = new Map<string, number>();
  let mass = 0;
  let seen = 0;
  for (const [text, probability] of alternatives) {
    seen += probability;
    const leads = END_OF_ANSWER.test(text) ? whole(branch) : continued(branch.candidates, branch.prefix + text);
    // White space or a quote leaves every label open: like what leads to none, it says nothing about which.
    if (leads.length === 0 || leads.length === branch.candidates.length) continue;
    // A shorter token may leave both the chosen label and others open: its mass is shared among them.
    const shared = leads.filter((label) => chosen.has(label)).length / leads.length;
    mass += probability * shared;
    const others = leads.filter((label) => !chosen.has(label));
    for (const label of others) rivals.set(label, (rivals.get(label) ?? 0) + probability / leads.length);
  }
  const against = [...rivals.values()].reduce((sum, value) => sum + value, 0);
  const total = mass + against + Math.max(0, 1 - seen);
  const probability = total > 0 ? Math.min(1, mass / total) : 0;
  if (alternatives.size < 2) return { probability, margin: null };
  const rival = Math.max(0, ...rivals.values());
  return { probability, margin: total > 0 ? Math.max(0, (mass - rival) / total) : 0 };
}

/** How models of several families write the end of an answer where they list it as an alternative. */
const END_OF_ANSWER = /^(?:<\|[^|]*\|>|<\/s>|<eos>|<end_of_turn>|)$/;

/** Labels that are whole already, should the answer end here. */
function whole(branch: Branch): readonly string[] {
  const text = foldLabel(branch.prefix);
  return branch.candidates.filter((label) => label === text);
}

/** Labels that can still come of a text that starts so; a whole label may be followed by punctuation. */
function continued(labels: readonly string[], text: string): readonly string[] {
  const start = foldLabelStart(text);
  const ended = foldLabel(text);
  return labels.filter((label) => label.startsWith(start) || label === ended);
}

/** The tokens that spell values of a JSON answer, each a decision of its own. Keys, quotes and punctuation are structure. */
export function jsonDecisions(text: string, tokens: readonly PlacedToken[]): readonly Decision[] {
  const trimmed = text.trim();
  const body = jsonBody(text);
  const offset = trimmed.indexOf(body);
  const spans = valueSpans(body);
  const decisions: Decision[] = [];
  let next = 0;
  for (const token of tokens) {
    while (next < spans.length && spans[next]!.to + offset <= token.from) next += 1;
    const span = spans[next];
    if (span && span.from + offset < token.to) decisions.push(tokenDecision(token));
  }
  return decisions;
}

function tokenDecision(token: PlacedToken): Decision {
  const alternatives = listed(token);
  const probability = asProbability(token.logprob);
  if (alternatives.size < 2) return { probability, margin: null };
  let rival = 0;
  for (const [text, mass] of alternatives) if (text !== token.token) rival = Math.max(rival, mass);
  return { probability, margin: Math.max(0, probability - rival) };
}

/** The token and its listed alternatives with their probabilities, each once. */
function listed(token: TokenLogprob): ReadonlyMap<string, number> {
  const masses = new Map(token.top.map((item) => [item.token, asProbability(item.logprob)]));
  masses.set(token.token, asProbability(token.logprob));
  return masses;
}

/** exp of a log-probability; rounding above 0 is 1, and what is not a number is impossible. */
export function asProbability(logprob: number): number {
  return Number.isNaN(logprob) ? 0 : Math.min(1, Math.exp(logprob));
}

interface Span {
  readonly from: number;
  readonly to: number;
}

// Strings first, so that nothing inside one is taken for a number; a string followed by a colon is a key.
const SCALAR = /"((?:[^"\\]|\\.)*)"(\s*:)?|-?\d[\d.eE+-]*|true|false|null/g;

/** Where the scalar values of valid JSON text are: strings without their quotes (an empty one with them), numbers, booleans, null. */
export function valueSpans(json: string): readonly Span[] {
  const spans: Span[] = [];
  for (const match of json.matchAll(SCALAR)) {
    const [all, content, colon] = match;
    if (colon !== undefined) continue;
    if (content === undefined) spans.push({ from: match.index, to: match.index + all.length });
    else if (content === '') spans.push({ from: match.index, to: match.index + 2 });
    else spans.push({ from: match.index + 1, to: match.index + 1 + content.length });
  }
  return spans;
}
