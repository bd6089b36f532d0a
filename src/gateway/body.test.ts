import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { SmallfirstError } from '../core/index.ts';
import { streamedBody } from './body.ts';

const requestOf = (headers: IncomingMessage['headers'] = {}) =>
  Object.assign(new PassThrough(), { headers }) as unknown as IncomingMessage & PassThrough;

/** Lets streams move. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a body that is streamed on', () => {
  it('is given up when its sender is silent for half a minute, and not while it moves', async () => {
    const request = requestOf();
    const body = streamedBody(request, 1_000, 0);
    const failed = new Promise<unknown>((resolve) => body.once('error', resolve));
    body.resume();
    for (let now = 0; now <= 300_000; now += 20_000) {
      request.write('x');
      await turn();
      body.sweep(now);
    }
    expect(body.destroyed).toBe(false);
    body.sweep(330_000);
    expect(body.destroyed).toBe(false);
    body.sweep(330_001);
    expect(await failed).toMatchObject({ code: 'REQUEST_TOO_SLOW' });
  });

  it('waits for an upstream that reads slowly, and for the answer to a body that has arrived', async () => {
    const request = requestOf();
    const body = streamedBody(request, 10_000_000, 0);
    request.write(Buffer.alloc(1_000_000));
    await turn();
    body.sweep(0);
    body.sweep(600_000);
    expect([body.writableNeedDrain, body.destroyed]).toEqual([true, false]);
    request.end();
    body.resume();
    await new Promise((resolve) => body.once('end', resolve));
    body.sweep(6_000_000);
    expect(body.errored).toBeNull();
  });

  it('fails past its limit, counted as it is when nothing is packed any more', async () => {
    const body = streamedBody(requestOf(), 2, 0);
    const failed = new Promise<unknown>((resolve) => body.once('error', resolve));
    body.write('abc');
    expect(await failed).toMatchObject({ code: 'REQUEST_TOO_LARGE' });
    expect(() => streamedBody(requestOf({ 'content-encoding': 'rot13' }), 2, 0)).toThrow(SmallfirstError);
  });
});
