import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { certificateFor } from '../../test/support/cascade-world.ts';
import { located } from '../core/index.ts';
import { loadConfig } from './load.ts';
import { NO_LOCK, withCertificate } from './lock.ts';
import { refuseUnpinned, unpinnedUses } from './pins-live.ts';

const load = async (text: string) => {
  const file = join(await mkdtemp(join(tmpdir(), 'smallfirst-unpinned-')), 'smallfirst.yaml');
  await writeFile(file, text);
  return loadConfig(file, {});
};

const CONFIG = `models:
  small: { provider: openai, model: gpt-4o-mini }
  frontier:
    provider: anthropic
    model: claude-opus-5
tasks:
  classify: { output: { kind: label, labels: [a, b] }, ladder: [small, frontier] }
`;

describe('certificates on names that move', () => {
  it('are refused with the line and column of the model', async () => {
    const config = await load(CONFIG);
    const lock = withCertificate(NO_LOCK, certificateFor(config, {}));
    const uses = unpinnedUses(config, lock);
    expect(uses).toEqual([{ task: 'classify', models: ['small'] }]);
    const error = await refuseUnpinned(config, uses).then(
      () => null,
      (caught: Error) => caught,
    );
    if (error === null) throw new Error('it was taken');
    expect(located(error as Parameters<typeof located>[0])).toBe(
      `${config.file}:2:37: models.small is asked as "gpt-4o-mini", a name that its vendor moves to other models, and the certificate of ` +
        'classify rests on it; name a dated version and certify that, or write allowUnpinned: true.',
    );
  });

  it('name the ceiling as well: what is kept is kept against it', async () => {
    const config = await load(CONFIG.replace('gpt-4o-mini', 'gpt-4o-mini-2024-07-18').replace('claude-opus-5', 'claude-opus-4-5'));
    expect(unpinnedUses(config, withCertificate(NO_LOCK, certificateFor(config, {})))).toEqual([
      { task: 'classify', models: ['frontier'] },
    ]);
  });

  it.each([
    ['the model allows it', CONFIG.replace('gpt-4o-mini', 'gpt-4o-mini, allowUnpinned: true'), {}],
    ['the config allows it', `${CONFIG}allowUnpinned: true\n`, {}],
    ['the task only observes', CONFIG.replace('ladder:', 'mode: observe, ladder:'), {}],
    ['the frontier stays', CONFIG, { verdict: 'frontier' as const }],
    ['nothing is certified', CONFIG, null],
  ])('are taken where %s', async (_why, text, parts) => {
    const config = await load(text);
    const lock = parts === null ? NO_LOCK : withCertificate(NO_LOCK, certificateFor(config, parts));
    expect(unpinnedUses(config, lock)).toEqual([]);
    await expect(refuseUnpinned(config, [])).resolves.toBeUndefined();
  });

  it('are refused where the model says no to what the config allows', async () => {
    const config = await load(`${CONFIG.replace('gpt-4o-mini', 'gpt-4o-mini, allowUnpinned: false')}allowUnpinned: true\n`);
    expect(unpinnedUses(config, withCertificate(NO_LOCK, certificateFor(config, {})))).toHaveLength(1);
  });
});
