import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from './load.ts';
import { loadDeprecations, shutdownOf } from './pins-deprecations.ts';
import { pinningOf } from './pins-rules.ts';
import { SHUTDOWNS } from './pins-shutdowns.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-deprecations-'));
});

let files = 0;
const file = async (text: string): Promise<string> => {
  files += 1;
  const path = join(folder, `${files}.yaml`);
  await writeFile(path, text);
  return path;
};

describe('the bundled list of shutdown dates', () => {
  it('names a page and a day for every date, and no model twice', () => {
    const names = SHUTDOWNS.map(({ provider, model }) => `${provider}/${model}`);
    expect(new Set(names).size).toBe(names.length);
    for (const { shutdown, source, asOf } of SHUTDOWNS) {
      expect([shutdown, asOf]).toEqual([expect.stringMatching(/^20\d\d-\d\d-\d\d$/), expect.stringMatching(/^2026-\d\d-\d\d$/)]);
      expect(source).toMatch(/^https:\/\//);
    }
  });

  it('recommends no name that its own vendor moves', () => {
    const moving = SHUTDOWNS.filter(
      ({ provider, replacement }) => replacement !== null && pinningOf({ provider, model: replacement }) === 'alias',
    );
    expect(moving.map(({ replacement }) => replacement)).toEqual(['gpt-5.4-mini', 'gpt-5.4-mini']);
  });

  it('knows when a model goes and what its vendor recommends', () => {
    expect(shutdownOf({ provider: 'openai', model: 'gpt-4o-2024-08-06' }, [])).toEqual({
      provider: 'openai',
      model: 'gpt-4o-2024-08-06',
      shutdown: '2027-01-14',
      replacement: 'gpt-6-luna',
      source: 'https://developers.openai.com/api/docs/deprecations',
      asOf: '2026-10-28',
    });
    expect(shutdownOf({ provider: 'azure', model: 'gpt-4o-2024-08-06' }, [])).toBeNull();
  });
});

describe('a list of one’s own', () => {
  it('wins over the bundled one, also where it withdraws a date', async () => {
    const path = await file(`
- { provider: openai, model: gpt-4o, shutdown: null, source: "a letter from the vendor", asOf: 2026-11-01 }
- { provider: vllm, model: llama, shutdown: 2027-02-01, replacement: llama-4, source: "the platform team", asOf: 2026-11-02 }
`);
    const own = await loadDeprecations(path, {});
    expect(shutdownOf({ provider: 'openai', model: 'gpt-4o' }, own)).toBeNull();
    expect(shutdownOf({ provider: 'openai', model: 'gpt-4o-mini' }, own)?.shutdown).toBe('2027-01-14');
    expect(shutdownOf({ provider: 'vllm', model: 'llama' }, own)).toEqual({
      provider: 'vllm',
      model: 'llama',
      shutdown: '2027-02-01',
      replacement: 'llama-4',
      source: 'the platform team',
      asOf: '2026-11-02',
    });
  });

  it('is read with the config that names it', async () => {
    await writeFile(
      join(folder, 'own.json'),
      '[{"provider":"vllm","model":"m","shutdown":"2027-02-01","source":"us","asOf":"2026-11-02"}]',
    );
    await writeFile(join(folder, 'smallfirst.yaml'), 'deprecations: own.json\n');
    const { deprecations, deprecationFile } = await loadConfig(join(folder, 'smallfirst.yaml'), {});
    expect(deprecationFile).toBe(join(folder, 'own.json'));
    expect(deprecations.map(({ model, replacement }) => ({ model, replacement }))).toEqual([{ model: 'm', replacement: null }]);
  });

  it('is refused with line and column', async () => {
    const path = await file('- { provider: openai, model: gpt-4o, shutdown: soon, source: x, asOf: 2026-11-01 }\n- { provider: openai }\n');
    await expect(loadDeprecations(path, {})).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      position: { file: path, line: 1, column: 48 },
    });
    await expect(loadDeprecations(join(folder, 'nowhere.yaml'), {})).rejects.toMatchObject({ code: 'CONFIG_NOT_FOUND' });
  });
});
