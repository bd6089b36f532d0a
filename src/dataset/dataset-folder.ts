import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SmallfirstError } from '../core/index.ts';
import { readLines, writeLines } from './row-lines.ts';
import { type DatasetFile, type DatasetManifest, type DatasetRow, SPLITS, type Split } from './types.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const MANIFEST = 'dataset.json';

/** A stored version of a data set. */
export interface StoredDataset {
  readonly folder: string;
  readonly manifest: DatasetManifest;
}

/** Data sets as files: `<root>/NAME/versions/HASH/{dataset.json, train.jsonl, validation.jsonl, golden.jsonl}`, `current`, and the frozen `golden.jsonl`. */
export class DatasetFolder {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** Where nodes keep what they have computed. */
  get cache(): string {
    return join(this.root, '.cache');
  }

  /** Stores a version whole or not at all and makes it the current one. A version whose rows are there already is only made current. */
  async save(manifest: Omit<DatasetManifest, 'files'>, rows: readonly DatasetRow[]): Promise<StoredDataset> {
    checkName(manifest.name);
    const home = join(this.root, manifest.name);
    const folder = join(home, 'versions', manifest.hash.slice(0, 16));
    if ((await stat(join(folder, MANIFEST)).catch(() => null)) === null) await this.#write(folder, manifest, rows);
    await writeWhole(join(home, 'current'), `${manifest.hash.slice(0, 16)}\n`);
    return this.load(manifest.name);
  }

  /**
   * A version: `NAME` is the current one, `NAME@HASH` (or the first characters of it) another. Throws INPUT_NOT_FOUND, or INPUT_INVALID
   * where a file was changed since it was written.
   */
  async load(reference: string): Promise<StoredDataset> {
    const [name = '', version = null] = reference.split('@');
    checkName(name);
    const hash = version ?? (await readFile(join(this.root, name, 'current'), 'utf8').catch(() => '')).trim();
    const known = await this.versions(name);
    const found = known.filter((one) => hash !== '' && one.startsWith(hash.slice(0, 16)));
    const [only] = found;
    if (only === undefined || found.length > 1) {
      const others = known.length === 0 ? '' : ` Versions: ${known.join(', ')}.`;
      throw new SmallfirstError('INPUT_NOT_FOUND', `There is no data set ${reference} in ${this.root}.${others}`);
    }
    const folder = join(this.root, name, 'versions', only);
    const manifest = JSON.parse(await readFile(join(folder, MANIFEST), 'utf8')) as DatasetManifest;
    if (manifest.format !== 'smallfirst-dataset' || manifest.version !== 1) {
      throw new SmallfirstError('INPUT_INVALID', `${folder} holds no data set that this smallfirst reads.`);
    }
    return { folder, manifest };
  }

  /** Versions of a name, as the beginnings of their hashes. */
  async versions(name: string): Promise<readonly string[]> {
    return (await readdir(join(this.root, name, 'versions')).catch(() => [])).filter((one) => /^[0-9a-f]{16}$/.test(one)).sort();
  }

  /** Names of data sets, sorted. */
  async names(): Promise<readonly string[]> {
    return (await readdir(this.root).catch(() => [])).filter((name) => NAME.test(name)).sort();
  }

  /** The rows of a split. Throws INPUT_INVALID where the file is not the one that was written. */
  async rows({ folder, manifest }: StoredDataset, split: Split): Promise<readonly DatasetRow[]> {
    const { file, sha256 } = manifest.files[split];
    const read = await readLines<DatasetRow>(join(folder, file)).catch(() => null);
    if (read?.sha256 !== sha256)
      throw new SmallfirstError('INPUT_INVALID', `${join(folder, file)} is missing or was changed; build the data set again.`);
    return read.values;
  }

  /** The golden rows that the first build froze; null before that. */
  async frozenGolden(name: string): Promise<readonly DatasetRow[] | null> {
    checkName(name);
    const path = join(this.root, name, 'golden.jsonl');
    return (await stat(path).catch(() => null)) === null ? null : (await readLines<DatasetRow>(path)).values;
  }

  /** Freezes golden rows; what is frozen already stays. */
  async freezeGolden(name: string, rows: readonly DatasetRow[]): Promise<void> {
    if ((await this.frozenGolden(name)) === null) await writeLines(join(this.root, name, 'golden.jsonl'), rows);
  }

  async #write(folder: string, manifest: Omit<DatasetManifest, 'files'>, rows: readonly DatasetRow[]): Promise<void> {
    const fresh = `${folder}.${randomUUID()}`;
    await mkdir(fresh, { recursive: true, mode: 0o700 });
    const files: Partial<Record<Split, DatasetFile>> = {};
    for (const split of SPLITS) {
      const file = `${split}.jsonl`;
      const own = rows.filter((row) => row.split === split);
      files[split] = { file, ...(await writeLines(join(fresh, file), own)) };
    }
    await writeFile(join(fresh, MANIFEST), `${JSON.stringify({ ...manifest, files }, null, 2)}\n`, { mode: 0o600 });
    await rename(fresh, folder).catch(async (error: unknown) => {
      await rm(fresh, { recursive: true, force: true });
      // Another process may have finished the same version meanwhile: equal hashes are equal rows.
      if ((await stat(join(folder, MANIFEST)).catch(() => null)) === null) throw error;
    });
  }
}

/** Throws USAGE for a name that is no file name. */
function checkName(name: string): void {
  if (!NAME.test(name)) throw new SmallfirstError('USAGE', `"${name}" is no name for a data set: letters, digits and . _ - are.`);
}

/** Writes a file whole or not at all. */
async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true, mode: 0o700 });
  const fresh = `${path}.${randomUUID()}`;
  await writeFile(fresh, text, { mode: 0o600 });
  await rename(fresh, path);
}
