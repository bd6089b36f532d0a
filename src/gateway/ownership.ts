import { SmallfirstError } from '../core/index.ts';
import { JsonShapeError, lastMember, memberValue, scanMembers } from '../providers/index.ts';
import type { Exchange } from './exchange.ts';
import { OwnerBook } from './owner-book.ts';
import { idsInBody, idsInPath, idsMadeFor, namedInQuery } from './ownership-ids.ts';

const MAX_ID = 160;

/** What a request to an endpoint is about. */
export interface Claim {
  /** Everything of a kind: of its answer, only what the caller made is to be shown. */
  readonly isList: boolean;
  /** Where the thing that it names is kept; null where it names none, or nobody knows. */
  readonly upstream: string | null;
}

/**
 * Who made what an upstream keeps (files, batches, stored responses), and where. One account serves all keys there, so that without
 * this book any key could read what another one left. Callers without a key are told apart by nothing; for them it only knows where.
 */
export class Ownership {
  readonly #owners: OwnerBook;

  /** Reads the book in a folder and goes on with it; null keeps it in memory. Throws the operating system's error for what cannot be read. */
  constructor(folder: string | null) {
    this.#owners = new OwnerBook(folder);
  }

  /** Remembers that a key made something. Durable when this returns, before the client hears of it. What is owned stays its owner's. */
  remember(id: string, key: string, upstream: string): void {
    if (id === '' || id.length > MAX_ID || /[\t\n\r]/.test(id + key + upstream) || this.#owners.get(id) !== undefined) return;
    this.#owners.add(id, { key, upstream });
  }

  /** Remembers an answer of a model, where its upstream keeps it. */
  rememberCall({ caller, route, body, members }: Exchange, id: string | null, upstream: string): void {
    if (caller.key === null || id === null) return;
    const stored = lastMember(members, 'store');
    const says = stored === undefined ? '' : body.toString('latin1', stored.valueStart, stored.valueEnd);
    // Responses are kept unless the request says otherwise, chat completions only if it says so.
    const isKept = route.tap === 'openai-responses' ? says !== 'false' : route.tap === 'openai-chat' && says === 'true';
    if (isKept) this.remember(id, caller.key, upstream);
  }

  /** Remembers what an endpoint's answer says that was made: its own `id`, and what the upstream wrote for it, as the results of a batch. */
  rememberAnswer({ caller, request, path }: Exchange, body: Buffer, upstream: string): void {
    const { key } = caller;
    if (key === null || (request.method !== 'POST' && this.#idsIn(path).length === 0)) return;
    try {
      const members = scanMembers(body);
      if (request.method === 'POST') {
        const id = memberValue(body, members, 'id');
        if (typeof id === 'string') this.remember(id, key, upstream);
      }
      for (const id of idsMadeFor(body, members)) this.remember(id, key, upstream);
    } catch (error) {
      // No object of ours to remember.
      if (!(error instanceof JsonShapeError)) throw error;
    }
  }

  /** Whether a key made something. */
  owns(key: string, id: string): boolean {
    return this.#owners.get(id)?.key === key;
  }

  /**
   * What a request to an endpoint is about. Throws ROUTE_NOT_FOUND where its path names what somebody else made or what was not made
   * here, and for whatever a key could see or change of others: that something exists is not told.
   */
  claimOf(exchange: Exchange): Claim {
    const { path, query, request } = exchange;
    const { key } = exchange.caller;
    const ids = this.#idsIn(path);
    const [first] = ids;
    const owner = first === undefined ? undefined : this.#owners.get(first);
    const upstream = owner === undefined || owner.upstream === '' ? null : owner.upstream;
    if (key === null) return { isList: false, upstream };
    const named = namedInQuery(query);
    const isPrying = named.cursors.some((id) => !this.owns(key, id)) || named.others.some((id) => this.#isForeign(id, key));
    if (isPrying || ACCOUNT.test(path)) throw nothing();
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (isRead && MODELS.test(path)) return { isList: false, upstream: null };
    if (first !== undefined) {
      // What hangs below something of its own may have been made by the upstream; what somebody else made is theirs anywhere.
      if (owner?.key !== key || ids.some((id) => this.#isForeign(id, key))) throw nothing();
      return { isList: false, upstream };
    }
    if (request.method === 'POST') return { isList: false, upstream };
    if (isRead && LISTS.test(path)) return { isList: true, upstream: null };
    throw nothing();
  }

  /** Refuses a body that refers to what somebody else made. Ids that nobody made here may be anything, such as words of a prompt. */
  checkBody(exchange: Exchange, body: Buffer): void {
    const { key } = exchange.caller;
    if (key === null || this.#owners.isEmpty) return;
    for (const id of idsInBody(body)) if (this.#isForeign(id, key)) throw nothing();
  }

  #idsIn(path: string): readonly string[] {
    return idsInPath(path, (word) => this.#owners.get(word) !== undefined);
  }

  #isForeign(id: string, key: string): boolean {
    const owner = this.#owners.get(id);
    return owner !== undefined && owner.key !== key;
  }
}

/** Endpoints that list what all keys of an account have made. */
const LISTS =
  /^\/v1\/(files|batches|messages\/batches|fine_tuning\/jobs|chat\/completions|vector_stores|assistants|videos|evals|containers|skills|conversations)$/;
/** What belongs to nobody in particular. */
const MODELS = /^\/v1\/models(\/|$)/;
/** Endpoints about the account itself: its users, its keys, its bill. */
const ACCOUNT = /^\/v1\/(organizations?|admin|dashboard|billing|usage|fine_tuning\/checkpoints)(\/|$)/;

function nothing(): SmallfirstError {
  return new SmallfirstError('ROUTE_NOT_FOUND', 'There is no such object, or this key did not make it.');
}
