import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { anthropic } from './anthropic.ts';
import { json } from './batches.ts';
import { files } from './files.ts';
import { mistral } from './mistral.ts';
import { openai } from './openai.ts';
import type { FakeBatches, Provider, State } from './types.ts';

export type { FakeBatches } from './types.ts';

/** Starts one on a free port. Requests must carry the key. */
export async function startFakeBatches(provider: Provider, key: string): Promise<FakeBatches> {
  const state: State = {
    provider,
    key,
    origin: '',
    batches: [],
    calls: [],
    files: new Map(),
    times: new Map(),
    hold: false,
    faults: [],
    fate: () => 'answered',
    answer: () => null,
    ids: 0,
  };
  const heard: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const bytes = Buffer.concat(chunks);
      state.calls.push(`${request.method} ${request.url}`);
      heard.push(bytes.toString());
      try {
        serve(state, request, bytes, response);
      } catch (error) {
        json(response, 500, { error: { message: String(error) } });
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  state.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(state, {
    heard: () => heard.join('\n'),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

function serve(state: State, request: IncomingMessage, bytes: Buffer, response: ServerResponse): void {
  const { headers, method } = request;
  const url = new URL(request.url ?? '/', state.origin);
  const path = url.pathname.replace(/^\/v1/, '');
  const given = state.provider === 'anthropic' ? headers['x-api-key'] : headers.authorization?.replace(/^Bearer /, '');
  if (given !== state.key) {
    json(response, 401, { error: { type: 'authentication_error', message: 'wrong key' } });
    return;
  }
  const [, first, second, third] = path.split('/');
  if (state.provider === 'anthropic') {
    if (headers['anthropic-version'] === undefined) json(response, 400, { error: { type: 'invalid_request_error', message: 'version' } });
    else anthropic(state, { method: method ?? '', id: third ?? null, last: path.split('/')[4] ?? null, bytes }, response);
    return;
  }
  if (first === 'files') files(state, { method: method ?? '', id: second ?? null, bytes, type: headers['content-type'] ?? '' }, response);
  else if (first === 'batches') openai(state, { method: method ?? '', id: second ?? null, last: third ?? null, bytes }, response);
  else mistral(state, { method: method ?? '', id: third ?? null, last: path.split('/')[4] ?? null, bytes }, response);
}
