import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { SmallfirstError } from '../core/index.ts';
import { PriceBook } from '../pricing/index.ts';
import { auditFormats } from './detect.ts';
import { readInvoice, reconcileInvoice } from './invoice.ts';
import { JsonDocument } from './json-document.ts';
import { readAudit } from './read.ts';
import type { AuditCall, AuditSource, ReadReport } from './types.ts';

const folder = mkdtempSync(join(tmpdir(), 'smallfirst-read-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function file(content: string | Uint8Array, ending = 'jsonl'): string {
  files += 1;
  const path = join(folder, `log-${files}.${ending}`);
  writeFileSync(path, content);
  return path;
}

async function read(paths: readonly string[], format?: AuditSource): Promise<{ readonly calls: AuditCall[]; readonly report: ReadReport }> {
  const calls: AuditCall[] = [];
  const report = await readAudit({
    files: paths,
    ...(format === undefined ? {} : { format }),
    book: new PriceBook({ warn: () => {} }),
    now: Date.UTC(2026, 8, 10),
    onCalls: (batch) => {
      calls.push(...batch);
    },
  });
  return { calls, report };
}

const row = (id: string, input = 1_000) => ({
  request_id: id,
  request: { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Grüße, „Anna“ \u2028 [1]{2}' }] },
  response: {
    id: `chatcmpl-${id}`,
    object: 'chat.completion',
    choices: [{ message: { content: 'x' } }],
    usage: { prompt_tokens: input, completion_tokens: 200 },
  },
});
const lines = (...ids: readonly string[]) => ids.map((id) => `${JSON.stringify(row(id))}\n`).join('');
const ids = (calls: readonly AuditCall[]) => calls.map(({ callId }) => callId);
const sound = ({ rows }: ReadReport) => rows.read === rows.kept + rows.joined + rows.skipped.reduce((sum, { count }) => sum + count, 0);

describe('forms of files', () => {
  it('reads the same rows as lines, a list, a page, pretty or not, with or without gzip and a byte order mark', async () => {
    const rows = [row('a'), row('b')];
    const texts = [
      lines('a', 'b'),
      `\uFEFF${lines('a', 'b')}`,
      lines('a', 'b').replaceAll('\n', '\r\n\r\n'),
      JSON.stringify(rows),
      JSON.stringify(rows, null, 2),
      JSON.stringify({ object: 'list', has_more: false, data: rows }),
      JSON.stringify({ note: { deep: [1, { a: '}' }] }, data: rows, end: 'x' }, null, 2),
      rows.map((item) => JSON.stringify(item, null, 2)).join('\n'),
    ];
    for (const text of texts) {
      for (const content of [Buffer.from(text), gzipSync(text)]) {
        const { calls, report } = await read([file(content)]);
        expect([ids(calls), report.cost, report.errors]).toEqual([['a', 'b'], 540_000, []]);
        expect(calls[0]?.userTexts).toEqual(['Grüße, „Anna“ \u2028 [1]{2}']);
      }
    }
  });

  it('cuts a document into the same rows wherever its pieces end', () => {
    const text = JSON.stringify({ a: [1, '\\"]'], data: [row('a'), 7, 'x"}', null, [1], row('b')], z: -1.5e3 }, null, 1);
    const bytes = Buffer.from(text);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 60 }), (sizes) => {
        const document = new JsonDocument();
        const found = [];
        let at = 0;
        for (let turn = 0; at < bytes.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          found.push(...document.push(bytes.subarray(at, at + size)));
          at += size;
        }
        found.push(...document.end());
        expect(found.map(({ value, problem }) => problem ?? value)).toEqual([row('a'), 7, 'x"}', null, [1], row('b')]);
      }),
      { numRuns: 50 },
    );
  });

  it('reads CSV with quotes, line feeds and tabs, and says the line that a record begins on', async () => {
    const head = 'request_id,call_type,spend,prompt_tokens,completion_tokens,model,custom_llm_provider,messages';
    const said = JSON.stringify([{ role: 'user', content: 'one "two",\nthree' }]).replaceAll('"', '""');
    const good = (id: string, message = '') => `${id},acompletion,0.1,1000,200,gpt-4o-mini,openai,${message}`;
    const content = [
      head,
      good('a', `"${said}"`),
      good('b', '"x\ny"'),
      'c,broken',
      good('d'),
      `e,"never closed,${'x'.repeat(9)}`,
      good('f'),
    ].join('\n');
    for (const text of [content, content.replaceAll('\n', '\r\n')]) {
      const { calls, report } = await read([file(text, 'csv')]);
      expect(calls.map(({ callId, line }) => [callId, line])).toEqual([
        ['a', 2],
        ['b', 3],
        ['d', 6],
        ['f', 8],
      ]);
      expect(calls[0]?.userTexts).toEqual(['one "two",\nthree']);
      expect(report.errors.map(({ line, message }) => [line, message])).toEqual([
        [5, 'not CSV: 2 fields under 8 columns'],
        [7, 'not CSV: a quote that never ends'],
      ]);
      expect(sound(report)).toBe(true);
    }
  });
});

