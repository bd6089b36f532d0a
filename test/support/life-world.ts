import { expect } from 'vitest';
import type { CascadeWorld } from './cascade-world.ts';
import type { ModelScript, ScriptedUpstream } from './scripted-upstream.ts';

/** What the admin API says of a task. */
export interface ShownTask {
  readonly mode: string;
  readonly certificate: { readonly id: string } | null;
  readonly live: {
    readonly standing: string;
    readonly provisionalThreshold: number | null;
    readonly exposure: number;
    readonly voided: string | null;
    readonly estimate: { readonly retained: number; readonly low: number; readonly high: number; readonly audits: number } | null;
    readonly detector: { readonly eValue: number } | null;
  } | null;
  readonly shadow: { readonly pairs: number; readonly todayUsd: number; readonly totalUsd: number } | null;
  readonly audit: { readonly pairs: number } | null;
  readonly events: readonly { readonly kind: string; readonly reason: string }[];
}

/** How the admin API shows a task. */
export async function shownTask(world: Pick<CascadeWorld, 'url'>, task: string): Promise<ShownTask> {
  const response = await fetch(`${world.url}/admin/tasks/${task}`);
  expect(response.status).toBe(200);
  return (await response.json()) as ShownTask;
}

/** Waits until so many pairs of a task were kept since the gateway started. */
export async function pairsKept(world: CascadeWorld, task: string, kind: 'shadow' | 'audit', count: number): Promise<void> {
  await expect.poll(async () => (await shownTask(world, task))[kind]?.pairs, { timeout: 20_000 }).toBe(count);
}

/** A question whose right answer stands in it, so that a scripted model can know it. */
export const question = (answer: string, n = 0): string => `Ticket ${n}: the answer is <${answer}>`;

/** What the last user message of a request says, as a scripted model sees it. */
export function askedOf(body: Readonly<Record<string, unknown>>): string {
  const messages = body.messages as readonly { readonly role: string; readonly content: unknown }[];
  const content = messages.findLast(({ role }) => role === 'user')?.content;
  return typeof content === 'string' ? content : JSON.stringify(content);
}

/** A model that knows the answer, or gives another by `err`. */
export function scriptKnowing(
  upstream: ScriptedUpstream,
  model: string,
  options: { readonly logprob?: number; readonly served?: string; readonly err?: (asked: string) => string | null } = {},
): void {
  const { logprob, served, err } = options;
  upstream.script(model, (body): ModelScript => {
    const asked = askedOf(body);
    const text = err?.(asked) ?? /<(\w+)>/.exec(asked)?.[1] ?? 'nothing';
    return { tokens: [{ text, ...(logprob === undefined ? {} : { logprob }) }], ...(served === undefined ? {} : { served }) };
  });
}

/** One answered request: what the client got and what the gateway said of it. */
export interface Told {
  readonly id: string;
  readonly text: string;
  readonly mode: string | null;
  readonly model: string | null;
  readonly decision: string | null;
}

/** Asks a task in OpenAI's words. */
export async function askTask(world: CascadeWorld, task: string, content: string, stream = false): Promise<Told> {
  const body = { model: `task/${task}`, messages: [{ role: 'user', content }], max_tokens: 5, stream };
  const response = await world.post('/v1/chat/completions', body);
  const raw = await response.text();
  expect([response.status, raw]).toEqual([200, expect.anything()]);
  const header = (name: string): string | null => response.headers.get(`x-smallfirst-${name}`);
  return {
    id: header('request-id') ?? '',
    text: stream ? textOfStream(raw) : JSON.parse(raw).choices[0].message.content,
    mode: header('mode'),
    model: header('model'),
    decision: header('decision'),
  };
}

function textOfStream(raw: string): string {
  return raw
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice(6)).choices[0]?.delta.content ?? '')
    .join('');
}
