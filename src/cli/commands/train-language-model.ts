import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { nanoUsd, SmallfirstError, systemClock, usdPerMillion } from '../../core/index.ts';
import {
  approves,
  createJob,
  emitTrainers,
  endpointPrice,
  type FineTuneAdapter,
  holdOut,
  hostedTrainers,
  type JobAccess,
  type JobRecord,
  JobStore,
  LOCAL,
  type NewJob,
  type PlannedJob,
  planJob,
  type ReadRows,
  type RowPrompt,
  readRows,
  readTemplate,
  trainingPrice,
} from '../../finetune/index.ts';
import { loadTokenizer } from '../../pricing/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { counted } from '../table.ts';
import { accessOf, openAdapter } from './train-access.ts';
import { approvalOf, askPerson } from './train-ask.ts';
import { driveShown, exitCodeOf } from './train-drive.ts';
import type { TrainOptions } from './train-options.ts';
import { estimateDocument, jobDocument, renderEstimate, renderJob, shortId } from './train-report.ts';
import type { TrainingSource, TrainWorld } from './train-rows.ts';
import { recordedTraffic } from './train-traffic.ts';

/** Of rows without a split, this share is held out to watch training by. */
const VALIDATION_SHARE = 0.1;
/** More lines of what is wrong help nobody. */
const SHOWN_ISSUES = 20;

interface Given {
  readonly options: TrainOptions;
  readonly io: CommandIo;
}

/**
 * Trains a language model: rows are checked against the provider's rules, the job is priced and agreed to, then it is driven to its end. A
 * local job without `--tool` only writes what a trainer needs. Exit 1 for rows that the provider would refuse, a job that failed, and one
 * that nobody agreed to.
 */
export async function runTrainLanguageModel(world: TrainWorld, source: TrainingSource, { options, io }: Given): Promise<ExitCode> {
  const provider = options.provider ?? LOCAL;
  if (options.base === undefined) {
    const example = hostedTrainers[provider]?.example ?? 'Qwen/Qwen2.5-0.5B-Instruct';
    throw new SmallfirstError('USAGE', `Which model is trained? Name it with --base, for example --base ${example}.`);
  }
  const access = accessOf({ ...options, provider }, io);
  const store = new JobStore(world.dataDir);
  const planner = openAdapter(provider, access, { store, io, key: 'not yet' });
  warnOfStanding(planner, io);
  const job = await newJob(world, source, { options, io, access, base: options.base });
  const deps = { adapter: planner, store, count: await loadTokenizer() };
  const planned = planJob(job, deps);
  if (planned.issues.length > 0) return refuse(planned, { source, options, io });
  if (options.estimate === true) {
    if (options.json) io.json({ task: world.task, provider, estimate: estimateDocument(planned.estimate) });
    else io.out(renderEstimate(planned.estimate));
    return 0;
  }
  const approval = await settle(planned, provider === LOCAL, { options, io });
  if (approval === null) return 1;
  const adapter = openAdapter(provider, access, { store, io, key: 'needed' });
  const created = await createJob(planned, job, { ...deps, adapter, clock: systemClock, approval });
  if (provider === LOCAL) {
    const template = options.chatTemplate === undefined ? null : await readText(resolve(io.cwd, options.chatTemplate));
    await emitTrainers(created.spec, store.folderOf(created.id), template);
  }
  const done = await driveShown(created.id, options.wait ? 'over' : 'launched', { store, adapter, io, options });
  report(done, { options, io, store });
  return exitCodeOf(done);
}

function warnOfStanding({ standing, title }: FineTuneAdapter, io: CommandIo): void {
  if (standing.kind !== 'open')
    io.note(`WARNING: fine-tuning at ${title} is ${standing.kind}: ${standing.note} (${standing.source}, ${standing.asOf}).`);
}

interface JobGiven extends Given {
  readonly access: JobAccess;
  readonly base: string;
}

async function newJob(world: TrainWorld, source: TrainingSource, { options, io, access, base }: JobGiven): Promise<NewJob> {
  const provider = options.provider ?? LOCAL;
  const { training, validation } = rowsOf(world, source, { options, io });
  const row = hostedTrainers[provider];
  const traffic = options.callCost === undefined || options.callsPerMonth === undefined ? await recordedTraffic(world, io) : null;
  const before = options.callCost === undefined ? (traffic?.costPerCall ?? null) : nanoUsd(options.callCost);
  const declaredEndpoint =
    options.endpointPrice === undefined
      ? null
      : {
          usdPerHour: options.endpointPrice,
          what: 'the endpoint',
          source: '--endpoint-price',
          asOf: new Date(systemClock.now()).toISOString().slice(0, 10),
        };
  return {
    task: world.task,
    method: options.method,
    baseModel: base,
    hyperparameters: {
      epochs: options.epochs,
      learningRate: options.learningRate ?? null,
      batchSize: options.batchSize ?? null,
      loraRank: options.full === true ? null : (options.loraRank ?? (row === undefined ? 16 : row.loraRank)),
      dpoBeta: options.beta ?? null,
      maxTokens: options.maxTokens ?? null,
      seed: options.seed,
    },
    training,
    validation,
    dataset: { name: source.name, until: source.until },
    template: options.tokenizer === undefined ? null : await readTemplate(resolve(io.cwd, options.tokenizer)),
    access,
    pricing: {
      price: trainingPrice(provider, options.method, base),
      declaredPerMillion: options.price === undefined ? null : usdPerMillion(options.price),
      ownMachine: provider === LOCAL,
      endpoint: declaredEndpoint ?? endpointPrice(provider),
      perCall: before === null ? null : { before, after: nanoUsd(options.callCostAfter) },
      callsPerMonth: options.callsPerMonth ?? traffic?.callsPerMonth ?? null,
    },
  };
}

