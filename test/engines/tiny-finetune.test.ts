import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { textMessage } from '../../src/core/index.ts';
import { loadModel } from '../../src/providers/llama-cpp/load-model.ts';
import { importLlama } from '../../src/providers/llama-cpp/load-module.ts';
import { isLlamaInstalled } from './installed.ts';
import { evaluateTiny, pythonWithTorch, TRAINER, trainTiny, writeTinyTask } from './tiny-finetune.ts';

const DATA = fileURLToPath(new URL('../../../shared/data/text', import.meta.url));

/** Why the fine-tune does not run here; null where it does. */
function whyNot(): string | null {
  if (!existsSync(join(DATA, 'banking77'))) return 'Banking77 is not there';
  if (!isLlamaInstalled) return 'the engine is not installed: npm install --prefix test/engines --omit=optional --ignore-scripts';
  if (pythonWithTorch() === null) return 'no Python with torch: pip install torch numpy gguf, and name it in SMALLFIRST_PYTHON';
  return null;
}

const missing = whyNot();

describe(missing === null ? 'a language model trained from scratch' : `a language model trained from scratch (skipped: ${missing})`, () => {
  let folder: string | null = null;
  afterAll(async () => {
    if (folder !== null) await rm(folder, { recursive: true, force: true });
  });

  it.skipIf(missing !== null)(
    'is trained, served in this process as it was trained, evaluated and certified',
    { timeout: 300_000 },
    async () => {
      folder = await mkdtemp(join(tmpdir(), 'smallfirst-finetune-'));
      const task = await writeTinyTask(DATA, folder, 4);
      const options = ['--dimension', '64', '--layers', '2', '--merges', '800', '--epochs', '16', '--seconds', '90', '--threads', '1'];
      const trained = await trainTiny(pythonWithTorch() ?? '', TRAINER, task, options);

      // Another tokenizer or another template would serve another model than the one that was trained.
      const module = await importLlama(folder);
      const settings = { lora: [], contextWindow: null, threads: 1, gpuLayers: 0, concurrency: 1, queue: 1 };
      const loaded = await loadModel(module, join(folder, 'model.gguf'), settings);
      const prompt = loaded.prompt({ messages: [textMessage('user', task.firstPrompt)] });
      expect({ tokens: prompt.tokens, stops: prompt.stops }).toEqual({ tokens: trained.promptTokens, stops: [] });
      await loaded.dispose();

      const result = await evaluateTiny(task, 0.8);
      expect(result).toMatchObject({ n: task.rows.heldOut, invalid: 0 });
      // A quarter would be guessing.
      expect(result.accuracy).toBeGreaterThan(0.6);
      expect(result.auroc).toBeGreaterThan(0.5);
      // The gate is the same as for every model: what it lets through keeps what the floor asks for.
      expect(['swap', 'cascade']).toContain(result.certificate.verdict);
      expect(result.certificate.retainedLowerBound).toBeGreaterThanOrEqual(0.8);
    },
  );
});
