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
  // Kept apart from the name, so that neither the compiler nor a bundler takes it for a dependency.
  const name: string = PACKAGE;
  const own = await import(name).catch(absentOnly);
  if (own !== null) return own as LlamaModule;
  const beside = folder === null ? null : entryFrom(folder);
  if (beside !== null) return (await import(pathToFileURL(beside).href)) as LlamaModule;
  throw new SmallfirstError(
    'CONFIG_INVALID',
    `The provider llama-cpp runs models in this process with ${PACKAGE}, which is not installed: npm install ${PACKAGE}@3`,
  );
}

function entryFrom(folder: string): string | null {
  try {
    return createRequire(join(folder, 'package.json')).resolve(PACKAGE);
  } catch (error) {
    return absentOnly(error);
  }
}

/** Null where the package is not there; what is there and fails says so itself. */
function absentOnly(error: unknown): null {
  const { code } = error as { readonly code?: unknown };
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') return null;
  const why = error instanceof Error ? error.message : String(error);
  throw new SmallfirstError('CONFIG_INVALID', `${PACKAGE} is installed and does not load: ${why}`, { cause: error });
}
