import { formatUsd, toUsd } from '../../core/index.ts';
import { type Estimate, type JobRecord, lineageOf } from '../../finetune/index.ts';
import { type Column, count, counted, renderTable } from '../table.ts';

/** What a job will cost and when it has paid for itself, for people. Unknown prices are said loudly. */
export function renderEstimate(estimate: Estimate): string {
  const { payback, endpointPerMonth, endpoint, storagePerMonth } = estimate;
  return [
    `Training: ${count(estimate.billedTokens)} tokens in all (about: counted by another tokenizer).`,
    `Cost: ${costLine(estimate)}`,
    ...(endpointPerMonth === null || endpoint === null
      ? []
      : [
          `Serving: ${formatUsd(endpointPerMonth)} a month for ${endpoint.what} at $${endpoint.usdPerHour} an hour (${endpoint.source}, ${endpoint.asOf}).`,
        ]),
    ...(storagePerMonth === null ? [] : [`Keeping the model: ${formatUsd(storagePerMonth)} a month.`]),
    ...(payback === null ? ['Payback: say what a call costs now with --call-cost.'] : paybackLines(payback)),
    '',
  ].join('\n');
}

function costLine({ cost, origin, source, asOf, minimum }: Estimate): string {
  if (origin === 'own machine') return 'the time of your own machine, which has no list price here.';
  const least = minimum === null || minimum === 0 ? '' : ` A job costs at least ${formatUsd(minimum)}.`;
  if (cost === null)
    return `UNKNOWN – no price of this provider, method and model is known, which is not the same as free.${least} Say --price, or ask the provider.`;
  const from =
    origin === 'price list'
      ? ` (price list: ${String(source)}, ${String(asOf)})`
      : ` (${origin === 'provider' ? "the provider's own figure" : 'the price that you stated'})`;
  return `${formatUsd(cost)}${from}.${least}`;
}

function paybackLines({ savedPerCall, calls, callsPerMonthForEndpoint, months }: NonNullable<Estimate['payback']>): readonly string[] {
  if (savedPerCall <= 0) return ['Payback: never – a call of the trained model costs as much as now, or more.'];
  return [
    `Payback: ${formatUsd(savedPerCall)} saved a call; the training is paid after ${calls === null ? 'an unknown number of' : count(calls)} calls${months === null ? '' : ` (${months.toFixed(1)} months at the traffic of now)`}.`,
    ...(callsPerMonthForEndpoint === null
      ? []
      : [`What it costs a month is paid from ${count(callsPerMonthForEndpoint)} calls a month on.`]),
  ];
}

/** Jobs as a table. */
export function renderJobs(jobs: readonly JobRecord[]): string {
  if (jobs.length === 0) return 'No fine-tuning job yet: `smallfirst train TASK --provider … --base …` starts one.\n';
  const columns: readonly Column[] = [
    { head: 'job' },
    { head: 'task' },
    { head: 'provider' },
    { head: 'state' },
    { head: 'done', align: 'right' },
    { head: 'rows', align: 'right' },
    { head: 'cost', align: 'right' },
    { head: 'started' },
    { head: 'model or error' },
  ];
  return renderTable(
    columns,
    jobs.map((job) => [
      shortId(job.id),
      job.spec.task,
      job.provider,
      job.state,
      job.remote.progress === null ? '–' : `${Math.round(job.remote.progress * 100)} %`,
      count(job.dataset.rows),
      job.estimate.origin === 'own machine' ? 'own machine' : formatUsd(job.charged ?? job.estimate.cost),
      new Date(job.createdAt).toISOString().slice(0, 16).replace('T', ' '),
      job.model ?? job.error ?? '',
    ]),
  );
}

/** One job, with all that is known of it. */
export function renderJob(job: JobRecord): string {
  const { spec, template } = job;
  const { epochs, loraRank, learningRate } = spec.hyperparameters;
  const lines: readonly (readonly [string, string])[] = [
    ['job', job.id],
    ['state', `${job.state}${job.remote.status === null ? '' : ` (${job.remote.status})`}`],
    ...(job.error === null ? [] : [['error', job.error] as const]),
    ['task', spec.task],
    ['trained by', `${job.provider}, ${spec.method} of ${spec.baseModel}`],
    [
      'how',
      `${epochs} epochs, ${loraRank === null ? 'all weights, or as the provider chooses' : `adapter of rank ${loraRank}`}, learning rate ${learningRate ?? "the provider's"}`,
    ],
    [
      'data',
      `${job.dataset.name}: ${counted(spec.training.rows, 'row')} to train on, ${count(spec.validation?.rows ?? 0)} to watch; ${job.dataset.hash.slice(0, 16)}`,
    ],
    [
      'at provider',
      `files ${job.remote.training ?? '–'}, ${job.remote.validation ?? '–'}; job ${job.remote.job ?? job.remote.held ?? '–'}`,
    ],
    ['cost', jobCost(job)],
    ['model', job.model ?? '–'],
    [
      'template',
      template === null || template.hash === null
        ? 'not known: compare answers on the golden set'
        : `${template.hash.slice(0, 16)}, ends with ${template.eos ?? 'unknown'} (${template.source})`,
    ],
  ];
  const history = job.history.map(({ at, state, note }) => `  ${new Date(at).toISOString()}  ${state}${note === null ? '' : ` – ${note}`}`);
  return `${lines.map(([name, value]) => `${name.padEnd(12)} ${value}`).join('\n')}\n${history.join('\n')}\n`;
}

function jobCost({ charged, estimate: { cost, origin } }: JobRecord): string {
  if (origin === 'own machine') return 'the time of your own machine';
  const told = charged === null ? 'what was charged is not told' : `${formatUsd(charged)} charged`;
  return `${told}; ${cost === null ? 'the estimate is UNKNOWN' : `${formatUsd(cost)} estimated (${origin})`}`;
}

/** A job as `--json` prints it: its file, with sums in dollars and the lineage of its model. */
export function jobDocument(job: JobRecord) {
  const { estimate } = job;
  return {
    ...job,
    estimate: estimateDocument(estimate),
    chargedUsd: job.charged === null ? null : toUsd(job.charged),
    lineage: lineageOf(job),
  };
}

/** An estimate in dollars. */
export function estimateDocument({ cost, minimum, storagePerMonth, endpointPerMonth, payback, ...rest }: Estimate) {
  const dollars = (amount: Estimate['cost']): number | null => (amount === null ? null : toUsd(amount));
  return {
    ...rest,
    costUsd: dollars(cost),
    minimumUsd: dollars(minimum),
    storageUsdPerMonth: dollars(storagePerMonth),
    endpointUsdPerMonth: dollars(endpointPerMonth),
    payback: payback === null ? null : { ...payback, savedPerCall: undefined, savedUsdPerCall: toUsd(payback.savedPerCall) },
  };
}

/** The random end of an id: enough to name a job. */
export function shortId(id: string): string {
  return id.slice(-12);
}
