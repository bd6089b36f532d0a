import { describe, expect, it } from 'vitest';
import { ConfigError } from './config-error.ts';
import { parseConfig } from './parse.ts';
import type { KnownProvider } from './types.ts';

const providers: Readonly<Record<string, KnownProvider>> = {
  openai: { needs: [], capabilities: ['system'] },
  'llama-cpp': { needs: ['path'], capabilities: ['system', 'logprobs'], inProcess: true, lora: { from: 'here', several: true } },
  vllm: { needs: [], capabilities: ['system'], lora: { from: 'server', several: false } },
  ollama: { needs: [], capabilities: ['system'], lora: { from: 'here', several: false } },
};
const read = (lines: readonly string[]) =>
  parseConfig(`models:\n${lines.map((line) => `  ${line}\n`).join('')}`, '/etc/smallfirst.yaml', {}, { providers });
function problemsOf(lines: readonly string[]): readonly string[] {
  try {
    read(lines);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ message, position }) => `${position.line}:${position.column} ${message}`);
  }
}

describe('a local model', () => {
  it('is free and internal unless told otherwise, its files found from the folder of the config', () => {
    const { models } = read([
      'a: { provider: llama-cpp, path: a.gguf, lora: [{ path: adapters/x.gguf, scale: 0.5 }], threads: 2, gpuLayers: 0 }',
      'b: { provider: llama-cpp, path: b.gguf, boundary: eu, hardware: { usdPerHour: 1, tokensPerSecond: 100 } }',
    ]);
    const { path, price, boundary, local } = models.get('a') ?? {};
    expect({ path, price, boundary, local }).toEqual({
      path: '/etc/a.gguf',
      price: { free: true },
      boundary: 'internal',
      local: { lora: [{ path: '/etc/adapters/x.gguf', scale: 0.5, name: 'x' }], threads: 2, gpuLayers: 0 },
    });
    expect(models.get('b')).toMatchObject({
      boundary: 'eu',
      local: null,
      price: { hardware: { usdPerHour: 1, tokensPerSecond: 100, utilisation: 1 } },
    });
  });

  it('names an adapter as its server has it, by its file unless it has a name', () => {
    const { models } = read([
      'v: { provider: vllm, lora: [{ path: adapters/intent-v3 }] }',
      'o: { provider: ollama, lora: [{ path: x.gguf, name: "intent:v3" }] }',
    ]);
    expect([models.get('v')?.local?.lora, models.get('o')?.local?.lora]).toEqual([
      [{ path: 'adapters/intent-v3', scale: 1, name: 'intent-v3' }],
      [{ path: '/etc/x.gguf', scale: 1, name: 'intent:v3' }],
    ]);
  });

  it('says at its place what a provider does not read', () => {
    expect(
      problemsOf([
        'a: { provider: openai, lora: [{ path: x }], threads: 1 }',
        'b: { provider: vllm, lora: [{ path: x, scale: 0.5 }, { path: y }], gpuLayers: 1 }',
        'c: { provider: llama-cpp }',
      ]),
    ).toEqual([
      '2:26 models.a.lora says nothing to the provider openai; these read it: llama-cpp, vllm, ollama.',
      '2:47 models.a.threads says nothing to the provider openai; these read it: llama-cpp.',
      '3:42 models.b.lora.0.scale is not known to vllm, which applies an adapter as it was trained; leave it out.',
      '3:56 models.b.lora lists 2 adapters, and vllm puts one over a model; make a model of each.',
      '3:70 models.b.gpuLayers says nothing to the provider vllm; these read it: llama-cpp.',
      '4:3 models.c lacks "path", which the provider llama-cpp needs; add it.',
    ]);
  });
});
