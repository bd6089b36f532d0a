import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Config, formatLock, type Lock, loadConfig, lockPathOf, readLock, suggestion } from '../../config/index.ts';
import { type Clock, SmallfirstError, systemClock } from '../../core/index.ts';
import { isLookDue, type ReviewQuestion, reviewTask, type TaskReview, unifiedDiff } from '../../life/index.ts';
import { providers } from '../../providers/index.ts';
import type { Store } from '../../store/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { openRecord } from '../record.ts';
import { gatherReviews, type ReviewWorld, takeReviewLooks } from './review-gather.ts';
import { reviewPage } from './review-html.ts';
import { pinLines, priceChanges } from './review-models.ts';
import { type ReviewedTask, renderReview, taskDocument } from './review-report.ts';
import type { ReviewDocument } from './review-schema.ts';
import { applyReviews, isChange, reviewedLock, storeToWrite } from './review-write.ts';

export interface ReviewOptions {
  readonly config: string;
  readonly data: string;
  readonly task?: string;
  readonly json: boolean;
  readonly write?: boolean;
  /** False with `--no-look`: reports only, and spends nothing of the error. */
  readonly look?: boolean;
  readonly html?: string;
}

/**
 * `smallfirst review`: what becomes of each task's certificate, and the diff of the lock file that a person approves with `--write`. A
 * certificate that is void, old or ending is certified anew first, by a look that is stored. Answers 1 when anything needs a person.
 */
export async function runReview(options: ReviewOptions, io: CommandIo, clock: Clock = systemClock): Promise<ExitCode> {
  const config = await loadConfig(resolve(io.cwd, options.config), io.env, { providers });
  const path = lockPathOf(config.file);
  const lock = await readLock(path);
  const names = tasksOf(config, lock, options.task);
  const world: ReviewWorld = { config, lock, clock, note: (message) => io.note(message) };
  if (options.look !== false) await lookWhereDue(names, options, world, io);

  const found = await withRecord(options, io, async (store) => {
    const questions = await gatherReviews(names, store, world);
    return { questions, reviews: questions.map(reviewTask), models: await modelFacts(questions, store, world) };
  });
  const { questions, reviews, models } = found;
  const after = reviewedLock(lock, reviews);
  const isNews = reviews.some(isChange);
  const written = options.write === true && isNews;
  const now = clock.now();
  if (written) await applyReviews({ path, after }, reviews, { config, data: options.data, now }, io);

  const tasks = reviews.map((review) => taskDocument(review, models(review), written));
  const document: ReviewDocument = {
    at: new Date(now).toISOString(),
    needsPerson: tasks.some(({ needsPerson }) => needsPerson),
    written,
    diff: isNews
      ? unifiedDiff(lock.certificates.size + lock.pins.size === 0 ? '' : formatLock(lock), formatLock(after), 'smallfirst.lock')
      : '',
    tasks,
  };
  if (options.html !== undefined) await writeFile(resolve(io.cwd, options.html), reviewPage(document, reviews, questions));
  if (options.json) io.json(document);
  else io.out(renderReview(document));
  if (written) io.note(`${path} is written. Commit it; a running gateway takes it up within seconds.`);
  else if (isNews) io.note('Nothing was written; --write puts it into the lock file.');
  return document.needsPerson ? 1 : 0;
}

/** The tasks of the config in its order, then those that only the lock file has. */
function tasksOf(config: Config, lock: Lock, only: string | undefined): readonly string[] {
  const all = [...new Set([...config.tasks.keys(), ...lock.certificates.keys()])];
  if (only === undefined) return all;
  if (!all.includes(only)) throw new SmallfirstError('TASK_NOT_FOUND', `The config has no task "${only}".${suggestion(only, all)}`);
  return [only];
}

/** Nothing is opened to write, and no share of the error spent, unless a look is due. */
async function lookWhereDue(names: readonly string[], options: ReviewOptions, world: ReviewWorld, io: CommandIo): Promise<void> {
  const due = await withRecord(options, io, async (store) =>
    store === null ? [] : (await gatherReviews(names, store, world)).filter(isLookDue).map(({ name }) => name),
  );
  if (due.length === 0) return;
  const store = await storeToWrite(world.config, resolve(io.cwd, options.data), io);
  if (store === null) return;
  try {
    await takeReviewLooks(due, store, world);
  } finally {
    await store.close();
  }
}

async function modelFacts(
  questions: readonly ReviewQuestion[],
  store: Store | null,
  { config, lock, clock }: ReviewWorld,
): Promise<(review: TaskReview) => Pick<ReviewedTask, 'prices' | 'pins'>> {
  const now = clock.now();
  const pins = await pinLines(config, lock, store, now);
  const prices = new Map<string, ReviewedTask['prices']>();
  for (const { name, task, locked } of questions) {
    const changes = locked === null || task === null ? [] : await priceChanges(task.ladder, { config, store, since: locked.issuedAt, now });
    prices.set(name, [...changes]);
  }
  return ({ task }) => ({ prices: prices.get(task) ?? [], pins: [...pins(task)] });
}

/** Runs on the record, or on null where nothing was ever recorded. */
async function withRecord<Result>(
  { data, config }: ReviewOptions,
  io: CommandIo,
  use: (store: Store | null) => Promise<Result>,
): Promise<Result> {
  const store = await openRecord({ data, config }, io).catch((error: unknown) => {
    if (error instanceof SmallfirstError && error.code === 'INPUT_NOT_FOUND') return null;
    throw error;
  });
  try {
    return await use(store);
  } finally {
    await store?.close();
  }
}
