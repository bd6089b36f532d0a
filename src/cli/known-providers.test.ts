import { expect, it } from 'vitest';
import { parseConfig } from '../config/index.ts';
import { knownUpstreams } from './known-providers.ts';

it('refuses a metadata address in a config at its line and column', () => {
  const text = 'models:\n  m: { provider: openai, url: "http://169.254.169.254/v1" }\n';
  expect(() => parseConfig(text, 's.yaml', {}, knownUpstreams())).toThrow(
    expect.objectContaining({
      code: 'CONFIG_INVALID',
      message: 'models.m.url names 169.254.169.254, a link-local, metadata or multicast address, which is never called.',
      position: { file: 's.yaml', line: 2, column: 31 },
    }),
  );
});
