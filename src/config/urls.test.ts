import { describe, expect, it } from 'vitest';
import { ConfigError, type Known, parseConfig } from './index.ts';

const known: Known = {
  refusedUrl: (url, allowPrivate) =>
    new URL(url).hostname === 'never' ? 'never, a trap' : allowPrivate || new URL(url).hostname !== 'near' ? null : 'near, a neighbour',
};

const problems = (text: string): readonly string[] => {
  try {
    parseConfig(text, 's.yaml', {}, known);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ message, position }) => `${position.line}:${position.column} ${message}`);
  }
};

const FILE = `models:
  a: { provider: openai, url: "http://never/v1" }
  b: { provider: openai, url: "http://near/v1" }
  c: { provider: openai }
passthrough: { openai: { url: "http://near" } }
`;

describe('a URL that may not be called', () => {
  it('is refused where it stands', () => {
    expect(problems(FILE)).toEqual(['2:31 models.a.url names never, a trap.']);
    expect(problems(`${FILE}upstreams: { allowPrivate: false }\n`)).toEqual([
      '2:31 models.a.url names never, a trap.',
      '3:31 models.b.url names near, a neighbour.',
      '5:31 passthrough.openai.url names near, a neighbour.',
    ]);
  });
});
