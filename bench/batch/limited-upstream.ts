import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A provider on loopback that answers so many requests a second, each after a while, and refuses the others with 429. */
export interface LimitedUpstream {
  readonly url: string;
  readonly counts: { answered: number; limited: number };
  close(): Promise<void>;
}

/** Starts one. `perSecond` is a token bucket that holds a tenth of a second's requests. */
export async function startLimitedUpstream(perSecond: number, latencyMs: number): Promise<LimitedUpstream> {
  const counts = { answered: 0, limited: 0 };
  const most = Math.max(1, perSecond / 10);
  let tokens = most;
  let filledAt = performance.now();
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      const now = performance.now();
      tokens = Math.min(most, tokens + ((now - filledAt) / 1000) * perSecond);
      filledAt = now;
      if (tokens < 1) {
        counts.limited += 1;
        response.writeHead(429, { 'content-type': 'application/json', 'retry-after-ms': '100' });
        response.end('{"error":{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded"}}');
        return;
      }
      tokens -= 1;
      counts.answered += 1;
      setTimeout(() => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(ANSWER);
      }, latencyMs);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    counts,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const ANSWER = JSON.stringify({
  id: 'c',
  object: 'chat.completion',
  created: 0,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'fine' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 9, completion_tokens: 1, total_tokens: 10 },
});
