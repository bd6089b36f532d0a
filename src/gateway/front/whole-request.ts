import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { RequestHead } from './request-head.ts';

/** A request that has come in whole, with its body. */
export class WholeRequest {
  readonly method = 'POST';
  readonly httpVersion = '1.1';
  readonly complete = true;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly socket: Socket;
  readonly body: Buffer;

  constructor({ url, headers, rawHeaders }: RequestHead, body: Buffer, socket: Socket) {
    this.url = url;
    this.headers = headers;
    this.rawHeaders = rawHeaders;
    this.socket = socket;
    this.body = body;
  }
}
