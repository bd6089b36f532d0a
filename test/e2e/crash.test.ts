import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/statistics/index.ts';
import { relayConfig, UPSTREAM_KEY } from '../support/both-ways.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream/index.ts';
import { recordedCalls } from '../support/recorded-calls.ts';
import { runCommand, type ServeProcess, serveProcess } from '../support/serve.ts';

let upstream: FakeUpstream;
beforeAll(async () => {
  upstream = await startFakeUpstream({ key: UPSTREAM_KEY });
});
afterAll(() => upstream?.close());
beforeEach(() => upstream.reset());

const running: ServeProcess[] = [];
afterEach(async () => {
  for (const gateway of running.reverse()) await gateway.remove();
  running.length = 0;
});

async function start(dataDir?: string): Promise<ServeProcess> {
  const place = dataDir === undefined ? {} : { dataDir };
  const gateway = await serveProcess({ config: relayConfig(upstream), env: { UPSTREAM_KEY }, ...place });
  running.push(gateway);
  return gateway;
}

/** Asks, plainly or streamed, and gives the request's id once the whole answer was received; null when it was not. */
async function ask(url: string, n: number): Promise<string | null> {
  try {
    const stream = n % 3 === 0;
    const isAnthropic = n % 2 === 0;
    const body = { model: isAnthropic ? 'claude' : 'gpt', max_tokens: 99, messages: [{ role: 'user', content: `question ${n}` }], stream };
    const answer = await fetch(`${url}${isAnthropic ? '/v1/messages' : '/v1/chat/completions'}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    const ending = !stream ? '}' : isAnthropic ? '{"type":"message_stop"}\n\n' : 'data: [DONE]\n\n';
    if (answer.status !== 200 || !text.endsWith(ending)) throw new Error(`${answer.status}: ${text.slice(-200)}`);
    return answer.headers.get('x-smallfirst-request-id');
  } catch (error) {
    // The process was killed under it; anything else is a failure of the test.
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/** The ids of the requests in the store, one for each row. */
async function recordedIds(dataDir: string): Promise<string[]> {
  return (await recordedCalls(dataDir)).map((call) => call.requestId);
}

/** Lets go of a database that was held. */
function release(database: Database.Database): void {
  database.exec('ROLLBACK');
  database.close();
}

/** Many clients ask without pause until `enough` answers came; `then` is called at that moment. Gives the ids of the answered. */
async function load(url: string, clients: number, enough: number, then: () => Promise<void>): Promise<string[]> {
  const answered: string[] = [];
  let asked = 0;
  const endings: Promise<void>[] = [];
  const client = async () => {
    while (endings.length === 0) {
      asked += 1;
      const id = await ask(url, asked);
      if (id !== null) answered.push(id);
      if (answered.length >= enough && endings.length === 0) endings.push(then());
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  await Promise.all(endings);
  return answered;
}

describe('a gateway that is killed', () => {
  it('has every answered request in the store exactly once, whenever it was killed', { timeout: 120_000 }, async () => {
    const random = seededRandom(20_261_122);
    const answered: string[] = [];
    let gateway = await start();
    const { dataDir } = gateway;
    for (let round = 0; round < 6; round += 1) {
      const victim = gateway;
      const enough = 1 + Math.floor(random.next() * 150);
      answered.push(...(await load(victim.url, 12, enough, () => victim.kill('SIGKILL'))));
      gateway = await start(dataDir);
    }
    answered.push((await ask(gateway.url, 1)) ?? 'none');
    expect(await gateway.stop()).toBe(0);
    const recorded = await recordedIds(dataDir);
    expect(answered.length).toBeGreaterThan(60);
    expect(new Set(recorded).size).toBe(recorded.length);
    expect(answered.filter((id) => !recorded.includes(id))).toEqual([]);
    expect((await readdir(join(dataDir, 'spool'))).filter((file) => file.endsWith('.jsonl'))).toEqual([]);
  });
});

describe('a gateway that is told to stop', () => {
  it('ends what is under way, and its bill has the requests that were answered', { timeout: 60_000 }, async () => {
    const gateway = await start();
    let exit: number | null = null;
    const answered = await load(gateway.url, 12, 100, async () => {
      exit = await gateway.stop();
    });
    expect(exit).toBe(0);
    const bill = JSON.parse(await runCommand(['bill', '--data', gateway.dataDir, '--json'])) as { calls: number };
    expect([bill.calls, new Set(answered).size]).toEqual([answered.length, answered.length]);
  });

  it('lets a stream that is under way end', { timeout: 60_000 }, async () => {
    const gateway = await start();
    upstream.next({ kind: 'slow-first-byte', ms: 300 });
    const before = upstream.seen.length;
    const answer = ask(gateway.url, 3);
    await upstream.request(before);
    expect(await gateway.stop()).toBe(0);
    expect(await answer).toEqual(expect.any(String));
    expect(await recordedIds(gateway.dataDir)).toEqual([await answer]);
  });
});

describe('a gateway whose database does not answer', () => {
  const outages = ['ends before the process does', 'outlasts it'] as const;
  it.each(outages)(
    'answers all the same, and what it answered is in the store later: the outage %s',
    { timeout: 60_000 },
    async (outage) => {
      const gateway = await start();
      const first = await ask(gateway.url, 1);
      await expect.poll(() => recordedIds(gateway.dataDir), { timeout: 20_000 }).toEqual([first]);
      const database = new Database(join(gateway.dataDir, 'smallfirst.db'));
      database.exec('BEGIN EXCLUSIVE');
      const answered = await load(gateway.url, 8, 60, async () => undefined);
      expect(database.prepare('SELECT count(*) AS n FROM calls').get()).toMatchObject({ n: 1 });
      // What cannot be put there waits in the spool, whether the process lives to see the end of the outage or not.
      const ending = outage === 'ends before the process does' ? gateway.stop() : gateway.kill('SIGKILL');
      if (outage === 'outlasts it') await ending;
      release(database);
      await ending;
      const next = await start(gateway.dataDir);
      expect(await next.stop()).toBe(0);
      const recorded = await recordedIds(gateway.dataDir);
      expect(answered.filter((id) => !recorded.includes(id))).toEqual([]);
      expect(new Set(recorded).size).toBe(recorded.length);
    },
  );
});
