import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { loadConfig, type PipelineConfig, suggestion } from '../../config/index.ts';
import { formatUsd, type Json, type ModelEvent, newId, SmallfirstError } from '../../core/index.ts';
import { type PipelineListener, type PipelineResult, rowOf, runPipeline, type StepRecord } from '../../pipeline/index.ts';
import { openPipelineApp } from '../../pipeline-app.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { knownUpstreams } from '../known-providers.ts';
import { counted, renderTable } from '../table.ts';

export interface RunOptions {
  readonly input?: string;
  readonly inputFile?: string;
  readonly request: Readonly<Record<string, Json>>;
  readonly stream: boolean;
  readonly config: string;
  readonly data: string;
  readonly json: boolean;
}

/** `smallfirst run NAME`: one run of a pipeline, recorded like any other request. */
export async function runRun(name: string, options: RunOptions, io: CommandIo): Promise<ExitCode> {
  const config = await loadConfig(resolve(io.cwd, options.config), io.env, knownUpstreams());
  const pipeline = pipelineNamed(config.pipelines, name);
  const input = await inputOf(options, io);
  const app = await openPipelineApp(config, {
    dataDir: resolve(io.cwd, options.data),
    environment: io.env,
    warn: (message) => io.note(`WARNING: ${message}`),
  });
  try {
    const { id } = input;
    const run = {
      id: newId(),
      itemId: typeof id === 'string' || typeof id === 'number' ? String(id) : null,
      input,
      request: options.request,
      budget: null,
      deadlineAt: null,
      signal: io.signal,
      origin: { key: null, team: null, fingerprint: null, bodyHash: null, tags: {} },
    };
    const printer = options.stream ? new Printer(io, !options.json) : null;
    const result = await runPipeline(pipeline, run, app.world, printer);
    if (options.json) io.json(rowOf(result));
    else io.out(printer === null ? `${describe(result)}\n` : `${printer.hasPrinted ? '' : answerText(result)}${finish(result)}\n`);
    return 0;
  } finally {
    await app.close();
  }
}

/** A pipeline of a config. Throws USAGE with what there is. */
export function pipelineNamed(pipelines: ReadonlyMap<string, PipelineConfig>, name: string): PipelineConfig {
  const found = pipelines.get(name);
  if (found !== undefined) return found;
  const known = [...pipelines.keys()];
  const what = known.length === 0 ? ' Declare one under `pipelines:` in the config.' : suggestion(name, known);
  throw new SmallfirstError('USAGE', `There is no pipeline "${name}".${what}`);
}

async function inputOf({ input, inputFile }: RunOptions, io: CommandIo): Promise<Readonly<Record<string, Json>>> {
  if ((input === undefined) === (inputFile === undefined)) throw new SmallfirstError('USAGE', 'Give either --input or --input-file.');
  if (inputFile === undefined) return { text: input === '-' ? await readAll(io) : (input as string) };
  const path = resolve(io.cwd, inputFile);
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new SmallfirstError('INPUT_NOT_FOUND', `there is no file ${inputFile}`, { cause });
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SmallfirstError('INPUT_INVALID', `the file is not JSON: ${(cause as Error).message}`, { position: { file: path }, cause });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, Json>;
  throw new SmallfirstError('INPUT_INVALID', 'the file must hold a JSON object: {"text", …}', { position: { file: path } });
}

async function readAll({ stdin }: CommandIo): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin ?? []) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString('utf8').replace(/\n$/, '');
}

/** Prints words as they come, and tells steps beside them. */
class Printer implements PipelineListener {
  readonly #io: CommandIo;
  readonly #prints: boolean;
  #hasPrinted = false;

  constructor(io: CommandIo, prints: boolean) {
    this.#io = io;
    this.#prints = prints;
  }

  /** Words went out as they were written: the answer is said. */
  get hasPrinted(): boolean {
    return this.#hasPrinted;
  }

  stepStarted(name: string): void {
    this.#io.note(`${name} …`);
  }

  stepSkipped(name: string): void {
    this.#io.note(`${name} skipped`);
  }

  stepEnded(name: string, record: StepRecord): void {
    this.#io.note(`${name}: ${record.model ?? 'no model'} (${record.decision}), ${formatUsd(record.cost)}`);
  }

  words() {
    if (!this.#prints) return null;
    return {
      live: true,
      chosen: () => {},
      event: (event: ModelEvent) => {
        if (event.type !== 'text') return;
        this.#hasPrinted = true;
        this.#io.out(event.text);
      },
    };
  }
}

function answerText({ output }: PipelineResult): string {
  return typeof output === 'string' ? output : JSON.stringify(output, null, 2);
}

function finish(result: PipelineResult): string {
  return `\n${formatUsd(result.cost)} for ${counted(result.calls, 'call')}.`;
}

function describe(result: PipelineResult): string {
  const rows = [...result.steps].map(([name, step]) => [
    name,
    step.model ?? '–',
    step.tier ?? '–',
    step.error?.code ?? step.decision,
    step.confidence === null ? '–' : step.confidence.toFixed(3),
    formatUsd(step.cost),
    step.label ?? excerpt(step.output),
  ]);
  const heads = ['step', 'model', 'tier', 'decision', 'confidence', 'cost', 'output'].map((head) => ({ head }));
  const notes = [...result.steps].flatMap(([name, { conditionError }]) =>
    conditionError === undefined ? [] : [`The condition of ${name} could not be evaluated, so it ran: ${conditionError}`],
  );
  return [
    renderTable(heads, rows),
    ...(result.skipped.length === 0 ? [] : [`Skipped: ${result.skipped.join(', ')}.`]),
    ...notes,
    `${formatUsd(result.cost)} for ${counted(result.calls, 'call')}.\n`,
    answerText(result),
  ].join('\n');
}

function excerpt(value: Json): string {
  const text = (typeof value === 'string' ? value : JSON.stringify(value)).replace(/\s+/g, ' ');
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
