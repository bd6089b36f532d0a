import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import {
  type Audit,
  type AuditSource,
  auditCsv,
  auditFormats,
  auditPage,
  buildAudit,
  CallSample,
  type InvoiceReconciliation,
  type ReadReport,
  readAudit,
  readInvoice,
  reconcileInvoice,
  TaskDiscovery,
} from '../../audit/index.ts';
import { loadConfig } from '../../config/index.ts';
import { addUsd, type Clock, SmallfirstError, systemClock } from '../../core/index.ts';
import { PriceBook } from '../../pricing/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { knownProviders } from '../known-providers.ts';
import { count, counted } from '../table.ts';
import { AssignmentFile } from './audit-assignments.ts';
import { auditConfig } from './audit-config.ts';
import { describeReplay, type ReplayOptions, replaySample } from './audit-replay.ts';
import { auditText } from './audit-text.ts';
import { nameGiven, readTaskNames } from './task-names.ts';

export interface AuditOptions {
  readonly format?: string;
  readonly invoice?: string;
  readonly assignments?: string;
  readonly html?: string;
  readonly csv?: string;
  readonly writeConfig?: string;
  readonly top: number;
  readonly config?: string;
  readonly replay?: string;
  readonly replayCalls?: number;
  readonly maxCost?: number;
  readonly data: string;
  readonly json: boolean;
}

/** Calls that are kept in case that a candidate is asked them again. */
const SAMPLED = 5_000;

/** `smallfirst audit`: reads logs, finds their tasks and says what each could cost. Exit 2 where a file was broken; what could be read of it counts. */
export async function runAudit(
  files: readonly string[],
  options: AuditOptions,
  io: CommandIo,
  clock: Clock = systemClock,
): Promise<ExitCode> {
  keepMemoryFlat();
  const format = formatOf(options.format);
  const configFile = options.writeConfig === undefined ? null : resolve(io.cwd, options.writeConfig);
  if (configFile !== null && existsSync(configFile)) {
    throw new SmallfirstError('USAGE', `--write-config ${options.writeConfig} is there already; name a file that is not.`);
  }
  const declared =
    options.config === undefined ? [] : (await loadConfig(resolve(io.cwd, options.config), io.env, { providers: knownProviders() })).prices;
  // What has no price is in the report, with its first line.
  const book = new PriceBook({ declared, warn: () => {} });
  const now = clock.now();
  const discovery = new TaskDiscovery();
  const sample = options.replay === undefined ? null : new CallSample(SAMPLED);
  const assignments = options.assignments === undefined ? null : new AssignmentFile(resolve(io.cwd, options.assignments));
  const progress = io.progress('reading', null);
  let read = 0;
  try {
    const report = await readAudit({
      files: named(files, io),
      ...(format === null ? {} : { format }),
      book,
      now,
      onCalls: (calls) => {
        io.signal.throwIfAborted();
        for (const call of calls) {
          discovery.add(call);
          sample?.add(call);
        }
        assignments?.add(calls);
        read += calls.length;
        progress.advance(read);
      },
    });
    const found = discovery.finish();
    const names = await readTaskNames(resolve(io.cwd, options.data));
    const reconciliation = await invoiceOf(options.invoice, report, io);
    const audit = buildAudit({
      ...{ report, discovery: found, book, at: now },
      nameOf: (hashes) => nameGiven(hashes, names),
      reconciliation,
    });
    progress.end();
    await assignments?.finish((ordinal) => found.taskOf(ordinal)?.id ?? null);
    if (options.html !== undefined) await writeFile(resolve(io.cwd, options.html), auditPage(audit, new Date(now)));
    if (options.csv !== undefined) await writeFile(resolve(io.cwd, options.csv), auditCsv(audit.document));
    if (configFile !== null) await writeFile(configFile, auditConfig(audit, options.top), { flag: 'wx' });
    const taskOf = (ordinal: number): string | null => found.taskOf(ordinal)?.id ?? null;
    const replay = sample === null ? null : await replaySample({ audit, sample, taskOf }, replayOptions(options), io, clock);
    if (options.json) io.json(replay === null ? audit.document : { ...audit.document, replay: replay.tasks, replayLeft: replay.left });
    else io.out(`${auditText(audit)}${replay === null ? '' : describeReplay(replay)}`);
    noteOddities(audit, io);
    const code = noteErrors(report.errors, io);
    return code === 0 && (replay?.left ?? 0) > 0 ? 1 : code;
  } finally {
    progress.end();
    assignments?.close();
  }
}

