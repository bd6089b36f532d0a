import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importLlama } from './load-module.ts';
import { hashModelFile } from './model-file.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-llama-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function packageThat(name: string, source: string): Promise<string> {
  const root = join(folder, name);
  const place = join(root, 'node_modules', 'node-llama-cpp');
  await mkdir(place, { recursive: true });
  await writeFile(join(place, 'package.json'), '{"name":"node-llama-cpp","type":"module","exports":"./index.js"}');
  await writeFile(join(place, 'index.js'), source);
  return root;
}

describe('importLlama', () => {
  it('says how to install the engine where it is not there', async () => {
    await expect(importLlama(folder)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message:
        'The provider llama-cpp runs models in this process with node-llama-cpp, which is not installed: npm install node-llama-cpp@3',
    });
  });

  it('finds it from the folder of the config', async () => {
    const root = await packageThat('there', 'export const getLlama = 7;');
    expect(await importLlama(root)).toMatchObject({ getLlama: 7 });
  });

  it('says why it does not load where it is there', async () => {
    const root = await packageThat('broken', "throw new Error('built for another machine');");
    await expect(importLlama(root)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'node-llama-cpp is installed and does not load: built for another machine',
    });
  });
});

describe('hashModelFile', () => {
  it('hashes a GGUF file, and refuses what is none or is not there', async () => {
    const [good, bad, empty] = ['good.gguf', 'bad.gguf', 'empty.gguf'].map((name) => join(folder, name)) as [string, string, string];
    await writeFile(good, 'GGUF and more');
    await writeFile(bad, 'PK and more');
    await writeFile(empty, '');
    expect(await hashModelFile(good, 'model')).toBe('144581c14596a699068df44aa4ca0ed507e2d4a875f409e78b6319ec468379b3');
    for (const path of [bad, empty]) {
      await expect(hashModelFile(path, 'model')).rejects.toMatchObject({
        code: 'INPUT_INVALID',
        message: `The model ${path} is no GGUF file; convert it with llama.cpp's convert_hf_to_gguf.py.`,
      });
    }
    await expect(hashModelFile(join(folder, 'none'), 'LoRA adapter')).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
  });
});