describe('broken files', () => {
  it('reads what is whole, and says the line and the count of what is not', async () => {
    const path = file(`${lines('a')}{"broken": \n\n${lines('b')}also broken\n${JSON.stringify(row('c')).slice(0, -5)}`);
    const { calls, report } = await read([path]);
    expect(ids(calls)).toEqual(['a', 'b']);
    expect(report.errors.map(({ line }) => line)).toContain(2);
    expect(report.errors.reduce((sum, { count }) => sum + count, 0)).toBe(3);
    expect(JSON.stringify(report.errors)).not.toContain('Anna');
    expect(sound(report)).toBe(true);
  });

  it('keeps what came before a file breaks off, plain or compressed', async () => {
    const many = Array.from({ length: 3_000 }, (_, index) => `r${index}`);
    const whole = gzipSync(lines(...many));
    const cut = await read([file(whole.subarray(0, whole.length - 200), 'jsonl.gz')]);
    expect(cut.calls.length).toBeGreaterThan(1_000);
    expect(cut.report.errors.map(({ message }) => message)).toContain('the compressed file breaks off');
    const document = await read([file(JSON.stringify([row('a'), row('b')], null, 2).slice(0, -30))]);
    expect(ids(document.calls)).toEqual(['a']);
    expect(document.report.errors.map(({ message }) => message)).toEqual(['the file ends in the middle of a row']);
  });

  it('refuses what is no log by name and reads the other files', async () => {
    const image = file(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0, 0, 1]), 'png');
    const parquet = file('PAR1 and so on', 'parquet');
    const unknown = file('{"hello":"world"}\n');
    const { calls, report } = await read([image, parquet, unknown, file(''), file(lines('a'))]);
    expect(ids(calls)).toEqual(['a']);
    expect(report.errors.map(({ file: path, message }) => [path, message])).toEqual([
      [image, 'this is no log but a binary file'],
      [parquet, 'this is a Parquet file: export it as JSON Lines or CSV'],
      [unknown, 'no known format: name it with --format'],
    ]);
    expect(report.files.map(({ source }) => source)).toEqual([null, null, null, null, 'openai-jsonl']);
    await expect(read([join(folder, 'not-there.jsonl')])).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
  });

  it('survives rows that are nested too deeply, name prototypes, or hold absurd counts', async () => {
    const deep = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`;
    const hostile = [
      `{"request":{"messages":[]},"response":{"choices":[{"message":{"content":${deep}}}],"usage":{"prompt_tokens":1e308,"completion_tokens":-4}}}`,
      '{"__proto__":{"usage":1},"request":{"model":"gpt-4o","messages":"x"},"response":{"choices":"x"}}',
      '{"request":{"model":"gpt-4o","messages":[null,1,[]]},"response":{"choices":[null],"usage":{"prompt_tokens":9e15,"completion_tokens":1}}}',
    ].join('\n');
    const { report } = await read([file(hostile)], 'openai-jsonl');
    expect(report.rows.read).toBe(3);
    expect(sound(report)).toBe(true);
    expect(Object.hasOwn(Object.prototype, 'usage')).toBe(false);
  });
});

describe('any bytes', () => {
  it('never fails but with an error of ours, and accounts for every row', async () => {
    const value = fc.jsonValue({ maxDepth: 4 });
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.array(value, { maxLength: 6 }).map((list) => Buffer.from(list.map((item) => JSON.stringify(item)).join('\n'))),
      value.map((item) => Buffer.from(JSON.stringify(item, null, 1))),
    );
    await fc.assert(
      fc.asyncProperty(
        content,
        fc.constantFrom(undefined, ...auditFormats.filter((name) => name !== 'smallfirst')),
        async (bytes, format) => {
          try {
            const { report } = await read([file(bytes)], format);
            expect(sound(report)).toBe(true);
          } catch (error) {
            expect(error).toBeInstanceOf(SmallfirstError);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('sums the same in any order of rows and files', async () => {
    const all = Array.from({ length: 12 }, (_, index) => JSON.stringify(row(`r${index % 9}`, 1_000)));
    const sums = ({ rows, calls, cost, byDay }: ReadReport) => ({ read: rows.read, kept: rows.kept, calls, cost, byDay });
    const expected = sums((await read([file(all.join('\n'))])).report);
    expect([expected.calls, expected.cost]).toEqual([9, 2_430_000]);
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(all, { minLength: 12, maxLength: 12 }), fc.integer({ min: 1, max: 11 }), async (rows, cut) => {
        const { report } = await read([file(rows.slice(0, cut).join('\n')), file(rows.slice(cut).join('\n'))]);
        expect(sums(report)).toEqual(expected);
      }),
      { numRuns: 20 },
    );
  });
});

describe('batches whose ids repeat', () => {
  it('finds the input of each output by the names of the files', async () => {
    const paths = ['march', 'april'].flatMap((name) => {
      const input = join(folder, `${name}.input.jsonl`);
      const output = join(folder, `${name}.output.jsonl`);
      writeFileSync(
        input,
        JSON.stringify({
          custom_id: '1',
          method: 'POST',
          url: '/v1/chat/completions',
          body: { model: 'gpt-4o', messages: [{ role: 'system', content: name }] },
        }),
      );
      writeFileSync(
        output,
        JSON.stringify({ id: `b-${name}`, custom_id: '1', response: { status_code: 200, body: { choices: [] } }, error: null }),
      );
      return [input, output];
    });
    for (const order of [paths, [...paths].reverse()]) {
      const { calls } = await read(order);
      expect(calls.map(({ file: path, system }) => path.endsWith(`${system}.output.jsonl`))).toEqual([true, true]);
    }
  });
});

describe('an invoice', () => {
  it('is held against the log by day and model, to the nano-dollar', async () => {
    const at = { timestamp: '2026-09-02T10:00:00Z' };
    const { report } = await read([file(JSON.stringify({ ...row('a'), ...at }))]);
    const invoice = await readInvoice(
      file('date,amount,model\n2026-09-02,$0.0005,gpt-4o-mini\n2026-09-03,"$1,000.00",gpt-4o-mini\ntotal,x,\n', 'csv'),
    );
    expect(invoice.skipped).toEqual({ count: 1, firstLine: 4 });
    const held = reconcileInvoice(report.byDay, invoice);
    expect(held.days).toEqual([
      { name: '2026-09-02', logged: 270_000, invoiced: 500_000, difference: 230_000, unpricedCalls: 0 },
      { name: '2026-09-03', logged: 0, invoiced: 1_000_000_000_000, difference: 1_000_000_000_000, unpricedCalls: 0 },
    ]);
    expect(held.models).toEqual([
      { name: 'gpt-4o-mini', logged: 270_000, invoiced: 1_000_000_500_000, difference: 1_000_000_230_000, unpricedCalls: 0 },
    ]);
    await expect(readInvoice(file('a,b\n1,2\n', 'csv'))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});
