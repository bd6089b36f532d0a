import { spawn } from 'node:child_process';
import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SmallfirstError } from '../../core/index.ts';
import { writeWhole } from '../atomic-file.ts';
import type { LocalTool } from '../local/trainer-configs.ts';
import { LOCAL_FILES } from '../local/trainer-configs.ts';
import { trainedTemplate } from '../template.ts';
import type { FineTuneAdapter, JobSpec, LogLine, RemoteJob, RowRules } from '../types.ts';
import { openAiRow } from './wire.ts';

const rules: RowRules = {
  minRows: 1,
  maxRows: null,
  maxFileBytes: null,
  maxRowTokens: null,
  roles: ['system', 'user', 'assistant', 'tool'],
  alternates: false,
  weights: false,
  tools: true,
  parallelToolCalls: true,
  source: 'huggingface.co/docs/trl/dataset_formats; docs.axolotl.ai/docs/dataset-formats/conversation',
  asOf: '2026-11-22',
};

/** What running on this machine needs. */
export interface LocalAccess {
  /** Folder of a job, where its configs and rows were written. */
  readonly folderOf: (id: string) => string;
  /** What runs it; null only writes the files, for the user to run. */
  readonly tool: LocalTool | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A trainer on this machine, or, without a tool, everything that a trainer elsewhere needs. A run outlives this process. */
export function localAdapter(access: LocalAccess): FineTuneAdapter {
  return {
    name: 'local',
    title: 'this machine',
    standing: { kind: 'open', note: 'weights stay yours', source: 'docs/guide/train.md', asOf: '2026-11-22' },
    rules: { sft: rules, dpo: { ...rules, tools: false, roles: ['system', 'user', 'assistant'] } },
    encode: openAiRow,
    validate: () => [],
    // The rows lie in the job's folder already.
    findFile: async (file) => file.name,
    upload: async (file) => file.name,
    estimate: async () => ({ state: 'unavailable', why: 'training on your own machine has no list price', tokens: null }),
    find: async (spec) => {
      const job = await look(access.folderOf(spec.id), spec);
      return job.state === 'exported' ? null : job;
    },
    launch: async (spec) => {
      const folder = access.folderOf(spec.id);
      if (access.tool === null) return look(folder, spec);
      await checkTool(folder, access.tool, access.environment);
      await start(folder, access.tool, access.environment);
      return look(folder, spec);
    },
    poll: async (spec) => look(access.folderOf(spec.id), spec),
    cancel: async (spec) => {
      const folder = access.folderOf(spec.id);
      const pid = await readPid(folder);
      if (pid !== null) signalGroup(pid, 'SIGTERM');
      return { ...(await look(folder, spec)), state: 'cancelled', status: 'stopped', error: null };
    },
    logs: (spec) => readLog(access.folderOf(spec.id)),
    template: (spec) => trainedTemplate(access.folderOf(spec.id)),
  };
}

/** Throws USAGE where the tool is not installed, with what run.sh says of it. */
async function checkTool(folder: string, tool: LocalTool, environment: LocalAccess['environment']): Promise<void> {
  const child = spawn('sh', ['run.sh', tool, '--check'], {
    cwd: folder,
    env: environment as NodeJS.ProcessEnv,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (piece: Buffer) => {
    said += piece.toString('utf8');
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new SmallfirstError('USAGE', said.trim() || `run.sh --check ended with ${String(code)}`);
}

/** Starts run.sh in a session of its own, so that it goes on when this process ends. */
async function start(folder: string, tool: LocalTool, environment: LocalAccess['environment']): Promise<void> {
  // How an earlier run ended must not be taken for the end of this one.
  await rm(join(folder, 'exit.json'), { force: true });
  const log = await open(join(folder, 'train.log'), 'a', 0o600);
  try {
    const child = spawn('sh', ['run.sh', tool], {
      cwd: folder,
      detached: true,
      env: environment as NodeJS.ProcessEnv,
      stdio: ['ignore', log.fd, log.fd],
    });
    await new Promise<void>((resolve, reject) => {
      child.on('error', reject);
      child.on('spawn', () => resolve());
    });
    await writeWhole(join(folder, 'pid'), `${child.pid ?? ''}\n`);
    child.unref();
  } finally {
    await log.close();
  }
}

async function look(folder: string, spec: JobSpec): Promise<RemoteJob> {
  const base = { id: spec.id, model: null, trainedTokens: null, cost: null, error: null, progress: null } as const;
  // In this order: run.sh says how it ended before it takes its id away.
  const pid = await readPid(folder);
  const ended = await readEnd(folder);
  if (ended !== null) {
    if (ended === 0) return { ...base, state: 'succeeded', status: 'exit 0', progress: 1, model: join(folder, LOCAL_FILES.model) };
    const last = (await readLog(folder)).at(-1)?.text ?? '';
    return { ...base, state: 'failed', status: `exit ${ended}`, error: `the trainer ended with ${ended}${last === '' ? '' : `: ${last}`}` };
  }
  if (pid === null) return { ...base, state: 'exported', status: 'not started' };
  if (isAlive(pid)) return { ...base, state: 'running', status: `process ${pid}`, progress: await progressOf(folder, spec) };
  return { ...base, state: 'failed', status: 'gone', error: 'the trainer is gone and did not say how it ended' };
}

async function readEnd(folder: string): Promise<number | null> {
  const text = await readFile(join(folder, 'exit.json'), 'utf8').catch(() => null);
  if (text === null) return null;
  const { code } = JSON.parse(text) as { readonly code?: unknown };
  return typeof code === 'number' ? code : 1;
}

async function readPid(folder: string): Promise<number | null> {
  const text = await readFile(join(folder, 'pid'), 'utf8').catch(() => '');
  const pid = Number(text.trim());
  return Number.isInteger(pid) && pid > 1 ? pid : null;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It is gone already.
  }
}

async function readLog(folder: string): Promise<readonly LogLine[]> {
  const text = await readFile(join(folder, 'train.log'), 'utf8').catch(() => '');
  // Progress bars write over their own line with carriage returns.
  return text
    .split(/[\r\n]+/)
    .filter((line) => line.trim() !== '')
    .map((line) => ({ at: null, text: line }));
}

/** Trainers tell `'epoch': 0.5` with each step. */
async function progressOf(folder: string, { hyperparameters }: JobSpec): Promise<number | null> {
  const lines = await readLog(folder);
  for (const { text } of [...lines].reverse()) {
    const [, epoch] = /['"]epoch['"]:\s*['"]?([\d.]+)/.exec(text) ?? [];
    if (epoch !== undefined) return Math.min(1, Number(epoch) / hyperparameters.epochs);
  }
  return null;
}
