import { SmallfirstError } from '../../core/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import type { TrainOptions } from './train-options.ts';
import { openTrainingSource, openTrainWorld, type TrainingSource, type TrainWorld } from './train-rows.ts';

/**
 * `smallfirst train TASK`: an embedded student where the task answers in labels or JSON, else a language model. Naming a provider asks for
 * a language model whatever the task answers. Throws USAGE where a language model is needed and nobody is named to train it.
 */
export async function runTrain(task: string | undefined, options: TrainOptions, io: CommandIo): Promise<ExitCode> {
  if (task === undefined)
    throw new SmallfirstError('USAGE', 'Name a task: `smallfirst train classify`. `smallfirst train list` shows jobs.');
  const world = await openTrainWorld(task, options, io);
  const source = await openTrainingSource(world, options, io);
  if (options.provider !== undefined || options.base !== undefined) {
    return (await import('./train-language-model.ts')).runTrainLanguageModel(world, source, { options, io });
  }
  if (suitsStudent(world, source)) return (await import('./train-student.ts')).runTrainStudent(world, source, { options, io });
  throw new SmallfirstError(
    'USAGE',
    `"${task}" answers in text, which takes a language model: name who trains it with --provider (together, fireworks, mistral, openai, or local for a machine of your own) and the model with --base. --estimate says what it would cost.`,
  );
}

/** A student answers labels and JSON. Without a declared task the first row tells. */
function suitsStudent({ declared }: TrainWorld, { training }: TrainingSource): boolean {
  if (declared !== null) return declared.output.kind !== 'text';
  const first = training.split('\n').find((line) => line.trim() !== '');
  try {
    const row = JSON.parse(first ?? '') as Record<string, unknown>;
    return typeof row.text === 'string' && ['label', 'labels', 'fields', 'value'].some((name) => row[name] !== undefined);
  } catch {
    // What is wrong with the line is told, with its number, by whoever reads the rows.
    return true;
  }
}
