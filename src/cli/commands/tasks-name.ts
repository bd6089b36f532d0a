import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { SmallfirstError } from '../../core/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { readTaskNames, writeTaskNames } from './task-names.ts';

const HASH = /^[0-9a-f]{8,64}$/;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$/;

/** `smallfirst tasks name`: keeps a name for a template in the data directory. Throws USAGE for what is no hash or no name, and for a name that is taken. */
export async function runTasksName(
  options: { readonly hash: string; readonly name: string; readonly data: string },
  io: CommandIo,
): Promise<ExitCode> {
  const { name } = options;
  const hash = options.hash.toLowerCase();
  if (!HASH.test(hash)) throw new SmallfirstError('USAGE', `"${options.hash}" is no fingerprint: it takes 8 to 64 hexadecimal digits.`);
  if (!NAME.test(name)) throw new SmallfirstError('USAGE', `"${name}" is no name: letters, digits and . _ : / -, at most 100.`);
  const folder = resolve(io.cwd, options.data);
  const names = await readTaskNames(folder);
  const before = names[hash];
  // An older entry for a longer or shorter beginning of the same hash would decide against this one.
  const others = Object.entries(names).filter(([key]) => !key.startsWith(hash) && !hash.startsWith(key));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeTaskNames(folder, { ...Object.fromEntries(others), [hash]: name });
  io.out(
    `${hash} is now ${name}${before === undefined || before === name ? '' : `, no longer ${before}`}; kept in ${dirname(`${options.data}/x`)}.\n`,
  );
  return 0;
}
