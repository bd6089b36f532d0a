import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditCall } from '../src/audit/types.ts';
import { type Json, nanoUsd, usage } from '../src/core/index.ts';
import { type Random, seededRandom } from '../src/statistics/index.ts';

/** A call of a log that was made up from real texts, with the template it is really of; null for a bare question. */
export interface MadeCall {
  readonly call: AuditCall;
  readonly template: string | null;
}

/** What a template makes of a text, and what its answers look like. */
interface Template {
  readonly name: string;
  readonly file: string;
  /** Its share among the others. */
  readonly weight: number;
  readonly prompt: (text: string, draw: Draw) => { readonly system: string | null; readonly user: string };
  readonly answer: (text: string, draw: Draw, label: string) => string;
  readonly tools?: readonly string[];
  readonly format?: Json;
  readonly model: string;
}

/** Names, ids and dates that vary from call to call. */
interface Draw {
  readonly random: Random;
  readonly person: string;
  readonly company: string;
  readonly id: string;
  readonly date: string;
  readonly others: () => string;
}

const PEOPLE =
  'Maria Lopez,Wei Chen,Anna Kowalska,John Smith,Fatima Al-Sayed,Ludwig van Dyck,Priya Patel,Tom Ó Briain,Sofia Rossi,Yuki Tanaka'.split(
    ',',
  );
const COMPANIES = 'Acme Corp,Globex,Initech,Umbrella,Stark Industries,Hooli,Vandelay,Wonka'.split(',');
const HOUSE =
  'You work for the claims desk of a large insurer. Be factual, never promise cover, never name a colleague, and keep personal data out of your answer. ' +
  'Policies are motor, home, travel and life. Amounts are in US dollars. If the message is empty answer UNKNOWN. ';

const pick = <T>(items: readonly T[], random: Random): T => items[random.int(items.length)]!;

const schema = (name: string, keys: readonly string[]): Json => ({
  type: 'json_schema',
  json_schema: { name, schema: { type: 'object', properties: Object.fromEntries(keys.map((key) => [key, { type: 'string' }])) } },
});

