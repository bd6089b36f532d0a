/**
 * The gateway beside a bare proxy and beside peers: `npm run bench:gateway -- [--peers none|all|portkey,litellm,bifrost] [--install]
 * [--quick] [--no-write]`. The upstream, every contender and the load generator are processes of their own on this machine; runs are
 * interleaved, so that whatever else the machine does hits all of them. Logging and recording are on. `--install` only installs the
 * peers; figures of `--quick` and `--no-write` runs are printed and not written.
 */
import { execFile } from 'node:child_process';
import { parseArgs, promisify } from 'node:util';
import { burst, type Contender, hasWrk, median, plainLoad, type StreamLoad, streamLoad } from './gateway/measure.ts';
import { copyAssets, installPeer, peerNames, startBare, startOurs, startPeer } from './gateway/peers.ts';
import { built, startServer } from './gateway/processes.ts';
import { writeResult } from './result.ts';

const run = promisify(execFile);
const { values: options } = parseArgs({
  options: {
    peers: { type: 'string', default: 'portkey' },
    install: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    'no-write': { type: 'boolean', default: false },
  },
});
const isQuick = options.quick;
const names = options.peers === 'all' ? peerNames : options.peers === 'none' ? [] : options.peers.split(',');
const ROUNDS = isQuick ? 2 : 6;
const SECONDS = isQuick ? 2 : 4;

const round = (value: number, digits = 1): number => Math.round(value * 10 ** digits) / 10 ** digits;

interface Saturation {
  readonly rps: number;
  readonly lowestRps: number;
  readonly highestRps: number;
  readonly cpuUs: number | null;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly failed: number;
}

/** Bursts of all contenders in turn, several rounds; the median of each. */
async function inTurn(contenders: readonly Contender[], connections: number): Promise<ReadonlyMap<string, Saturation>> {
  const runs = new Map<string, Awaited<ReturnType<typeof burst>>[]>(contenders.map(({ name }) => [name, []]));
  for (const contender of contenders) await burst(contender, connections, 1);
  for (let i = 0; i < ROUNDS; i += 1) {
    for (const contender of contenders) runs.get(contender.name)?.push(await burst(contender, connections, SECONDS));
  }
  return new Map(
    [...runs].map(([name, all]) => {
      const cpu = all.map(({ cpuUsPerRequest }) => cpuUsPerRequest).filter((value) => value !== null);
      const rps = all.map((one) => one.rps);
      return [
        name,
        {
          rps: round(median(rps)),
          lowestRps: round(Math.min(...rps)),
          highestRps: round(Math.max(...rps)),
          cpuUs: cpu.length === 0 ? null : round(median(cpu)),
          p50Us: round(median(all.map(({ p50Us }) => p50Us))),
          p99Us: round(median(all.map(({ p99Us }) => p99Us))),
          failed: all.reduce((sum, { failed }) => sum + failed, 0),
        },
      ];
    }),
  );
}

function table(title: string, rows: ReadonlyMap<string, Saturation>): void {
  console.log(`\n${title}`);
  console.log(
    `${'way'.padEnd(12)}${'rps'.padStart(10)}${'CPU µs'.padStart(10)}${'p50 µs'.padStart(10)}${'p99 µs'.padStart(12)}${'failed'.padStart(8)}`,
  );
  for (const [name, { rps, cpuUs, p50Us, p99Us, failed }] of rows) {
    const cells = [String(rps).padStart(10), String(cpuUs ?? '–').padStart(10), String(p50Us).padStart(10), String(p99Us).padStart(12)];
    console.log(`${name.padEnd(12)}${cells.join('')}${String(failed).padStart(8)}`);
  }
}

const STREAMS = { rounds: isQuick ? 1 : 5, count: isQuick ? 100 : 400, frames: 20, concurrency: 4 };

/** Streams through each way in turn, `gapMs` between their frames; of each figure the median of the rounds. */
async function streamsEvery(gapMs: number, ways: readonly Contender[]) {
  const loads = new Map<string, StreamLoad[]>(ways.map(({ name }) => [name, []]));
  for (let i = 0; i < STREAMS.rounds; i += 1) {
    for (const way of ways) loads.get(way.name)?.push(await streamLoad(way, { ...STREAMS, gapMs }));
  }
  const of = (name: string, pick: (load: StreamLoad) => number) => round(median((loads.get(name) ?? []).map(pick)));
  const figures = ways.map(({ name }) => ({
    name,
    firstFrameP50Us: of(name, (load) => load.firstFrameUs.p50),
    firstFrameP99Us: of(name, (load) => load.firstFrameUs.p99),
    frameP50Us: of(name, (load) => load.frameUs.p50),
    frameP99Us: of(name, (load) => load.frameUs.p99),
    lost: (loads.get(name) ?? []).reduce((sum, { lost }) => sum + lost, 0),
  }));
  const [direct, ...through] = figures;
  return {
    gapMs,
    ...STREAMS,
    ways: figures,
    added: through.map(({ name, firstFrameP50Us, frameP50Us }) => ({
      name,
      firstFrameP50Us: round(firstFrameP50Us - (direct?.firstFrameP50Us ?? 0)),
      frameP50Us: round(frameP50Us - (direct?.frameP50Us ?? 0)),
    })),
  };
}

