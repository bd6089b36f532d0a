import { hash, randomBytes } from 'node:crypto';
import type { KeyConfig } from '../config/index.ts';
import { type Clock, type EpochMs, SmallfirstError } from '../core/index.ts';
import type { ClientHead } from './client.ts';
import { type KeyRecord, readKeysFile, writeKeysFile } from './keys-file.ts';
import type { Access, Caller } from './parties.ts';

/** What a key is created with. */
export type NewKey = Pick<KeyRecord, 'name' | 'team' | 'tasks' | 'models' | 'budget' | 'caps' | 'passthrough' | 'expiresAt'>;

/** How a ring of keys is opened. */
export interface KeyRingOptions {
  /** The keys of the config. */
  readonly declared: readonly KeyConfig[];
  /** Where the keys are kept that are created at run time. */
  readonly file: string;
  readonly clock: Clock;
  /** Who guards the gateway as long as there has never been a key. */
  readonly withoutKeys: Access;
}

interface Entry {
  readonly caller: Caller;
  readonly record: KeyRecord;
}

/** Opens the keys of a config together with those that were created at run time. Throws CONFIG_INVALID for a damaged file. */
export async function openKeyRing(options: KeyRingOptions): Promise<KeyRing> {
  return new KeyRing(options, await readKeysFile(options.file));
}

/**
 * The client keys of a gateway. Keys are known by their SHA-256 alone, so a lookup compares digests, which tell nothing by the time
 * they take. Once there has been a key, every request needs one that holds, even if all have been revoked since.
 */
export class KeyRing implements Access {
  readonly #options: KeyRingOptions;
  readonly #declared: readonly KeyRecord[];
  #created: readonly KeyRecord[];
  #entries = new Map<string, Entry>();
  #writing: Promise<unknown> = Promise.resolve();

  constructor(options: KeyRingOptions, created: readonly KeyRecord[]) {
    this.#options = options;
    this.#declared = options.declared.map(declaredRecord);
    this.#created = created;
    this.#index();
  }

  /** Whether requests need a key. */
  get guards(): boolean {
    return this.#entries.size > 0;
  }

  check(request: ClientHead): Caller {
    if (!this.guards) return this.#options.withoutKeys.check(request);
    const tokens = tokensOf(request);
    if (tokens.length === 0) throw new SmallfirstError('UNAUTHENTICATED', 'This gateway needs a key, and the request carries none.');
    const entry = tokens
      .map((token) => this.#entries.get(hashOfKey(token)))
      .find((one) => one !== undefined && one.record.revokedAt === null);
    if (entry === undefined) {
      throw new SmallfirstError('UNAUTHENTICATED', 'The key of this request is not one of this gateway, or it was revoked.');
    }
    const { expiresAt, name } = entry.record;
    if (expiresAt !== null && this.#options.clock.now() >= expiresAt) {
      throw new SmallfirstError('UNAUTHENTICATED', `The key "${name}" has expired.`);
    }
    return entry.caller;
  }

  /** Every key there is or was, those of the config first. */
  list(): readonly KeyRecord[] {
    return [...this.#declared, ...this.#created];
  }

  /**
   * Creates a key; from the moment that this resolves it is durable and holds. The key itself is returned once and kept nowhere.
   * Throws INPUT_INVALID for a name that is or was in use: bills are by name.
   */
  async create(key: NewKey): Promise<{ readonly key: string; readonly record: KeyRecord }> {
    const secret = `sf-${randomBytes(32).toString('base64url')}`;
    const record = { ...key, hash: hashOfKey(secret), createdAt: this.#options.clock.now(), revokedAt: null };
    await this.#change((created) => {
      if (this.list().some(({ name }) => name === key.name)) {
        throw new SmallfirstError('INPUT_INVALID', `There is or was a key named "${key.name}"; names are not used twice.`);
      }
      return [...created, record];
    });
    return { key: secret, record };
  }

  /** Refuses a key from now on. Throws INPUT_NOT_FOUND for no such key, INPUT_INVALID for one of the config. */
  async revoke(name: string): Promise<KeyRecord> {
    const at = this.#options.clock.now();
    await this.#change((created) => {
      if (this.#declared.some((record) => record.name === name)) {
        throw new SmallfirstError('INPUT_INVALID', `The key "${name}" stands in the config; remove it there.`);
      }
      if (!created.some((record) => record.name === name)) throw new SmallfirstError('INPUT_NOT_FOUND', `There is no key "${name}".`);
      return created.map((record) => (record.name === name ? { ...record, revokedAt: record.revokedAt ?? at } : record));
    });
    return this.list().find((record) => record.name === name) as KeyRecord;
  }

  /** One change after the other: each sees what the one before it wrote. */
  #change(change: (created: readonly KeyRecord[]) => readonly KeyRecord[]): Promise<void> {
    const done = this.#writing.then(async () => {
      const created = change(this.#created);
      await writeKeysFile(this.#options.file, created);
      this.#created = created;
      this.#index();
    });
    this.#writing = done.catch(() => {});
    return done;
  }

  #index(): void {
    // Keys of the config come last, so that they win over a key that was created with the same secret.
    this.#entries = new Map([...this.#created, ...this.#declared].map((record) => [record.hash, { record, caller: callerOf(record) }]));
  }
}

const PREFIX = 'sha256:';

function declaredRecord(config: KeyConfig): KeyRecord {
  const { key, ...rest } = config;
  const digest = key.startsWith(PREFIX) ? key.slice(PREFIX.length).toLowerCase() : hashOfKey(key);
  return { ...rest, hash: digest, createdAt: null, revokedAt: null };
}

function callerOf(record: KeyRecord): Caller {
  const { inputTokens, outputTokens, cost } = record.caps;
  return {
    key: record.name,
    keyHash: record.hash,
    team: record.team,
    mayPassThrough: record.passthrough,
    models: record.models && new Set(record.models),
    tasks: record.tasks && new Set(record.tasks),
    caps: inputTokens === null && outputTokens === null && cost === null ? null : record.caps,
  };
}

/** What a request may mean as its key: clients that hold a vendor's key as well send both, in one header each. */
function tokensOf(request: ClientHead): readonly string[] {
  const { authorization } = request.headers;
  const apiKey = request.headers['x-api-key'];
  const tokens: string[] = [];
  if (authorization !== undefined && BEARER.test(authorization)) tokens.push(bearerOf(authorization));
  if (typeof apiKey === 'string') tokens.push(apiKey);
  return tokens;
}

const BEARER = /^bearer /i;

function bearerOf(authorization: string): string {
  return authorization.slice('bearer '.length).trim();
}

/** Whether a header, its name in lower case, carries the key with this hash. */
export function carriesKey(name: string, value: string, keyHash: string): boolean {
  if (name === 'authorization') return hashOfKey(BEARER.test(value) ? bearerOf(value) : value) === keyHash;
  return (name === 'x-api-key' || name === 'api-key') && hashOfKey(value) === keyHash;
}

/** SHA-256 of a key in hex: how it is kept. */
export function hashOfKey(key: string): string {
  return hash('sha256', key, 'hex');
}

/** Whether a key can be used now, and why not. */
export function keyStatus(record: KeyRecord, now: EpochMs): 'active' | 'expired' | 'revoked' {
  if (record.revokedAt !== null) return 'revoked';
  return record.expiresAt !== null && now >= record.expiresAt ? 'expired' : 'active';
}
