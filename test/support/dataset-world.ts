import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandIo } from '../../src/cli/io.ts';
import { buildProgram } from '../../src/cli/program.ts';
import { contentHash, type SmallfirstError } from '../../src/core/index.ts';
import type { DatasetManifest, DatasetRow } from '../../src/dataset/index.ts';
import { openDataDir, openSqliteStore, type Store } from '../../src/store/index.ts';
import { type ScriptedUpstream, startScriptedUpstream } from './scripted-upstream.ts';

/** What a command printed, and its exit code or the error that it threw. */
export interface Said {
  out: string;
  readonly notes: string[];
  readonly documents: unknown[];
  code: number;
  error: SmallfirstError | null;
}

/** A built data set, as `--json` prints it. */
export type Built = DatasetManifest & { readonly folder: string };

/** Sentences that no two numbers share a word of: none is a near-duplicate of another. */
export function sentence(i: number): string {
  return (contentHash(i).match(/.{8}/g) ?? []).slice(0, 6).join(' ');
}

/** A folder with a config, a record, and models on loopback. */
export class DatasetWorld {
  readonly folder: string;
  readonly upstream: ScriptedUpstream;

  private constructor(folder: string, upstream: ScriptedUpstream) {
    this.folder = folder;
    this.upstream = upstream;
  }

  static async open(): Promise<DatasetWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'smallfirst-dataset-'));
    const upstream = await startScriptedUpstream();
    await writeFile(
      join(folder, 'smallfirst.yaml'),
      `models:
  small: { provider: vllm, model: small-1, url: "${upstream.origin}/v1", price: { input: 1, output: 2 } }
  big: { provider: vllm, model: big-1, url: "${upstream.origin}/v1", price: { input: 10, output: 20 } }
  free: { provider: vllm, model: free-1, url: "${upstream.origin}/v1" }
tasks:
  sort: { output: { kind: label, labels: [card, loan, other] }, ladder: [small, big], prompt: { system: Sort it., user: "Q: {{input}}" }, parameters: { maxTokens: 5 } }
  reply: { output: { kind: text }, ladder: [small, big] }
`,
    );
    return new DatasetWorld(folder, upstream);
  }

  async close(): Promise<void> {
    await this.upstream.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Uses the record as its owner, as a gateway does. */
  async owned<T>(use: (store: Store) => Promise<T>): Promise<T> {
    const directory = await openDataDir(join(this.folder, '.smallfirst'));
    const store = await openSqliteStore(directory.database);
    try {
      return await use(store);
    } finally {
      await store.close();
      await directory.release();
    }
  }

  /** Runs the command line. */
  async run(...args: readonly string[]): Promise<Said> {
    const said: Said = { out: '', notes: [], documents: [], code: -1, error: null };
    const io: CommandIo = {
      out: (text) => {
        said.out += text;
      },
      json: (document) => said.documents.push(document),
      note: (text) => said.notes.push(text),
      progress: () => ({ advance: () => undefined, end: () => undefined }),
      env: {},
      cwd: this.folder,
      signal: new AbortController().signal,
      width: 100,
    };
    const program = buildProgram(io, (code) => {
      said.code = code;
    });
    await program.parseAsync(['node', 'smallfirst', ...args]).catch((error: unknown) => {
      said.error = error as SmallfirstError;
    });
    return said;
  }

  /** Builds the data set `sorted`. Throws what the command throws. */
  async build(...args: readonly string[]): Promise<Built> {
    const said = await this.run('dataset', 'build', 'sorted', '--json', ...args);
    if (said.error !== null) throw said.error;
    return said.documents[0] as Built;
  }

  upload(name: string, rows: readonly object[]): Promise<void> {
    return writeFile(join(this.folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  }
}

/** The rows of a split, as they are on disk. */
export async function rowsOf(manifest: { readonly folder: string }, split: string): Promise<readonly DatasetRow[]> {
  const text = await readFile(join(manifest.folder, `${split}.jsonl`), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as DatasetRow);
}

/** The rows of every split. */
export async function allRows(manifest: { readonly folder: string }): Promise<readonly DatasetRow[]> {
  return (await Promise.all(['train', 'validation', 'golden'].map((split) => rowsOf(manifest, split)))).flat();
}