/** Collects sooner: nearly all that reading makes is dead at once, and a heap that may grow holds it for minutes without being faster. */
function keepMemoryFlat(): void {
  setFlagsFromString('--heap-growing-percent=30');
  setFlagsFromString('--semi-space-growth-factor=1');
}

function replayOptions({ replay = '', replayCalls = 50, config, maxCost }: AuditOptions): ReplayOptions {
  return { replay, replayCalls, ...(config === undefined ? {} : { config }), ...(maxCost === undefined ? {} : { maxCost }) };
}

/** Files as the user named them, because reports and ids of calls speak of them; absolute where the command runs elsewhere. */
function named(files: readonly string[], io: CommandIo): readonly string[] {
  return io.cwd === process.cwd() ? files : files.map((file) => resolve(io.cwd, file));
}

function formatOf(name: string | undefined): AuditSource | null {
  if (name === undefined) return null;
  const format = auditFormats.find((each) => each === name);
  if (format === undefined) throw new SmallfirstError('USAGE', `--format knows no "${name}"; it takes ${auditFormats.join(', ')}.`);
  return format;
}

/** The invoice that was named, else the reports of costs among the files; null where there is neither. */
async function invoiceOf(file: string | undefined, { totals, byDay }: ReadReport, io: CommandIo): Promise<InvoiceReconciliation | null> {
  if (file !== undefined) {
    const invoice = await readInvoice(resolve(io.cwd, file));
    const { count: n, firstLine } = invoice.skipped;
    if (n > 0) io.note(`${file}: ${counted(n, 'row')} without a day or an amount, first at line ${firstLine ?? 0}`);
    return reconcileInvoice(byDay, invoice);
  }
  const lines = totals.flatMap(({ charged, from, model }) =>
    charged === null ? [] : [{ day: new Date(from).toISOString().slice(0, 10), model, amount: charged }],
  );
  if (lines.length === 0) return null;
  return reconcileInvoice(byDay, { lines, total: addUsd(...lines.map(({ amount }) => amount)), skipped: { count: 0, firstLine: null } });
}

function noteOddities({ document: { unpriced, rows, flags, totals } }: Audit, io: CommandIo): void {
  if (totals.unpricedCalls > 0) {
    const models = unpriced
      .slice(0, 5)
      .map(
        ({ model, provider, calls, reason }) =>
          `${model || 'no model'} at ${provider ?? 'an unknown provider'} (${count(calls)}, ${reason})`,
      );
    io.note(
      `WARNING: ${count(totals.unpricedCalls)} of ${counted(totals.calls, 'call')} ${totals.unpricedCalls === 1 ? 'has no price and is' : 'have no price and are'} in no sum: ${models.join(', ')}.`,
    );
  }
  for (const { reason, count: n, firstLine } of rows.skipped) io.note(`skipped ${count(n)}: ${reason} (first at ${firstLine})`);
  for (const { sentence, count: n, firstLine } of flags) io.note(`${counted(n, 'call')}: ${sentence} (first at ${firstLine})`);
}

function noteErrors(errors: ReadReport['errors'], io: CommandIo): ExitCode {
  for (const { file, line, message, count: n } of errors) {
    io.note(`error: ${file}${line === null ? '' : `:${line}`}: ${message}${n > 1 ? ` (and ${count(n - 1)} more like it)` : ''}`);
  }
  return errors.length === 0 ? 0 : 2;
}
