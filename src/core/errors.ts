/** One row of the error table: HTTP status, whether trying again can help, and what to do about it. */
export interface ErrorRow {
  readonly http: number;
  readonly retry: boolean;
  readonly hint: string;
}

const table = {
  // What people write: configuration, files, arguments.
  CONFIG_INVALID: {
    http: 400,
    retry: false,
    hint: 'Correct the config at the line and column shown; docs/reference/config.md lists every key.',
  },
  CONFIG_NOT_FOUND: { http: 400, retry: false, hint: 'Name the file with --config, or write a smallfirst.yaml here.' },
  INPUT_INVALID: { http: 400, retry: false, hint: 'Correct the row at the line shown. Nothing was written.' },
  INPUT_NOT_FOUND: { http: 404, retry: false, hint: 'Check the path.' },
  USAGE: { http: 400, retry: false, hint: 'See `smallfirst COMMAND --help`.' },
  STUDENT_FILE_INVALID: { http: 400, retry: false, hint: 'The folder is not a student, or it was changed. Train it again.' },
  TRIAGE_FILE_INVALID: { http: 400, retry: false, hint: 'The folder is not a triage router, or it was changed. Train it again.' },
  DATA_DIR_LOCKED: {
    http: 409,
    retry: true,
    hint: 'Another smallfirst process owns this data directory. Stop it, or name another with --data.',
  },
  STORE_UNAVAILABLE: { http: 503, retry: true, hint: 'The database does not answer. Answers go on; records wait in the spool.' },
  STORE_SCHEMA_NEWER: { http: 500, retry: false, hint: 'This database was written by a newer smallfirst. Upgrade this one.' },
  // What requests ask.
  REQUEST_INVALID: { http: 400, retry: false, hint: 'The request is not what its protocol allows; the message says what and where.' },
  REQUEST_TOO_LARGE: { http: 413, retry: false, hint: 'Bodies may hold 32 MiB, batches 256 MiB, files 500 MiB.' },
  REQUEST_TOO_SLOW: { http: 408, retry: true, hint: 'The request did not arrive in time; send it again.' },
  UNAUTHENTICATED: { http: 401, retry: false, hint: 'Send a key of the config as `Authorization: Bearer …` or `x-api-key`.' },
  FORBIDDEN: { http: 403, retry: false, hint: 'The key, or the place that the request comes from, does not allow this.' },
  ROUTE_NOT_FOUND: {
    http: 404,
    retry: false,
    hint: 'Nothing is served there; `passthrough:` in the config says who serves what we do not.',
  },
  NOT_SUPPORTED: { http: 501, retry: false, hint: 'The request asks for what this gateway, or the model, cannot do.' },
  SHUTTING_DOWN: { http: 503, retry: true, hint: 'The gateway is stopping; another one, or the same in a moment, will answer.' },
  MODEL_NOT_FOUND: { http: 404, retry: false, hint: 'List the known models with `smallfirst models`.' },
  PIPELINE_NOT_FOUND: { http: 404, retry: false, hint: 'Declare the pipeline under `pipelines:` in the config.' },
  TASK_NOT_FOUND: { http: 404, retry: false, hint: 'Declare the task under `tasks:` in the config.' },
  NO_FEASIBLE_MODEL: { http: 400, retry: false, hint: 'No model of the ladder has the needed capability, context window and boundary.' },
  BUDGET_EXCEEDED: { http: 429, retry: false, hint: 'Raise the budget or wait for its window to end.' },
  BUDGET_UNPRICED: {
    http: 400,
    retry: false,
    hint: 'A budget cannot hold for a model without a known price: declare one with the model, or use a key without a budget.',
  },
  REQUEST_CAP_EXCEEDED: { http: 400, retry: false, hint: 'Ask for less, or raise the caps of the key.' },
  DEADLINE_EXCEEDED: { http: 504, retry: true, hint: 'The deadline passed before an answer was complete.' },
  ABORTED: { http: 499, retry: false, hint: 'The caller went away.' },
  // What providers do.
  RECORDING_MISSING: { http: 404, retry: false, hint: 'A replayed model answers only the requests that were recorded.' },
  UPSTREAM_FAILED: { http: 502, retry: true, hint: 'The provider failed. The next rung of the ladder is tried first.' },
  UPSTREAM_BUSY: {
    http: 503,
    retry: true,
    hint: 'Too many requests are under way or in line for this model. Try again after the time shown, or raise concurrency.',
  },
  UPSTREAM_REJECTED: {
    http: 400,
    retry: false,
    hint: 'The provider refused the request or the key; the message says why. Sending it again changes nothing.',
  },
  UPSTREAM_INVALID: { http: 502, retry: true, hint: 'The provider sent something that its protocol does not allow.' },
  INTERNAL: { http: 500, retry: false, hint: 'This is a bug in smallfirst. Please report it with the message above.' },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof table;

/** Every error that smallfirst raises on purpose, by code. docs/reference/errors.md is generated from it. */
export const errorTable: Readonly<Record<ErrorCode, ErrorRow>> = table;

/** Where in a file something is wrong. Line and column count from 1. */
export interface Position {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

/** An error of the table. The message is one sentence for people and never holds a key or a prompt. */
export class SmallfirstError extends Error {
  readonly code: ErrorCode;
  readonly position: Position | null;

  constructor(code: ErrorCode, message: string, options: { position?: Position; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SmallfirstError';
    this.code = code;
    this.position = options.position ?? null;
  }

  get row(): ErrorRow {
    return errorTable[this.code];
  }
}

/** `file:line:column: message`, as editors and terminals link it. */
export function located(error: SmallfirstError): string {
  const at = error.position;
  if (!at) return error.message;
  const place = [at.file, at.line, at.column].filter((part) => part !== undefined).join(':');
  return `${place}: ${error.message}`;
}