/** Twelve templates: with and without a system prompt, values in either, two that share a house style, two under one bare system prompt. */
export const templates: readonly Template[] = [
  {
    name: 'intent',
    file: 'banking77/test.jsonl',
    weight: 5,
    model: 'gpt-4o',
    prompt: (text, { company, id, date }) => ({
      system: `You are the triage agent of ${company}. Ticket ${id}, received on ${date}. Classify the customer's message into exactly one banking intent. Answer with the name of the intent and nothing else.`,
      user: text,
    }),
    answer: (_, __, label) => label,
  },
  {
    name: 'spam',
    file: 'sms_spam_gpt4/test.jsonl',
    weight: 3,
    model: 'gpt-4o-mini',
    prompt: (text) => ({ system: null, user: `Is the following SMS spam or ham? Answer with one word.\n\nSMS: ${text}` }),
    answer: (_, __, label) => label,
  },
  {
    name: 'receipt',
    file: 'sroie_receipts/all.jsonl',
    weight: 2,
    model: 'gpt-4o',
    format: schema('receipt', ['company', 'date', 'address', 'total']),
    prompt: (text) => ({
      system: 'Extract company, date, address and total from the scanned receipt. Reply in JSON. Use null for what is missing.',
      user: text,
    }),
    answer: (text, { id }) => JSON.stringify({ company: text.split('\n')[0], date: '2018-12-25', address: null, total: id }),
  },
  {
    name: 'summary',
    file: 'cfpb_complaints_14llm/all.jsonl',
    weight: 2,
    model: 'claude-opus-4-5',
    prompt: (text) => ({
      system: 'You are a helpful assistant.',
      user: `Summarise the complaint below in at most two sentences for a case worker. Leave out names and account numbers.\n\n${text}`,
    }),
    answer: (text) => `The consumer complains that ${text.split(' ').slice(3, 28).join(' ')}.`,
  },
  {
    name: 'translate',
    file: 'clinc150/test.jsonl',
    weight: 3,
    model: 'gpt-4o',
    prompt: (text) => ({
      system: 'You are a helpful assistant.',
      user: `Translate the following sentence into French. Return only the translation: ${text}`,
    }),
    answer: (text) => `Voici ${[...text.split(' ')].reverse().join(' ')}`,
  },
  {
    name: 'reply',
    file: 'bitext_support/test.jsonl',
    weight: 4,
    model: 'claude-opus-4-5',
    prompt: (text, { person, company, id }) => ({
      system: `You draft replies for the support team of ${company}. The customer is ${person} (customer number ${id}). Write a friendly and concise answer that solves the problem, and end with an offer of further help.`,
      user: text,
    }),
    answer: (text, { person }) =>
      `Dear ${person},\n\nThank you for reaching out about "${text.slice(0, 40)}". We have looked into it and will take care of it at once. Please tell us if there is anything else that we can do.\n\nKind regards`,
  },
  {
    name: 'slots',
    file: 'snips/test.jsonl',
    weight: 3,
    model: 'gpt-4o',
    format: { type: 'json_object' },
    prompt: (text, { date }) => ({
      system: `Today is ${date}. Find the intent and the slots of a voice command. Return a JSON object with the members intent and slots. Known intents: AddToPlaylist, BookRestaurant, GetWeather, PlayMusic, RateBook, SearchCreativeWork, SearchScreeningEvent.`,
      user: `Command: ${text}`,
    }),
    answer: (text, _, label) => JSON.stringify({ intent: label, slots: { text: text.slice(0, 12) } }),
  },
  {
    name: 'hotel-agent',
    file: 'nlupp/hotels.jsonl',
    weight: 2,
    model: 'gpt-4o',
    tools: ['find_booking', 'change_booking', 'request_service'],
    prompt: (text, { person, id }) => ({
      system: `You are the concierge of a hotel. Guest: ${person}, room ${id.slice(-3)}, booking ${id}. Use the tools to look up and change bookings, and ask before you change anything.`,
      user: text,
    }),
    answer: (text) => `Of course. I have looked that up for you: ${text.slice(0, 30)}. Shall I go ahead with the change?`,
  },
  {
    name: 'urgency',
    file: 'insurance_tickets_claude/train.jsonl',
    weight: 2,
    model: 'claude-opus-4-5',
    prompt: (text) => ({
      system: `${HOUSE}Task: rate how urgent the message is on a scale from 1 to 5. Answer with the number only.`,
      user: text,
    }),
    answer: (text) => String((text.length % 5) + 1),
  },
  {
    name: 'next-action',
    file: 'insurance_tickets_claude/train.jsonl',
    weight: 2,
    model: 'claude-opus-4-5',
    prompt: (text) => ({
      system: `${HOUSE}Task: describe in one sentence what the clerk who handles the claim should do next.`,
      user: text,
    }),
    answer: (text) => `The clerk should check the policy and call back about ${text.split(' ').slice(2, 9).join(' ')}.`,
  },
  {
    name: 'grounded-answer',
    file: 'cfpb_complaints_14llm/all.jsonl',
    weight: 1,
    model: 'gpt-4o',
    prompt: (text, { others }) => ({
      system: `Answer the question of a compliance officer from the passages below only. Cite the number of each passage that you use, and say so when they do not hold the answer.\n\nPassages:\n[1] ${others()}\n[2] ${others()}\n[3] ${others()}`,
      user: `What do customers say about ${text.split(' ').slice(0, 4).join(' ')}?`,
    }),
    answer: (text) => `According to [1] and [3], customers say that ${text.split(' ').slice(5, 20).join(' ')}.`,
  },
  {
    name: 'polish',
    file: 'banking77/train.jsonl',
    weight: 1,
    model: 'gpt-4o',
    prompt: (text, { person }) => ({
      system: null,
      user: `${text}\n\n---\nRewrite the message above in a friendly and formal tone. Keep all facts, add nothing, and sign it as ${person}.`,
    }),
    answer: (text, { person }) => `Good day,\n\n${text}\n\nWith kind regards,\n${person}`,
  },
];

/** A template's later wordings: the same task, its prompt rewritten in part. */
const DRIFT: Readonly<Record<string, readonly ((prompt: string) => string)[]>> = {
  intent: [
    (p) => p,
    (p) => p.replace('exactly one banking intent', 'one of our 77 banking intents, the most specific one that fits'),
    (p) =>
      p
        .replace('You are the triage agent of', 'You triage incoming messages for')
        .replace('and nothing else', 'in lower case, without quotes or explanation'),
  ],
  receipt: [(p) => p, (p) => `${p} Dates are ISO 8601; the total has two decimals and no currency sign.`],
  summary: [
    (p) => p,
    (p) =>
      p.replace(
        'in at most two sentences for a case worker',
        'in one or two plain sentences so that a case worker sees at once what went wrong',
      ),
  ],
  reply: [
    (p) => p,
    (p) =>
      p.replace(
        'Write a friendly and concise answer that solves the problem',
        'Write a warm, brief answer that solves the problem and refers to our help pages',
      ),
    (p) => `${p} Never promise a refund. Never mention other customers.`,
  ],
  urgency: [(p) => p, (p) => p.replace('on a scale from 1 to 5', 'from 1 (can wait) to 5 (act now)')],
  translate: [(p) => p, (p) => p.replace('Return only the translation', 'Keep its tone and return nothing but the translation')],
};

/** What a log is made of. */
export interface LogOptions {
  readonly calls: number;
  readonly seed: number;
  /** Prompts change in the course of the log, each new wording first for a few of the calls. */
  readonly drift: boolean;
  /** Share of bare questions that are of no template. */
  readonly bare: number;
}

