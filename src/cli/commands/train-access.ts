import { SmallfirstError } from '../../core/index.ts';
import { type FineTuneAdapter, hostedTrainers, type JobAccess, type JobStore, LOCAL, localAdapter } from '../../finetune/index.ts';
import type { CommandIo } from '../io.ts';

/** How a command line names a provider. */
export interface AccessOptions {
  readonly provider: string;
  readonly url?: string;
  readonly keyEnv?: string;
  readonly account?: string;
  readonly tool?: JobAccess['tool'];
}

/** How a provider is reached, by the options and its own row. Throws USAGE for one that is not known, or a URL without the key's variable. */
export function accessOf(options: AccessOptions, io: CommandIo): JobAccess {
  if (options.provider === LOCAL) return { baseUrl: '', keyEnv: null, account: null, tool: options.tool ?? null };
  const row = Object.hasOwn(hostedTrainers, options.provider) ? hostedTrainers[options.provider] : undefined;
  if (row === undefined) {
    throw new SmallfirstError(
      'USAGE',
      `Nobody called "${options.provider}" trains here: take ${[...Object.keys(hostedTrainers), LOCAL].join(', ')}.`,
    );
  }
  // A key of one place is never sent to another.
  if (options.url !== undefined && options.keyEnv === undefined)
    throw new SmallfirstError('USAGE', '--url needs --key-env: the key of another place is not sent there.');
  return {
    baseUrl: (options.url ?? row.baseUrl).replace(/\/+$/, ''),
    keyEnv: options.keyEnv ?? row.keyEnv,
    account: options.account ?? (row.accountEnv === null ? null : (io.env[row.accountEnv] ?? null)),
    tool: null,
  };
}

/** What a trainer on this machine is started with: keys of other trainers are none of its business. */
function withoutKeys(environment: CommandIo['env']): CommandIo['env'] {
  const keys = new Set(Object.values(hostedTrainers).map(({ keyEnv }) => keyEnv));
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !keys.has(name)));
}

/** How strictly a key is asked for: planning sends nothing, so it needs none. */
export type KeyNeed = 'needed' | 'not yet';

/** Opens the adapter of a provider. Throws USAGE where the key's variable is not set. */
export function openAdapter(
  provider: string,
  access: JobAccess,
  world: { readonly store: JobStore; readonly io: CommandIo; readonly key: KeyNeed },
): FineTuneAdapter {
  const { store, io } = world;
  if (provider === LOCAL) {
    return localAdapter({ folderOf: (id) => store.folderOf(id), tool: access.tool, environment: withoutKeys(io.env) });
  }
  const row = Object.hasOwn(hostedTrainers, provider) ? hostedTrainers[provider] : undefined;
  if (row === undefined) throw new SmallfirstError('USAGE', `this smallfirst knows no trainer called ${provider}`);
  const key = (access.keyEnv === null ? undefined : io.env[access.keyEnv])?.trim() ?? '';
  if (key === '' && world.key === 'needed') throw new SmallfirstError('USAGE', `Set ${String(access.keyEnv)} to the key of your account.`);
  return row.open({ baseUrl: access.baseUrl, key, account: access.account });
}
