import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Address } from '../address.ts';
import { type HeaderList, requestHeaders } from '../headers.ts';
import type { HttpHandler, HttpSender } from '../http1/index.ts';
import type { Uploads } from '../uploads.ts';
import type { HostAnswer, LoraHost } from './types.ts';

/** Loading an adapter reads it from disk and may move it to a GPU. */
const TIMEOUT_MS = 120_000;
/** More of an answer is not kept: lists of models and adapters are short. */
const MAX_BYTES = 4 * 1024 * 1024;

/** How a server is reached. */
export interface HostParts {
  readonly address: Address;
  readonly sender: HttpSender;
  readonly uploads: Uploads;
  readonly credential: HeaderList;
}

/** A server that is asked by us, over the connections that carry its requests. */
export function loraHost({ address, sender, uploads, credential }: HostParts): LoraHost {
  const root = address.prefix.replace(/\/v1$/, '');
  const headers = (...own: readonly string[]): readonly string[] => requestHeaders(own, credential);
  return {
    ask: (method, path, body) =>
      answered((handler) => {
        const bytes = body === undefined ? null : Buffer.from(JSON.stringify(body));
        const typed = bytes === null ? headers() : headers('content-type', 'application/json');
        sender.send({ method, path: root + path, headers: typed, body: bytes, timeoutMs: TIMEOUT_MS }, handler);
      }),
    upload: async (path, file) => {
      const { size } = await stat(file);
      return answered((handler) => {
        const typed = headers('content-type', 'application/octet-stream');
        uploads.send(
          { method: 'POST', path: root + path, headers: typed, body: createReadStream(file), length: size, timeoutMs: TIMEOUT_MS },
          handler,
        );
      });
    },
  };
}

function answered(send: (handler: HttpHandler) => void): Promise<HostAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let status = 0;
    let bytes = 0;
    send({
      onHead: (code) => {
        status = code;
      },
      onData: (chunk) => {
        bytes += chunk.length;
        if (bytes <= MAX_BYTES) chunks.push(chunk);
        return true;
      },
      onComplete: () => resolve({ status, text: Buffer.concat(chunks).toString('utf8') }),
      onError: reject,
    });
  });
}
