import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { percent, renderTable } from '../src/cli/table.ts';
import type { Json } from '../src/core/index.ts';
import { isLlamaInstalled } from '../test/engines/installed.ts';
import { evaluateTiny, pythonWithTorch, TRAINER, trainTiny, writeTinyTask } from '../test/engines/tiny-finetune.ts';
import { writeResult } from './result.ts';

const INTENTS = 12;
const FLOOR = 0.9;
/** The budget of the training alone, on one core: more of them wait for each other on a machine that does other work. */
const SECONDS = 180;

/**
 * A language model from nothing: trained on twelve intents of Banking77 by the script that `train` emits, exported to GGUF, served in this process, evaluated on
 * training rows that were held out and certified against a ceiling that is always right. The official test rows are not scored.
 */
async function main(): Promise<void> {
  const python = pythonWithTorch();
  if (python === null || !isLlamaInstalled) {
    process.stdout.write(
      'skipped: needs a Python with torch, numpy and gguf (name it in SMALLFIRST_PYTHON) and the engine (npm install --prefix test/engines)\n',
    );
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'smallfirst-tiny-'));
  try {
    const task = await writeTinyTask(resolve('..', 'shared', 'data', 'text'), folder, INTENTS);
    const trained = await trainTiny(python, TRAINER, task, ['--seconds', String(SECONDS), '--threads', '1']);
    const result = await evaluateTiny(task, FLOOR);
    const { verdict, threshold, accepted, retained, retainedLowerBound, savings } = result.certificate;
    const rows: readonly (readonly [string, string])[] = [
      ['rows (train, validation, held out)', Object.values(task.rows).join(', ')],
      ['parameters', trained.parameters.toLocaleString('en-US')],
      ['training', `${trained.seconds.toFixed(0)} s, ${trained.epochs} epochs`],
      ['accuracy, held out', percent(result.accuracy)],
      ['answers that are no label', String(result.invalid)],
      ['ECE of the token probability', result.ece.toFixed(3)],
      ['AUROC of the token probability', result.auroc.toFixed(3)],
      ['latency p50 / p95', result.latencyMs === null ? '–' : `${result.latencyMs.p50.toFixed(1)} / ${result.latencyMs.p95.toFixed(1)} ms`],
      ['verdict at a floor of 90 %', verdict],
      ['accepted', percent(accepted)],
      ['retained, lower bound', `${percent(retained)}, ${percent(retainedLowerBound)}`],
    ];
    process.stdout.write(renderTable([{ head: '' }, { head: 'tuned' }], rows));
    const figures = {
      data: 'Banking77, training split only',
      intents: task.labels.length,
      rows: task.rows,
      training: { seconds: trained.seconds, epochs: trained.epochs, parameters: trained.parameters },
      model: { chatTemplateSha256: trained.chatTemplateSha256, eos: trained.eos },
      heldOut: {
        n: result.n,
        accuracy: result.accuracy,
        invalid: result.invalid,
        ece: result.ece,
        auroc: result.auroc,
        latencyMs: result.latencyMs,
      },
      certificate: { floor: FLOOR, level: 0.95, verdict, threshold, accepted, retained, retainedLowerBound, savings },
    };
    process.stdout.write(`\nfigures: ${writeResult('tiny-finetune', figures as unknown as Json)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