/**
 * What streams cost, and thousands of them at once. With frames every few milliseconds the machine falls asleep between them and wakes up
 * with cold caches at each, which every process on the way pays for; with frames every millisecond it stays awake.
 */
async function streams(direct: Contender, bare: Contender, ours: Contender) {
  // As bursts warm up the code of plain answers, these do the code of streams: what is measured is a gateway at work, not its first minute.
  const warmUp = { count: 4_000, frames: 2, gapMs: 1, concurrency: 16 };
  const ways = [direct, bare, ours];
  for (const way of ways) await streamLoad(way, warmUp);
  const awake = await streamsEvery(1, ways);
  const asleep = await streamsEvery(5, ways);
  const many = await streamLoad(ours, { count: 2_500, frames: 10, gapMs: 1_500, concurrency: 2_500 });
  return {
    warmUp: warmUp.count,
    awake,
    asleep,
    atOnce: { streams: many.mostOpen, whole: many.whole, lostFrames: many.lost, failed: many.failed },
  };
}

/** A fresh gateway through 100,000 requests: its memory on the way, and what it recorded when it was told to stop. */
async function endurance(upstream: string) {
  const ours = await startOurs(built, upstream);
  const total = isQuick ? 30_000 : 100_000;
  const early = isQuick ? 10_000 : 20_000;
  const first = await plainLoad(ours, early, 32);
  const rssEarly = ours.process?.rssMb() ?? Number.NaN;
  const second = await plainLoad(ours, total - early, 32);
  const rssLate = ours.process?.rssMb() ?? Number.NaN;
  const exit = await ours.process?.stop();
  const { stdout } = await run(process.execPath, [built('src/cli/main.js'), 'bill', '--data', ours.dataDir, '--json']);
  const rows = (JSON.parse(stdout) as { calls: number }).calls;
  return {
    requests: total,
    answered: first.answered + second.answered,
    failed: first.failed + second.failed,
    rows,
    exit: exit ?? null,
    rssMb: { [`after${early}`]: round(rssEarly), [`after${total}`]: round(rssLate), growth: round(rssLate - rssEarly) },
  };
}

const root = built('..');
if (options.install) {
  for (const name of names) console.log(await installPeer(name, root));
  process.exit(0);
}
if (!hasWrk()) throw new Error('bench:gateway needs wrk: apt-get install wrk, brew install wrk');
copyAssets(root);
const upstream = await startServer({ command: process.execPath, args: [built('bench/gateway/fake-upstream.js')] });
const direct: Contender = { name: 'direct', url: upstream.url, process: null, model: 'm', headers: {} };
const bare = await startBare(built, upstream.url);
const ours = await startOurs(built, upstream.url);
const running: Contender[] = [];
const versions: Record<string, string> = {};
const skipped: { readonly name: string; readonly skipped: string }[] = [];
for (const name of names) {
  const peer = await startPeer(name, root, direct);
  if ('skipped' in peer) {
    skipped.push(peer);
    console.log(`${name} is skipped: ${peer.skipped}`);
  } else {
    running.push(peer);
    versions[peer.name] = peer.version;
  }
}

const at32 = await inTurn([bare, ours, ...running], 32);
table('At saturation (32 connections)', at32);
const at1 = await inTurn([direct, bare, ours, ...running], 1);
table('One connection', at1);
const streamed = await streams(direct, bare, ours);
console.log('\nStreams:', JSON.stringify(streamed, null, 2));
for (const contender of [bare, ours, ...running]) await contender.process?.stop();
const lasting = await endurance(upstream.url);
console.log('\nEndurance:', JSON.stringify(lasting));
await upstream.stop();

const of = (rows: ReadonlyMap<string, Saturation>, name: string) => rows.get(name);
const ratio = (name: string) => {
  const other = of(at32, name)?.rps;
  return other === undefined ? null : round((of(at32, 'smallfirst')?.rps ?? 0) / other, 2);
};
const figures = {
  quick: isQuick,
  rounds: ROUNDS,
  secondsPerRun: SECONDS,
  saturation: Object.fromEntries(at32),
  oneConnection: Object.fromEntries(at1),
  ofBare: ratio('bare'),
  timesPortkey: ratio('portkey'),
  timesLiteLlm: ratio('litellm'),
  timesBifrost: ratio('bifrost'),
  cpuUsAboveBare: round((of(at32, 'smallfirst')?.cpuUs ?? 0) - (of(at32, 'bare')?.cpuUs ?? 0)),
  addedP50Us: round((of(at1, 'smallfirst')?.p50Us ?? 0) - (of(at1, 'direct')?.p50Us ?? 0)),
  addedP99Us: round((of(at1, 'smallfirst')?.p99Us ?? 0) - (of(at1, 'direct')?.p99Us ?? 0)),
  streams: streamed,
  endurance: lasting,
  versions,
  skipped,
};
const document = JSON.parse(JSON.stringify(figures));
if (isQuick || options['no-write']) console.log(`\nnot written: ${JSON.stringify(document)}`);
else console.log(`\nwritten to ${writeResult('gateway', document)}`);
