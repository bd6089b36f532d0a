import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Config, loadConfig, type TaskConfig } from '../../config/index.ts';
import {
  type Clock,
  type Message,
  type ModelRequest,
  nanoUsd,
  SmallfirstError,
  systemClock,
  textMessage,
  textOf,
  toUsd,
  usage,
} from '../../core/index.ts';
import { loadTokenizer, PriceBook } from '../../pricing/index.ts';
import { codecs, MalformedRequest, type Protocol, parseBody, providers } from '../../providers/index.ts';
import {
  findStaticParts,
  formatPruneList,
  type PromptTexts,
  type PruneList,
  promptTexts,
  pruneListOf,
  pruneRequest,
  type StaticPart,
} from '../../pruning/index.ts';
import type { Store } from '../../store/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { openRecord } from '../record.ts';
import { count, counted, renderTable } from '../table.ts';
import { taskNamed } from './versions-gather.ts';

export interface ModelsPruneOptions {
  readonly config: string;
  readonly data: string;
  readonly share: number;
  readonly days: number;
  /** Newest requests that are read. */
  readonly limit: number;
  /** Where the list is written that a training and a model's `prune:` name. */
  readonly out?: string;
  /** Rows of a training, and where they are written without the parts. */
  readonly rows?: string;
  readonly rowsOut?: string;
  readonly json: boolean;
}

const DAY_MS = 86_400_000;
/** Fewer prompts cannot tell what is constant. */
const LEAST = 20;

/**
 * `smallfirst models prune TASK`: the texts that stand in (nearly) all recorded prompts of a task, and what leaving them out saves at each
 * model of its ladder. `--out` freezes them as a list: train a model without them, and name the list as its `prune:`.
 */
export async function runModelsPrune(
  name: string,
  options: ModelsPruneOptions,
  io: CommandIo,
  clock: Clock = systemClock,
): Promise<ExitCode> {
  if ((options.rows === undefined) !== (options.rowsOut === undefined))
    throw new SmallfirstError('USAGE', '--rows and --rows-out go together.');
  const config = await loadConfig(resolve(io.cwd, options.config), io.env, { providers });
  const task = taskNamed(config, name);
  const store = await openRecord(options, io);
  try {
    const since = clock.now() - options.days * DAY_MS;
    const prompts = await recordedPrompts(task, store, since, options.limit);
    if (prompts.length < LEAST) {
      throw new SmallfirstError(
        'USAGE',
        `${prompts.length} whole prompts of "${name}" are on record, and it takes ${LEAST}: set \`capture: { mode: full, rate: 1 }\` for the task for a while.`,
      );
    }
    const parts = findStaticParts(prompts, { share: options.share });
    const list = pruneListOf(parts);
    const countTokens = await loadTokenizer();
    const sized = parts.map((part) => ({ ...part, tokens: countTokens(part.text) }));
    const savings = await savingsOf(task, sized, { config, store, since, now: clock.now(), days: options.days });
    if (options.out !== undefined) await writeFile(resolve(io.cwd, options.out), formatPruneList(list));
    const rows = options.rows === undefined ? null : await pruneRows(options, list, io);
    const document = { task: name, prompts: prompts.length, share: options.share, hash: list.hash, parts: sized, ...savings };
    if (options.json) io.json({ ...document, out: options.out ?? null, rows });
    else io.out(render(document, parts.length === 0));
    if (options.out !== undefined) {
      io.note(`${options.out} is written. Train without these texts, and name the file as \`prune:\` of that model alone.`);
    }
    return 0;
  } finally {
    await store.close();
  }
}

/** Writes a training's rows as the model will be asked: their other members stay. Returns how many there were, and how many were changed. */
async function pruneRows(
  { rows, rowsOut }: ModelsPruneOptions,
  list: PruneList,
  io: CommandIo,
): Promise<{ readonly read: number; readonly pruned: number }> {
  const file = resolve(io.cwd, rows ?? '');
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new SmallfirstError('INPUT_NOT_FOUND', `There are no rows at ${file}.`, { cause });
  });
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  let pruned = 0;
  const shorter = lines.map((line, i) => {
    const without = pruneChat(line, list, { file, line: i + 1 });
    if (without === null) return line;
    pruned += 1;
    return JSON.stringify(without);
  });
  await writeFile(resolve(io.cwd, rowsOut ?? ''), shorter.map((line) => `${line}\n`).join(''));
  return { read: lines.length, pruned };
}

/** A row with its messages pruned; null where nothing of it goes. Throws INPUT_INVALID for what is no conversation of texts. */
function pruneChat(line: string, list: PruneList, position: { readonly file: string; readonly line: number }): object | null {
  const failed = (message: string): SmallfirstError => new SmallfirstError('INPUT_INVALID', message, { position });
  let row: { readonly messages?: unknown };
  try {
    row = JSON.parse(line) as { readonly messages?: unknown };
  } catch {
    throw failed('a row of a training is not JSON');
  }
  if (!Array.isArray(row.messages) || !row.messages.every(isChatMessage)) {
    throw failed('a row of a training lacks "messages" of texts: [{"role", "content"}, …]');
  }
  const request = { messages: row.messages.map(({ role, content }) => textMessage(role, content)) };
  const messages = pruneRequest(request, list).messages.map((message) => ({ role: message.role, content: textOf(message) }));
  return JSON.stringify(messages) === JSON.stringify(row.messages) ? null : { ...row, messages };
}

