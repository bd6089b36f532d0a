import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Json } from '../../core/index.ts';
import { writeWhole } from '../atomic-file.ts';
import type { JobSpec } from '../types.ts';
import { ROWS_PY, RUN_SH, TRL_PY, UNSLOTH_PY } from './scripts.ts';
import { axolotlYaml, LOCAL_FILES, trlConfig, unslothConfig } from './trainer-configs.ts';

/**
 * Writes everything that a trainer on a machine of one's own needs into a folder, and returns the names: configs for axolotl, TRL and
 * unsloth, the scripts that read them, and run.sh. The rows are there already. The folder holds no path of this machine.
 */
export async function emitTrainers(spec: JobSpec, folder: string, chatTemplate: string | null): Promise<readonly string[]> {
  const files: Record<string, string> = {
    [LOCAL_FILES.axolotl]: axolotlYaml(spec, chatTemplate),
    [LOCAL_FILES.trl]: `${JSON.stringify(trlConfig(spec, chatTemplate), null, 2)}\n`,
    [LOCAL_FILES.unsloth]: `${JSON.stringify(unslothConfig(spec, chatTemplate), null, 2)}\n`,
    'smallfirst_rows.py': ROWS_PY,
    'train_trl.py': TRL_PY,
    'train_unsloth.py': UNSLOTH_PY,
    'run.sh': RUN_SH,
  };
  if (spec.method === 'dpo') files[LOCAL_FILES.preferences] = axolotlPairs(await readFile(spec.training.path, 'utf8'));
  for (const [name, content] of Object.entries(files)) await writeWhole(join(folder, name), content);
  return Object.keys(files);
}

/** Pairs as axolotl reads them: `{messages, chosen, rejected}`. */
function axolotlPairs(lines: string): string {
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { input, preferred_output, non_preferred_output } = JSON.parse(line) as {
        readonly input: { readonly messages: Json };
        readonly preferred_output: readonly Json[];
        readonly non_preferred_output: readonly Json[];
      };
      return `${JSON.stringify({ messages: input.messages, chosen: preferred_output[0], rejected: non_preferred_output[0] })}\n`;
    })
    .join('');
}
