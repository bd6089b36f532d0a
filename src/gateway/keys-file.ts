import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { BudgetConfig, CapsConfig } from '../config/index.ts';
import { type EpochMs, type NanoUsd, SmallfirstError } from '../core/index.ts';

/** A client key as it is kept: its hash, never itself. */
export interface KeyRecord {
  readonly name: string;
  /** SHA-256 of the key, in lower-case hex. */
  readonly hash: string;
  readonly team: string | null;
  /** Null allows all. */
  readonly tasks: readonly string[] | null;
  readonly models: readonly string[] | null;
  readonly budget: BudgetConfig | null;
  readonly caps: CapsConfig;
  readonly passthrough: boolean;
  readonly expiresAt: EpochMs | null;
  /** Null for keys of the config. */
  readonly createdAt: EpochMs | null;
  readonly revokedAt: EpochMs | null;
}

const money = z
  .int()
  .min(0)
  .transform((amount) => amount as NanoUsd);
const names = z.array(z.string()).nullable();
const count = z.int().min(1).nullable();
const time = z.int().min(0).nullable();

const fileSchema = z.strictObject({
  version: z.literal(1),
  keys: z.array(
    z.strictObject({
      name: z.string().min(1),
      hash: z.string().regex(/^[0-9a-f]{64}$/),
      team: z.string().nullable(),
      tasks: names,
      models: names,
      budget: z.strictObject({ day: money.nullable(), month: money.nullable() }).nullable(),
      caps: z.strictObject({ inputTokens: count, outputTokens: count, cost: money.nullable() }),
      passthrough: z.boolean(),
      expiresAt: time,
      createdAt: time,
      revokedAt: time,
    }),
  ),
});

/** Reads the keys that were created at run time; none where there is no file. Throws CONFIG_INVALID for a file that is not ours. */
export async function readKeysFile(file: string): Promise<readonly KeyRecord[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new SmallfirstError('CONFIG_INVALID', 'The file of client keys cannot be read.', { position: { file }, cause: error });
  }
  const parsed = fileSchema.safeParse(parseJson(text));
  // A damaged file must not open the gateway: without its keys, whoever was let in by none of them would be.
  if (!parsed.success) throw new SmallfirstError('CONFIG_INVALID', 'The file of client keys is damaged.', { position: { file } });
  return parsed.data.keys;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Writes all of them, readable by its owner only: after a crash the file holds either what it held before or all of this. */
export async function writeKeysFile(file: string, keys: readonly KeyRecord[]): Promise<void> {
  const fresh = `${file}.new`;
  try {
    const handle = await open(fresh, 'w', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify({ version: 1, keys }, null, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(fresh, file);
    const folder = await open(dirname(file));
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (cause) {
    await rm(fresh, { force: true });
    throw new SmallfirstError('STORE_UNAVAILABLE', 'The file of client keys cannot be written.', { cause });
  }
}
