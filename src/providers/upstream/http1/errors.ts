/** What came is no HTTP/1.1 answer. */
export class NotHttp extends Error {
  readonly code = 'SMALLFIRST_NOT_HTTP';

  constructor(what: string) {
    super(`the answer is no HTTP: ${what}`);
    this.name = 'NotHttp';
  }
}

/** What cannot be sent as HTTP/1.1. */
export class NoRequest extends Error {
  readonly code = 'SMALLFIRST_NO_REQUEST';

  constructor(what: string) {
    super(`the request is no HTTP: ${what}`);
    this.name = 'NoRequest';
  }
}

/** The other side went away, or fell silent. */
export class ConnectionLost extends Error {
  readonly code: 'ECONNRESET' | 'SMALLFIRST_HEAD_TIMEOUT' | 'SMALLFIRST_BODY_TIMEOUT' | 'SMALLFIRST_DESTROYED';

  constructor(code: ConnectionLost['code'], message: string) {
    super(message);
    this.name = 'ConnectionLost';
    this.code = code;
  }
}
