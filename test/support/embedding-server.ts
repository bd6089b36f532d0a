import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An embedding endpoint in OpenAI's protocol, on loopback: each word is a fixed direction, shared with its synonyms but for a little, a text the sum of its words'. */
export interface EmbeddingServer {
  /** Base URL, as an SDK takes it. */
  readonly url: string;
  readonly requests: { readonly texts: readonly string[]; readonly key: string | null; readonly model: string }[];
  /** Statuses that the next requests get instead of an answer. */
  readonly failures: number[];
  close(): Promise<void>;
}

const DIMENSIONS = 48;

/** Starts the endpoint on a free port. Words of one `synonyms` group share a direction: what makes embeddings worth their price. */
export async function startEmbeddingServer(synonyms: readonly (readonly string[])[] = []): Promise<EmbeddingServer> {
  const requests: { texts: readonly string[]; key: string | null; model: string }[] = [];
  const failures: number[] = [];
  const meaning = new Map(synonyms.flatMap((group) => group.map((word) => [word, group[0]!] as const)));
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { input, model } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { input: string[]; model: string };
      requests.push({ texts: input, model, key: request.headers.authorization?.replace('Bearer ', '') ?? null });
      const failure = failures.shift();
      response.writeHead(failure ?? 200, { 'content-type': 'application/json' });
      if (failure !== undefined) {
        response.end(JSON.stringify({ error: { message: 'try again', type: 'server_error' } }));
        return;
      }
      const tokens = input.reduce((sum, text) => sum + text.split(/\s+/).length, 0);
      const data = input.map((text, index) => ({ object: 'embedding', index, embedding: vectorOf(text, meaning) }));
      // Order is the index's business, not the list's.
      response.end(JSON.stringify({ object: 'list', data: data.reverse(), model, usage: { prompt_tokens: tokens, total_tokens: tokens } }));
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    failures,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function vectorOf(text: string, meaning: ReadonlyMap<string, string>): number[] {
  const sum = new Float64Array(DIMENSIONS);
  for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) {
    const [shared, own] = [meaning.get(word) ?? word, word].map((name) => createHash('sha512').update(name).digest());
    // A little of a word is its own: no two texts are the same vector.
    for (let i = 0; i < DIMENSIONS; i += 1) sum[i] = sum[i]! + (shared![i]! - 127.5) / 127.5 + (own![i]! - 127.5) / 500;
  }
  return [...sum];
}
