import { checksumOf } from '../container/index.ts';
import { SmallfirstError } from '../core/index.ts';
import { type Tried, tryCandidate } from './candidate.ts';
import { CARD_FILE, MODEL_FILE } from './card.ts';
import { dataHashOf, keptRows, ROWS_FILE } from './data-hash.ts';
import { fitHere } from './fit.ts';
import { checkReplaceable, saveFolder } from './folder-write.ts';
import { DEFAULT_RULE, outlookOf } from './outlook.ts';
import { classCounts, scaleOf } from './scale.ts';
import { interrupted } from './thread-fitter.ts';
import type { Candidate, TrainedStudent, TrainStudentOptions } from './train-types.ts';
import type { EmbeddingSource, StudentCard } from './types.ts';
import { type EmbeddedTexts, embedTexts, readVectors, VECTORS_FILE, vectorsFile } from './vectors.ts';

const DEFAULT: readonly Candidate[] = [{ mode: 'default', reads: 'text' }];

/**
 * Trains a student, cross-validates every candidate, keeps the best and writes its folder whole or not at all. Throws INPUT_INVALID for rows that
 * nothing can be learnt from, USAGE, ABORTED, and what an endpoint's call throws.
 */
export async function trainStudent(options: TrainStudentOptions): Promise<TrainedStudent> {
  const { rows, outDir, clock, kind = 'classifier', candidates = DEFAULT, rule = DEFAULT_RULE } = options;
  await checkReplaceable(outDir);
  const startedAt = clock.monotonic();
  const embedded = await vectorsFor(candidates, options);
  const dataHash = dataHashOf(rows, kind);
  const metadata = { seed: options.seed, rows: rows.length, dataHash };
  const tried: Tried[] = [];
  for (const candidate of candidates) {
    const vectors = candidate.reads === 'embeddings' ? (embedded?.vectors ?? null) : null;
    tried.push(
      await tryCandidate(candidate, {
        job: { kind, seed: options.seed, rows, vectors, metadata, mode: candidate.mode, findTwins: tried.length === 0 },
        fitter: options.fitter ?? fitHere,
        clock,
        signal: options.signal ?? null,
        onProgress: told(candidate, options),
      }),
    );
  }
  const [chosen, ...others] = ranked(tried);
  if (!chosen) throw new SmallfirstError('USAGE', 'there is no candidate to train');
  const { fitted, figures, crossValidation } = chosen;
  const outlook = outlookOf(rows, fitted.heldOut, scaleOf({ kind, labels: fitted.labels, crossValidation }), rule);
  const card: StudentCard = {
    format: 'smallfirst-student',
    version: 2,
    kind,
    created: new Date(clock.now()).toISOString(),
    seed: options.seed,
    rows: rows.length,
    classes: fitted.labels.length,
    labels: fitted.labels,
    dataHash,
    ...(fitted.temperature === undefined ? {} : { temperature: fitted.temperature }),
    features: fitted.features,
    mode: figures.mode,
    reads: figures.reads,
    embeddings: figures.reads === 'embeddings' ? sourceOf(options, embedded!) : null,
    ...classCounts(rows, kind),
    nearDuplicateShare: tried[0]!.fitted.twinShare ?? 0,
    crossValidation,
    candidates: [figures, ...others.map((other) => other.figures)],
    outlook,
    from: options.from ?? null,
    rowsFile: options.keepRows === true ? ROWS_FILE : null,
    trainingSeconds: (clock.monotonic() - startedAt) / 1000,
    model: { file: MODEL_FILE, bytes: fitted.model.length, sha256: checksumOf(fitted.model) },
  };
  if (options.signal?.aborted) throw interrupted();
  if (options.refuseHopeless === true && outlook.verdict === 'none') return { card, heldOut: fitted.heldOut, isWritten: false };
  await saveFolder(
    outDir,
    new Map<string, string | Uint8Array>([
      [MODEL_FILE, fitted.model],
      [CARD_FILE, `${JSON.stringify(card, null, 2)}\n`],
      ...(options.keepRows === true ? [[ROWS_FILE, keptRows(rows)] as const] : []),
      ...(embedded === null ? [] : [[VECTORS_FILE, vectorsFile(embedded.cache)] as const]),
    ]),
  );
  return { card, heldOut: fitted.heldOut, isWritten: true };
}

/** The rows' vectors where a candidate reads them; those of an earlier student in the folder are not paid for again. */
async function vectorsFor(candidates: readonly Candidate[], options: TrainStudentOptions): Promise<EmbeddedTexts | null> {
  if (!candidates.some(({ reads }) => reads === 'embeddings')) return null;
  if (!options.embeddings) throw new SmallfirstError('USAGE', 'a student over embeddings needs an endpoint: name it with --embeddings');
  return embedTexts(
    options.rows.map(({ text }) => text),
    options.embeddings.embedder,
    {
      cache: new Map([...(await readVectors(options.vectorsFrom ?? options.outDir)), ...(await readVectors(options.outDir))]),
      signal: options.signal ?? null,
      onDone: (done, total) => options.onProgress?.({ phase: 'embed', done, total }),
    },
  );
}

function sourceOf({ embeddings }: TrainStudentOptions, { vectors }: EmbeddedTexts): EmbeddingSource {
  const { embedder, url, apiKeyEnv } = embeddings!;
  return { url, model: embedder.model, dimensions: vectors[0]!.length, apiKeyEnv };
}

function told(
  { mode, reads }: Candidate,
  { candidates = DEFAULT, onProgress }: TrainStudentOptions,
): NonNullable<TrainStudentOptions['onProgress']> {
  const prefix = candidates.length === 1 ? '' : `${reads === 'embeddings' ? 'embeddings' : mode}: `;
  return ({ phase, done, total }) => onProgress?.({ phase: `${prefix}${phase}`, done, total });
}

/**
 * The chosen candidate first. Candidates stand from the cheapest on; a dearer one must be right more often by more than one standard error of the
 * paired difference on the held-out rows.
 */
function ranked(tried: readonly Tried[]): readonly Tried[] {
  let best = tried[0];
  for (const other of tried.slice(1)) if (best && isBetter(other, best)) best = other;
  return best ? [best, ...tried.filter((one) => one !== best)] : [];
}

function isBetter(other: Tried, best: Tried): boolean {
  const gains = other.outcomes.map((outcome, i) => outcome - best.outcomes[i]!);
  const mean = gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
  const variance = gains.reduce((sum, gain) => sum + (gain - mean) ** 2, 0) / Math.max(1, gains.length - 1);
  return mean > Math.sqrt(variance / gains.length);
}
