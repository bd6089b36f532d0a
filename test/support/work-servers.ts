import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The script is found from here and from where benches are compiled to. */
const SCRIPT = ['../../scripts/test-postgres.sh', '../../../scripts/test-postgres.sh']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find((path) => existsSync(path)) as string;

/** Why workers cannot be tried here; null where they can. */
export function missingForWorkers(): string | null {
  if (spawnSync('redis-server', ['--version']).status !== 0) return 'redis-server is not installed';
  if (process.env.SMALLFIRST_TEST_POSTGRES !== undefined) return null;
  const debian = '/usr/lib/postgresql';
  const isThere =
    (existsSync(debian) && readdirSync(debian).some((version) => existsSync(join(debian, version, 'bin', 'initdb')))) ||
    spawnSync('initdb', ['--version']).status === 0;
  return isThere ? null : 'PostgreSQL is not installed';
}

/** A PostgreSQL server: the one that is named to the tests, else a throwaway one of its own. */
export interface PostgresServer {
  readonly url: string;
  /** Ends it as a power cut does, and starts it again; null for one that is not ours. */
  readonly crash: (() => Promise<void>) | null;
  stop(): void;
}

/** Starts PostgreSQL, where none is named by SMALLFIRST_TEST_POSTGRES. */
export function startPostgres(): PostgresServer {
  const named = process.env.SMALLFIRST_TEST_POSTGRES;
  if (named !== undefined) return { url: named, crash: null, stop: () => {} };
  const said = execFileSync('sh', [SCRIPT, 'start'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const value = (name: string): string => new RegExp(`${name}='([^']*)'`).exec(said)?.[1] ?? '';
  const env = { ...process.env, SMALLFIRST_TEST_POSTGRES_DIR: value('SMALLFIRST_TEST_POSTGRES_DIR') };
  return {
    url: value('SMALLFIRST_TEST_POSTGRES'),
    crash: async () => {
      const [code] = (await once(spawn('sh', [SCRIPT, 'crash'], { env, stdio: 'ignore' }), 'exit')) as [number | null];
      if (code !== 0) throw new Error('PostgreSQL did not come back');
    },
    stop: () => {
      spawnSync('sh', [SCRIPT, 'stop'], { env });
    },
  };
}

/** A Redis that keeps nothing on disk, so that a restart loses all that it had. */
export interface RedisServer {
  readonly url: string;
  /** Ends it as a power cut does. */
  kill(): Promise<void>;
  /** Lets it answer no more, with its connections open. */
  pause(): void;
  /** Starts it again, empty, on the port that it had. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts Redis on a free port of the loopback interface. */
export async function startRedis(): Promise<RedisServer> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'redis-'));
  let child: ChildProcess | null = null;
  const start = async (): Promise<void> => {
    child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder], {
      stdio: 'ignore',
    });
    for (let tries = 0; !(await answers(port)); tries += 1) {
      if (tries > 500) throw new Error('redis-server did not start');
      await wait(10);
    }
  };
  const kill = async (): Promise<void> => {
    const running = child;
    child = null;
    if (running === null) return;
    const gone = once(running, 'exit');
    running.kill('SIGKILL');
    await gone;
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    kill,
    pause: () => void child?.kill('SIGSTOP'),
    start,
    stop: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (said) => {
      socket.destroy();
      resolve(String(said).startsWith('+PONG'));
    });
    socket.once('error', () => resolve(false));
  });
}

/** A question that a slow upstream was asked. */
export interface AskedQuestion {
  readonly text: string;
  readonly idempotencyKey: string;
}

/** An upstream of OpenAI's kind whose answers take a while, and which keeps what it was asked. */
export interface SlowUpstream {
  readonly url: string;
  readonly asked: readonly AskedQuestion[];
  /** The most calls that were under way together since the last time. */
  takePeak(): number;
  /** Answers everything with this status from now on; null answers. */
  fail(status: number | null): void;
  close(): Promise<void>;
}

/** Starts an upstream whose every answer takes `ms` milliseconds. */
export async function startSlowUpstream(ms: number): Promise<SlowUpstream> {
  const asked: AskedQuestion[] = [];
  let underWay = 0;
  let peak = 0;
  let failing: number | null = null;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    underWay += 1;
    peak = Math.max(peak, underWay);
    response.once('close', () => {
      underWay -= 1;
    });
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { messages } = JSON.parse(Buffer.concat(chunks).toString()) as { readonly messages: readonly { readonly content: string }[] };
    const text = messages.at(-1)?.content ?? '';
    asked.push({ text, idempotencyKey: String(request.headers['idempotency-key']) });
    await wait(ms);
    if (failing !== null) {
      response.writeHead(failing, { 'content-type': 'application/json' });
      response.end('{"error":{"message":"not now","type":"invalid_request_error"}}');
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({
        id: 'c',
        object: 'chat.completion',
        created: 1,
        model: 'gpt-x',
        choices: [{ index: 0, message: { role: 'assistant', content: `about ${text}` }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
      }),
    );
  };
  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked,
    takePeak: () => {
      const was = peak;
      peak = underWay;
      return was;
    },
    fail: (status) => {
      failing = status;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