function isChatMessage(value: unknown): value is { readonly role: Message['role']; readonly content: string } {
  const { role, content } = (value ?? {}) as { readonly role?: unknown; readonly content?: unknown };
  return (role === 'system' || role === 'user' || role === 'assistant') && typeof content === 'string';
}

/** Prompts of the newest requests whose bodies are on record as they came. */
async function recordedPrompts(task: TaskConfig, store: Store, since: number, limit: number): Promise<readonly PromptTexts[]> {
  const prompts: PromptTexts[] = [];
  const seen = new Set<string>();
  for (let before: string | undefined; prompts.length < limit; ) {
    const page = await store.calls.list({ task: task.name, since }, { limit: 500, ...(before === undefined ? {} : { before }) });
    for (const { requestId, bodyHash } of page) {
      if (bodyHash === null || seen.has(requestId) || prompts.length >= limit) continue;
      seen.add(requestId);
      const body = await store.bodies.get(bodyHash);
      const request = body === null ? null : readBody(body);
      if (request !== null) prompts.push(promptTexts(request));
    }
    if (page.length < 500) break;
    before = page.at(-1)?.id;
  }
  return prompts;
}

/** A recorded body in our own words, by the protocol whose members it has; null where that cannot read it. */
function readBody(body: string): ModelRequest | null {
  try {
    const parsed = parseBody(Buffer.from(body));
    const { request } = codecs[protocolOf(JSON.parse(body))].readRequest(parsed);
    return request.messages.some(({ role }) => role === 'user') ? request : null;
  } catch (error) {
    if (error instanceof MalformedRequest || error instanceof SyntaxError || error instanceof SmallfirstError) return null;
    throw error;
  }
}

/** A system prompt of its own is Anthropic's, an input is of OpenAI's responses; messages alone read the same in both protocols. */
function protocolOf(body: unknown): Protocol {
  if (typeof body !== 'object' || body === null) return 'openai-chat';
  if (Object.hasOwn(body, 'input')) return 'openai-responses';
  return Object.hasOwn(body, 'system') ? 'anthropic-messages' : 'openai-chat';
}

interface Savings {
  readonly tokensPerRequest: number;
  readonly requestsPerMonth: number;
  readonly models: readonly {
    readonly model: string;
    readonly usdPerRequest: number | null;
    readonly usdPerMonth: number | null;
    readonly isPruned: boolean;
  }[];
}

/** Tokens by the bundled tokenizer × the price of fresh input; what a cache would have made cheaper is not known beforehand. */
async function savingsOf(
  task: TaskConfig,
  parts: readonly { readonly tokens: number }[],
  world: { readonly config: Config; readonly store: Store; readonly since: number; readonly now: number; readonly days: number },
): Promise<Savings> {
  const { config, store, since, now, days } = world;
  const tokens = parts.reduce((sum, part) => sum + part.tokens, 0);
  const hour = 3_600_000;
  const rows = await store.calls.bill({ from: Math.floor(since / hour) * hour, to: Math.ceil((now + 1) / hour) * hour }, ['task']);
  const requests = rows.find(({ dimensions }) => dimensions.task === task.name)?.requests ?? 0;
  const first = await store.calls.requests({ task: task.name, since }, { limit: 1 });
  const span = Math.max(1, Math.min(days, first[0] === undefined ? days : (now - first[0].closing.at) / DAY_MS));
  const requestsPerMonth = Math.round((requests / span) * 30);
  const book = new PriceBook({ declared: config.prices, warn: () => undefined });
  const models = task.ladder.flatMap((name) => {
    const model = config.models.get(name);
    // A student reads the input alone already.
    if (model === undefined || model.path !== null) return [];
    const each = book.price({ provider: model.provider, model: model.model }, usage({ freshInput: tokens }), now)?.cost ?? null;
    const isPruned = model.prune !== null;
    const usd = each === null ? null : toUsd(each);
    return [{ model: name, usdPerRequest: usd, usdPerMonth: usd === null ? null : toUsd(nanoUsd(usd * requestsPerMonth)), isPruned }];
  });
  return { tokensPerRequest: tokens, requestsPerMonth, models };
}

type Shown = Savings & {
  readonly task: string;
  readonly prompts: number;
  readonly share: number;
  readonly parts: readonly (StaticPart & { readonly tokens: number })[];
};

function render({ task, prompts, parts, tokensPerRequest, requestsPerMonth, models }: Shown, isNothing: boolean): string {
  if (isNothing) return `Nothing is constant in ${counted(prompts, 'prompt')} of ${task}.\n`;
  const texts = renderTable(
    [{ head: 'prompt' }, { head: 'tokens', align: 'right' }, { head: 'text' }],
    parts.map(({ role, tokens, text }) => [role, count(tokens), shortened(text)]),
  );
  const saved = renderTable(
    [{ head: 'model' }, { head: '$ a request', align: 'right' }, { head: '$ a month', align: 'right' }, { head: '' }],
    models.map(({ model, usdPerRequest, usdPerMonth, isPruned }) => [
      model,
      usdPerRequest === null ? 'unpriced' : usdPerRequest.toPrecision(3),
      usdPerMonth === null ? 'unpriced' : usdPerMonth.toFixed(2),
      isPruned ? 'pruned already' : '',
    ]),
  );
  return `${texts}\n${count(tokensPerRequest)} tokens of each of ${count(requestsPerMonth)} requests a month, by ${count(prompts)} recorded prompts. Left out, they save at most:\n\n${saved}`;
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 80 ? `${line.slice(0, 60)} … ${line.slice(-18)}` : line;
}
