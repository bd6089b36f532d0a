import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError, loadStoreConfig } from './index.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-store-config-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function load(text: string, environment: Readonly<Record<string, string>> = {}) {
  const file = join(folder, 'smallfirst.yaml');
  await writeFile(file, text);
  return loadStoreConfig(file, environment);
}

describe('where the record is, as a config says it', () => {
  it('is read without the keys of the models, and whatever else is wrong', async () => {
    const text = 'models:\n  m: { provider: nobody, apiKey: "${UNSET}" }\nnonsense: 1\nstore:\n  url: "${DB}"\n  schema: record\n';
    expect(await load(text, { DB: 'postgres://db/x' })).toEqual({ url: 'postgres://db/x', schema: 'record' });
    expect(await load('models: {}')).toBeNull();
    expect(await load('')).toBeNull();
  });

  it.each([
    [
      'of a variable that is not set',
      'models: { m: { apiKey: "${OTHER}" } }\nstore: { url: "${DB}" }',
      '2:16 The environment variable DB is not set',
    ],
    ['that is no PostgreSQL URL', 'store: { url: "https://db" }', '1:15 '],
    ['with a key too many', 'store: { url: "postgres://db/x", name: y }', '1:34 '],
    ['in a file that is no YAML', 'store: { url: ', '1:'],
  ])('is refused where it is the place %s, and nothing is said of the rest', async (_what, text, message) => {
    const error = await load(text).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof ConfigError)) throw new Error(`refused in another way: ${String(error)}`);
    const lines = error.problems.map(({ position, message: said }) => `${position.line}:${position.column} ${said}`);
    expect(lines).toEqual([expect.stringContaining(message)]);
  });

  it('is not found where there is no config', async () => {
    await expect(loadStoreConfig(join(folder, 'none.yaml'), {})).rejects.toMatchObject({ code: 'CONFIG_NOT_FOUND' });
  });
});