function rowsOf(world: TrainWorld, source: TrainingSource, { options, io }: Given): Pick<ReadRows, 'training' | 'validation'> {
  const prompt: RowPrompt = world.declared?.prompt ?? { system: null, user: '{{input}}' };
  const read = (text: string, file: string): ReadRows => readRows(text, { method: options.method, file, prompt, target: world.task });
  const ours = read(source.training, world.file ?? source.name);
  const theirs = source.validation === null ? null : read(source.validation, options.validation ?? source.name);
  const skipped = ours.skipped + (theirs?.skipped ?? 0);
  if (skipped > 0) {
    const why = options.method === 'dpo' ? 'no worse answer beside the right one' : 'no right answer';
    io.note(`${counted(skipped, 'row is left out: it holds', 'rows are left out: they hold')} ${why}.`);
  }
  if (ours.golden + (theirs?.golden ?? 0) > 0)
    io.note(`${ours.golden + (theirs?.golden ?? 0)} golden rows are left out: nothing is ever trained on them.`);
  if (ours.training.length === 0)
    throw new SmallfirstError('INPUT_INVALID', `no row of ${source.name} can be trained on by ${options.method}`);
  const apart = [...ours.validation, ...(theirs === null ? [] : [...theirs.training, ...theirs.validation])];
  return apart.length > 0 ? { training: ours.training, validation: apart } : holdOut(ours.training, VALIDATION_SHARE);
}

function refuse({ issues }: PlannedJob, { source, options, io }: Given & { readonly source: TrainingSource }): ExitCode {
  if (options.json) io.json({ issues: issues.map(({ file, issue }) => ({ file, ...issue })) });
  for (const { file, issue } of issues.slice(0, SHOWN_ISSUES)) {
    const name = file === 'validation' ? (options.validation ?? `${source.name} (validation)`) : source.name;
    io.note(issue.line === 0 ? `${name}: ${issue.message}` : `${name}:${issue.line}: ${issue.message}`);
  }
  const more = issues.length - SHOWN_ISSUES;
  io.note(`${more > 0 ? `… and ${more} more. ` : ''}Nothing was sent.`);
  return 1;
}

/** Whether it may start: by the options, or by a person who was shown the estimate. Null for no. */
async function settle(planned: PlannedJob, ownMachine: boolean, { options, io }: Given) {
  const { estimate } = planned;
  const given = approvalOf(options, estimate.cost);
  if (ownMachine) return given ?? ({ by: 'yes', cap: null, shown: null } as const);
  if (given === null) return askPerson(estimate, 'it costs money, and nobody has agreed to it yet', { io, options });
  io.note(renderEstimate(estimate).trimEnd());
  // A price that is not known here may be told by the provider once the files are there; the cap is held then.
  const gate = approves(given, estimate.cost, false);
  if (!gate.go && estimate.cost !== null) {
    io.note(`Not started: ${gate.why}.`);
    return null;
  }
  if (estimate.cost === null) io.note('WARNING: the price is not known yet. The provider may tell it once the files are there.');
  return given;
}

function report(job: JobRecord, { options, io, store }: Given & { readonly store: JobStore }): void {
  if (options.json) {
    io.json(jobDocument(job));
    return;
  }
  io.out(renderJob(job));
  for (const line of nextSteps(job, store)) io.out(`${line}\n`);
}

function nextSteps(job: JobRecord, store: JobStore): readonly string[] {
  const id = shortId(job.id);
  if (job.state === 'exported')
    return [
      `Written to ${store.folderOf(job.id)}. Run it there, or on a machine with a GPU: sh run.sh trl (or axolotl, unsloth). Then: smallfirst train resume ${id}`,
    ];
  if (job.state === 'priced') return [`Go on with: smallfirst train resume ${id} --yes`];
  if (job.state !== 'succeeded') return job.error === null ? [`Go on with: smallfirst train resume ${id}`] : [];
  return [
    `Serve it, compare its template (smallfirst train check ${id} --engine …), put it on the ladder, and promote it by evidence: smallfirst models promote.`,
  ];
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new SmallfirstError('INPUT_NOT_FOUND', `there is no file ${path}`, { cause });
  }
}
