import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SmallfirstError } from '../../core/index.ts';
import type { LlamaModule } from './engine-types.ts';

const PACKAGE = 'node-llama-cpp';

/**
 * The engine's package: an optional peer, loaded when the first local model is. It is looked for beside smallfirst, then from the folder
 * of the config. Throws CONFIG_INVALID with the line that installs it.
 */
export async function importLlama(folder: string | null): Promise<LlamaModule> {
  const entry = entryFrom(import.meta.url) ?? (folder === null ? null : entryFrom(join(folder, 'package.json')));
  if (entry === null) {
    throw new SmallfirstError(
      'CONFIG_INVALID',
      `The provider llama-cpp runs models in this process with ${PACKAGE}, which is not installed: npm install ${PACKAGE}@3`,
    );
  }
  try {
    return (await import(pathToFileURL(entry).href)) as LlamaModule;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SmallfirstError('CONFIG_INVALID', `${PACKAGE} is installed and does not load: ${why}`, { cause: error });
  }
}

/** Where the package begins, seen from a file; null where it is not there. */
function entryFrom(file: string): string | null {
  try {
    return createRequire(file).resolve(PACKAGE);
  } catch {
    return null;
  }
}