/** The folder of real texts beside the repository; null where there is none. */
export function textFolder(root: string): string | null {
  const folder = join(root, '..', 'shared', 'data', 'text');
  return existsSync(folder) ? folder : null;
}

/** A log in which the calls of all templates stand in random order, from real texts with names, ids and dates that vary. */
export function* makeLog(folder: string, { calls, seed, drift, bare }: LogOptions): Generator<MadeCall> {
  const random = seededRandom(seed);
  const texts = new Map<string, readonly { readonly text: string; readonly label: string }[]>();
  const rowsOf = (file: string) => {
    const known =
      texts.get(file) ??
      readFileSync(join(folder, file), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    texts.set(file, known);
    return known;
  };
  const weights = templates.flatMap((template) => Array.from({ length: template.weight }, () => template));
  const passages = rowsOf('cfpb_complaints_14llm/all.jsonl');
  for (let i = 0; i < calls; i += 1) {
    const isBare = random.next() < bare;
    const template = isBare ? null : pick(weights, random);
    const row = pick(rowsOf(template?.file ?? 'clinc150/oos_test.jsonl'), random);
    const draw: Draw = {
      random,
      person: pick(PEOPLE, random),
      company: pick(COMPANIES, random),
      id: String(10_000_000 + random.int(89_999_999)),
      date: new Date(Date.UTC(2026, 8, 1) + random.int(60) * 86_400_000).toISOString().slice(0, 10),
      others: () => pick(passages, random).text.slice(0, 300 + random.int(300)),
    };
    const prompt = template === null ? { system: null, user: row.text } : template.prompt(row.text, draw);
    const wording = template === null || !drift ? null : wordingAt(template.name, i / calls, random);
    const system = prompt.system === null || wording === null ? prompt.system : wording(prompt.system);
    yield {
      template: template?.name ?? null,
      call: callOf(
        {
          i,
          system,
          user: wording === null ? prompt.user : wording(prompt.user),
          output: template?.answer(row.text, draw, row.label) ?? 'I am not sure.',
        },
        template,
      ),
    };
  }
}

/** The wording in use at a time: a new one begins with one call in five, and soon has them all. */
function wordingAt(name: string, time: number, random: Random): ((prompt: string) => string) | null {
  const wordings = DRIFT[name];
  if (wordings === undefined) return null;
  const phase = Math.min(wordings.length - 1, Math.floor(time * wordings.length));
  const into = time * wordings.length - phase;
  const isEarly = phase > 0 && into < 0.1 && random.next() < 0.8;
  return wordings[isEarly ? phase - 1 : phase] ?? null;
}

function callOf(
  { i, system, user, output }: { readonly i: number; readonly system: string | null; readonly user: string; readonly output: string },
  template: Template | null,
): AuditCall {
  const model = template?.model ?? 'gpt-4o';
  const counts = usage({ freshInput: Math.ceil(((system ?? '').length + user.length) / 4), output: Math.ceil(output.length / 4) });
  return {
    callId: `call-${i}`,
    source: 'openai-jsonl',
    file: 'made.jsonl',
    line: i + 1,
    at: Date.UTC(2026, 9, 1) + i * 120_000,
    provider: model.startsWith('claude') ? 'anthropic' : 'openai',
    model,
    servedModel: model,
    endpoint: '/v1/chat/completions',
    usage: counts,
    serviceTier: 'default',
    cost: nanoUsd((counts.freshInput * 2.5 + counts.output * 10) / 1e6),
    unpriced: null,
    priceId: null,
    reportedCost: null,
    latencyMs: 400 + (i % 700),
    firstTokenMs: null,
    status: 'ok',
    error: null,
    hints: { tag: null, functionId: null, promptName: null, route: null },
    system,
    userTexts: [user],
    tools: template?.tools ?? [],
    toolCalls: [],
    responseFormat: template?.format ?? null,
    output,
    finish: 'stop',
    conversation: null,
    key: null,
    team: null,
    params: { temperature: 0, maxTokens: null },
  };
}

/** Adjusted Rand index (Hubert and Arabie 1985) of two partitions of the same items: 1 for equal ones, about 0 for unrelated ones. */
export function adjustedRandIndex(a: readonly string[], b: readonly string[]): number {
  const count = (names: readonly string[]) => {
    const counts = new Map<string, number>();
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
    return counts;
  };
  const choose2 = (n: number) => (n * (n - 1)) / 2;
  const sum = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((all, n) => all + choose2(n), 0);
  const both = sum(count(a.map((name, i) => `${name}\u0000${b[i]}`)));
  const [ofA, ofB, all] = [sum(count(a)), sum(count(b)), choose2(a.length)];
  const expected = (ofA * ofB) / all;
  const most = (ofA + ofB) / 2;
  return most === expected ? 1 : (both - expected) / (most - expected);
}
