import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aCall } from '../test/contracts/calls.ts';
import { openStoreToRead, openStoreToWrite, storeLocation } from './store-location.ts';

const postgres = process.env.SMALLFIRST_TEST_POSTGRES ?? '';
const schema = `test_location_${process.pid}_${Date.now().toString(36)}`;
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-location-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('the place of a record', () => {
  it('is the data directory where no config names another', () => {
    expect(storeLocation(null, '/data/smallfirst.db')).toEqual({ kind: 'sqlite', path: '/data/smallfirst.db' });
    expect(storeLocation({ url: 'postgres://db/x', schema: null }, '')).toEqual({ kind: 'postgres', url: 'postgres://db/x' });
    expect(storeLocation({ url: 'postgres://db/x', schema: 's' }, '')).toEqual({ kind: 'postgres', url: 'postgres://db/x', schema: 's' });
  });

  it('in a data directory has one writer, and readers beside it that change nothing', async () => {
    const dir = join(folder, 'data');
    await expect(openStoreToRead(dir)).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
    const writer = await openStoreToWrite(dir);
    await expect(openStoreToWrite(dir)).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' });
    const call = aCall();
    await writer.calls.append([call]);
    const reader = await openStoreToRead(dir);
    expect(await reader.calls.ofRequest(call.requestId)).toEqual([call]);
    await expect(reader.calls.append([aCall()])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await reader.close();
    await writer.close();
    await (await openStoreToWrite(dir)).close();
  });

  it.skipIf(postgres === '')(
    'in PostgreSQL has any number of writers, and readers that change nothing (needs SMALLFIRST_TEST_POSTGRES)',
    async () => {
      const store = { url: postgres, schema };
      const none = join(folder, 'none');
      // A reader makes nothing: not even the schema.
      await expect(openStoreToRead(none, store)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      const writers = await Promise.all([openStoreToWrite(none, store), openStoreToWrite(none, store)]);
      try {
        const calls = [aCall(), aCall()];
        await Promise.all(writers.map((writer) => writer.calls.append(calls)));
        const reader = await openStoreToRead(none, store);
        expect(await reader.calls.ofRequest(calls[0]!.requestId)).toEqual([calls[0]]);
        await expect(reader.calls.append([aCall()])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
        await reader.close();
      } finally {
        await Promise.all(writers.map((writer) => writer.close()));
        const { default: pg } = await import('pg');
        const admin = new pg.Client({ connectionString: postgres });
        await admin.connect();
        await admin.query(`set client_min_messages = warning; drop schema if exists ${schema} cascade`);
        await admin.end();
      }
    },
  );
});
