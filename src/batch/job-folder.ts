import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newId, SmallfirstError } from '../core/index.ts';
import { type Checkpoint, removeJournal } from './journal.ts';

/** What a job is, so that another one is not taken for it. */
export interface JobCard {
  /** UUID version 7: everything that the job asks follows from it. */
  readonly id: string;
  readonly pipeline: string;
  /** Of the steps, and of what else decides over their answers. */
  readonly pipelineHash: string;
  /** Absolute path of the input, and what it looked like: another input is another job. */
  readonly input: { readonly path: string; readonly version: string };
  /** Absolute path of the side file. */
  readonly errors: string;
  readonly ordered: boolean;
  /** How far it was when it was finished; absent while it is not. */
  readonly finished?: Checkpoint;
}

const CARD = 'job.json';
const LOCK = 'lock';

/** The state of a job, beside its output. */
export interface JobFolder {
  readonly card: JobCard;
  readonly journal: string;
  /** An earlier run left it. */
  readonly isResumed: boolean;
  /** Lets go of it. A job that is finished keeps its card alone, so that going on with it finds nothing to do. */
  release(finished: Checkpoint | null): void;
}

/**
 * Takes the state of a job into possession: the one that an earlier run left, where `resume` asks for it, else a new one. A lock whose
 * process is gone is taken over. Throws DATA_DIR_LOCKED where another process is at it, and USAGE where an earlier run was of another
 * pipeline or input, or was not finished and nobody asked to go on with it.
 */
export function openJobFolder(folder: string, wanted: Omit<JobCard, 'id'>, resume: boolean): JobFolder {
  mkdirSync(folder, { recursive: true });
  lock(folder);
  try {
    const before = readCard(join(folder, CARD));
    if (before !== null && before.finished === undefined && !resume) {
      throw new SmallfirstError('USAGE', `An earlier run of this job is not finished: go on with it by --resume, or remove ${folder}.`);
    }
    const goesOn = before !== null && resume;
    if (goesOn) refuseOther(before, wanted, folder);
    const card: JobCard = goesOn ? before : { id: newId(), ...wanted };
    const journal = join(folder, 'journal.jsonl');
    if (!goesOn) {
      removeJournal(journal);
      writeCard(join(folder, CARD), card);
    }
    let isReleased = false;
    return {
      card,
      journal,
      isResumed: goesOn,
      release: (finished) => {
        if (isReleased) return;
        isReleased = true;
        if (finished !== null) {
          writeCard(join(folder, CARD), { ...card, finished });
          removeJournal(journal);
        }
        rmSync(join(folder, LOCK), { force: true });
      },
    };
  } catch (error) {
    rmSync(join(folder, LOCK), { force: true });
    throw error;
  }
}

function refuseOther(before: JobCard, wanted: Omit<JobCard, 'id'>, folder: string): void {
  const differs = whatDiffers(before, wanted);
  if (differs === null) return;
  const anew = before.finished === undefined ? `Remove ${folder} to begin anew` : 'Without --resume it begins anew';
  throw new SmallfirstError('USAGE', `The earlier run was about ${differs}: it cannot be gone on with. ${anew}.`);
}

function whatDiffers(before: JobCard, wanted: Omit<JobCard, 'id'>): string | null {
  if (before.pipeline !== wanted.pipeline) return `the pipeline "${before.pipeline}"`;
  if (before.pipelineHash !== wanted.pipelineHash)
    return 'another version of the pipeline, of its students or of what is said about requests';
  const [input, now] = [before.input, wanted.input];
  if (input.path !== now.path || input.version !== now.version) return 'another input, or this one before it was changed';
  if (before.errors !== wanted.errors) return `another file for rows that fail, ${before.errors}`;
  if (before.ordered !== wanted.ordered) return `${before.ordered ? 'ordered' : 'unordered'} output`;
  return null;
}

/** Only the process that is named in it may work on the job. */
function lock(folder: string): void {
  const file = join(folder, LOCK);
  const own = `${file}.${process.pid}`;
  // Linked into place, so that nobody ever sees a lock without its owner.
  writeFileSync(own, `${process.pid} ${startOf(process.pid) ?? ''}\n`, { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      if (isLinked(own, file)) return;
      const owner = ownerIn(file);
      if (isAlive(owner)) {
        throw new SmallfirstError('DATA_DIR_LOCKED', `The process ${owner.pid} is at work on this job; ${file} is its lock.`);
      }
      putAside(file, owner, `${own}.dead`);
    }
    throw new SmallfirstError('DATA_DIR_LOCKED', `Another process took over ${file}.`);
  } finally {
    rmSync(own, { force: true });
  }
}

interface Owner {
  readonly pid: number;
  /** In ticks of the system; '' where it does not say. */
  readonly start: string;
}

function isLinked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function ownerIn(file: string): Owner {
  const [pid = '', start = ''] = (existsSync(file) ? readFileSync(file, 'utf8') : '').trim().split(' ');
  return { pid: Number(pid), start };
}

/** Removes a dead process's lock; one that somebody else has put there since is put back. */
function putAside(file: string, owner: Owner, aside: string): void {
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const found = ownerIn(aside);
  if (found.pid !== owner.pid || found.start !== owner.start) isLinked(aside, file);
  rmSync(aside, { force: true });
}

/** A number that the system has given to another process since is not the one that was meant. */
function isAlive({ pid, start }: Owner): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return pid === process.pid && start === (startOf(pid) ?? '');
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const now = startOf(pid);
  return start === '' || now === null || now === start;
}

/** When a process began, in the system's own ticks; null where the system does not say (only Linux does, in /proc). */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

function readCard(file: string): JobCard | null {
  if (!existsSync(file)) return null;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as JobCard;
  } catch (cause) {
    throw new SmallfirstError('INPUT_INVALID', 'the card of the earlier run cannot be read; remove its folder to begin anew', {
      position: { file },
      cause,
    });
  }
}

function writeCard(file: string, card: JobCard): void {
  writeFileSync(`${file}.next`, `${JSON.stringify(card, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.next`, file);
}
