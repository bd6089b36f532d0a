import { type ErrorCode, SmallfirstError } from '../core/index.ts';

/** An error that tells the client more in headers: when to come back, and what its key has left. */
export class Refusal extends SmallfirstError {
  /** Names and values in turn. */
  readonly headers: readonly string[];

  constructor(code: ErrorCode, message: string, headers: readonly string[]) {
    super(code, message);
    this.name = 'Refusal';
    this.headers = headers;
  }
}
