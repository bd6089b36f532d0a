import { type ErrorCode, errorTable, SmallfirstError } from '../../core/index.ts';
import type { Store } from '../types.ts';
import type { SqliteFileOptions } from './store.ts';

type Ports = { [port in keyof Store as Store[port] extends (...args: never[]) => unknown ? never : port]: Store[port] };

/** Every method of every port, as data. A missing port or an unknown method does not compile. */
export const portMethods = {
  calls: { append: true, ofRequest: true, list: true, requests: true, servedModels: true, spend: true, bill: true, prune: true },
  bodies: { put: true, get: true, prune: true },
  pairs: { append: true, list: true, count: true },
  looks: { add: true, list: true },
  events: { add: true, list: true },
  evals: { put: true, found: true, ofRun: true },
  certificates: { add: true, current: true, history: true, void: true },
  feedback: { append: true, ofRequest: true, list: true },
  templates: { put: true, usage: true },
} as const satisfies { readonly [port in keyof Ports]: { readonly [method in keyof Ports[port]]: true } };

/** Name of a port. */
export type PortName = keyof typeof portMethods;

/** What the worker is started with. */
export interface WorkerOptions {
  readonly path: string;
  readonly options: SqliteFileOptions;
}

/** What the client asks: a method of a port, or of the store itself. */
export interface WorkerRequest {
  readonly id: number;
  readonly port: PortName | 'store';
  readonly method: string;
  readonly args: readonly unknown[];
}

/** What the worker answers. The first answer has id 0 and says whether the database is open. */
export type WorkerReply =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly error: WireError };

/** An error as it crosses the port: classes do not survive it. */
export interface WireError {
  readonly name: string;
  readonly code: string | null;
  readonly message: string;
  readonly stack: string | null;
}

/** An error on its way out of the worker. */
export function packError(error: unknown): WireError {
  if (!(error instanceof Error)) return { name: 'Error', code: null, message: String(error), stack: null };
  const code = error instanceof SmallfirstError ? error.code : null;
  return { name: error.name, code, message: error.message, stack: error.stack ?? null };
}

/** The same error again: of the table, a RangeError, a TypeError, or a plain one with the worker's stack as its cause. */
export function unpackError(wire: WireError): Error {
  if (wire.code !== null && wire.code in errorTable) return new SmallfirstError(wire.code as ErrorCode, wire.message);
  const options = { cause: wire.stack };
  if (wire.name === 'RangeError') return new RangeError(wire.message, options);
  if (wire.name === 'TypeError') return new TypeError(wire.message, options);
  return new Error(wire.message, options);
}
