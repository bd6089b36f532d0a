/**
 * The load generator, a process of its own. `load plain URL MODEL TOTAL CONCURRENCY` sends so many requests and prints how many were
 * answered and how long they took; `load streams URL MODEL STREAMS FRAMES GAP_MS CONCURRENCY` opens streams and prints what arrived, when.
 */
import { Pool } from 'undici';

const [mode = '', url = '', model = '', ...numbers] = process.argv.slice(2);
const [first = 0, second = 0, third = 0, fourth = 0] = numbers.map(Number);
const target = new URL(url);
const headers = {
  'content-type': 'application/json',
  authorization: 'Bearer sk-client-0123456789',
  // Portkey takes its upstream from the request.
  ...(process.env.BENCH_HEADERS === undefined ? {} : (JSON.parse(process.env.BENCH_HEADERS) as Record<string, string>)),
};
const messages = [
  { role: 'system', content: 'You are a helpful assistant that classifies support messages into one of four labels.' },
  { role: 'user', content: 'My invoice of last month shows two charges for the same order; please refund one of them.' },
];
const path = `${target.pathname.replace(/\/$/, '')}/v1/chat/completions`;

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

function summary(values: number[]): { readonly p50: number; readonly p99: number; readonly n: number } {
  values.sort((a, b) => a - b);
  return { p50: quantile(values, 0.5), p99: quantile(values, 0.99), n: values.length };
}

async function plain(total: number, concurrency: number): Promise<object> {
  const pool = new Pool(target.origin, { connections: concurrency, pipelining: 1 });
  const body = JSON.stringify({ model, messages, temperature: 0, max_tokens: 200 });
  const times: number[] = [];
  let left = total;
  let answered = 0;
  let failed = 0;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const begun = performance.now();
      try {
        const answer = await pool.request({ path, method: 'POST', headers, body });
        const text = await answer.body.text();
        if (answer.statusCode === 200 && text.endsWith('}')) answered += 1;
        else failed += 1;
      } catch {
        failed += 1;
      }
      times.push((performance.now() - begun) * 1000);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  await pool.close();
  return { answered, failed, us: summary(times) };
}

async function streams(count: number, frames: number, gapMs: number, concurrency: number): Promise<object> {
  const pool = new Pool(target.origin, { connections: concurrency, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
  const body = JSON.stringify({ model, messages, stream: true, bench: { frames, gapMs } });
  const firstFrame: number[] = [];
  const betweenFrames: number[] = [];
  let whole = 0;
  let lost = 0;
  let failed = 0;
  let open = 0;
  let mostOpen = 0;
  let left = count;
  const one = async (): Promise<void> => {
    const begun = process.hrtime.bigint();
    open += 1;
    mostOpen = Math.max(mostOpen, open);
    try {
      const answer = await pool.request({ path, method: 'POST', headers, body });
      let rest = '';
      let seen = 0;
      let done = false;
      for await (const chunk of answer.body) {
        const now = process.hrtime.bigint();
        rest += (chunk as Buffer).toString('latin1');
        for (let end = rest.indexOf('\n\n'); end !== -1; end = rest.indexOf('\n\n')) {
          const frame = rest.slice(0, end);
          rest = rest.slice(end + 2);
          if (frame.includes('[DONE]')) done = true;
          const sent = /"sent":"(\d+)"/.exec(frame)?.[1];
          if (sent === undefined || !frame.includes(`word ${seen} `)) continue;
          if (seen === 0) firstFrame.push(Number(now - begun) / 1000);
          else betweenFrames.push(Number(now - BigInt(sent)) / 1000);
          seen += 1;
        }
      }
      lost += frames - seen;
      if (done && seen === frames && answer.statusCode === 200) whole += 1;
    } catch {
      failed += 1;
      lost += frames;
    }
    open -= 1;
  };
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await one();
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, worker));
  await pool.close();
  return { whole, lost, failed, mostOpen, firstFrameUs: summary(firstFrame), frameUs: summary(betweenFrames) };
}

const result = mode === 'plain' ? await plain(first, second) : await streams(first, second, third, fourth);
console.log(JSON.stringify(result));
