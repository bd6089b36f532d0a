import { open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SmallfirstError } from '../core/index.ts';
import { writeWhole } from './atomic-file.ts';
import type { JobRecord } from './job-record.ts';

const LOCK_SUFFIX = '.lock';

/** Jobs as files: `<data>/finetune/<id>.json`, and a folder beside each with its rows. Written whole or not at all. */
export class JobStore {
  readonly #folder: string;

  /** `dataDir` is the directory that keeps state. */
  constructor(dataDir: string) {
    this.#folder = join(dataDir, 'finetune');
  }

  /** Folder with the rows of a job and, for a local one, its configs. */
  folderOf(id: string): string {
    return join(this.#folder, id);
  }

  /** Every job, newest first. A file that is no job is left out. */
  async list(): Promise<readonly JobRecord[]> {
    const names = await readdir(this.#folder).catch(() => [] as string[]);
    const jobs: JobRecord[] = [];
    for (const name of names) {
      if (!name.endsWith('.json') || name.startsWith('.')) continue;
      const job = await this.#read(name).catch(() => null);
      if (job !== null) jobs.push(job);
    }
    return jobs.sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
  }

  /** The job of this id, or of the one that begins or ends with it. Throws INPUT_NOT_FOUND for none or several. */
  async get(id: string): Promise<JobRecord> {
    const jobs = await this.list();
    const found = jobs.filter((job) => job.id === id || (id.length >= 4 && (job.id.startsWith(id) || job.id.endsWith(id))));
    const exact = found.find((job) => job.id === id);
    if (exact) return exact;
    if (found.length === 1) return found[0]!;
    const why = found.length === 0 ? `there is no job ${id}` : `${found.length} jobs begin or end with ${id}`;
    throw new SmallfirstError('INPUT_NOT_FOUND', `${why}; \`smallfirst train list\` names them`);
  }

  async save(job: JobRecord): Promise<void> {
    await writeWhole(join(this.#folder, `${job.id}.json`), `${JSON.stringify(job, null, 2)}\n`);
  }

  /**
   * Works on a job alone: two processes that resume the same job would each start it. The lock of a process that is gone is taken over.
   * Throws DATA_DIR_LOCKED where another one works on it.
   */
  async alone<T>(id: string, work: () => Promise<T>): Promise<T> {
    const path = join(this.#folder, `${id}${LOCK_SUFFIX}`);
    await takeLock(path, id);
    try {
      return await work();
    } finally {
      await rm(path, { force: true });
    }
  }

  async #read(name: string): Promise<JobRecord | null> {
    const job = JSON.parse(await readFile(join(this.#folder, name), 'utf8')) as Partial<JobRecord> | null;
    return job?.format === 'smallfirst-finetune' && job.version === 1 ? (job as JobRecord) : null;
  }
}

async function takeLock(path: string, id: string): Promise<void> {
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(`${process.pid}\n`);
      await file.close();
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const pid = Number((await readFile(path, 'utf8').catch(() => '')).trim());
    if (Number.isInteger(pid) && pid > 0 && isAlive(pid)) throw new SmallfirstError('DATA_DIR_LOCKED', `process ${pid} works on job ${id}`);
    await rm(path, { force: true });
  }
  throw new SmallfirstError('DATA_DIR_LOCKED', `another process works on job ${id}`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
