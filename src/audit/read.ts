import { type ProbedFile, probeFiles } from './audit-files.ts';
import { type CallDraft, type ImportedRow, type Importer, skip } from './import-types.ts';
import { storedCalls } from './importers/smallfirst-store.ts';
import { JoinIndex } from './join-index.ts';
import { KeyTable } from './key-table.ts';
import { openRows } from './open-rows.ts';
import { CallPricer, crediblePrice } from './price-calls.ts';
import { servedBy } from './provider-names.ts';
import { AuditTally, type Place, RowTally } from './tally.ts';
import type { AuditCall, AuditDefinition, AuditFile, AuditSource, ReadOptions, ReadReport } from './types.ts';
import { unwrap } from './unwrap.ts';
import { objectOf } from './values.ts';

/**
 * Reads logs as a stream and hands their calls on, priced; what is not a call is in the report, with its reason. Memory does not grow
 * with the rows, but for 20 bytes per row that has an id (one that comes twice counts once) and some 70 per input of a batch. Broken rows and files
 * are in `errors`, and everything else is read all the same. Sums do not depend on the order of files or rows.
 * Throws SmallfirstError: INPUT_NOT_FOUND for a file that is not there, INPUT_INVALID past $9.0 million; and what `onCalls` throws.
 */
export async function readAudit(options: ReadOptions): Promise<ReadReport> {
  const files = await probeFiles(options.files, options.format);
  const reading = new Reading(files, options);
  try {
    return await reading.run();
  } finally {
    reading.close();
  }
}

/** An importer that joins, and what its companions are kept in. */
interface Joined {
  readonly importer: Importer;
  readonly index: JoinIndex;
}

class Reading {
  readonly #files: readonly ProbedFile[];
  readonly #options: ReadOptions;
  readonly #pricer: CallPricer;
  readonly #tally = new AuditTally();
  readonly #rows: readonly RowTally[];
  readonly #calls: number[];
  readonly #seen = new Map<AuditSource, KeyTable>();
  readonly #joined = new Map<AuditSource, Joined>();
  readonly #definitions: AuditDefinition[] = [];
  #batch: AuditCall[] = [];

  constructor(files: readonly ProbedFile[], options: ReadOptions) {
    this.#files = files;
    this.#options = options;
    this.#pricer = new CallPricer(options.book, options.now);
    this.#rows = files.map(() => new RowTally());
    this.#calls = files.map(() => 0);
  }

  async run(): Promise<ReadReport> {
    for (const [file, { path, kind }] of this.#files.entries()) {
      if (typeof kind === 'object' && 'importer' in kind && kind.importer.joining) await this.#indexCompanions(file, path, kind.importer);
    }
    for (const [file, { path, kind }] of this.#files.entries()) {
      if (kind === 'store') await this.#readStore(file, path);
      else if (kind === 'unknown') await this.#readUnknown(file, path);
      else if (kind instanceof Error) this.#tally.error(path, null, kind.message);
      else if (kind !== 'empty') await this.#readFile(file, path, kind.importer);
    }
    await this.#settleCompanions();
    return this.#report();
  }

  close(): void {
    for (const { index } of this.#joined.values()) index.close();
  }

  /** First time over the files of a kind that joins: a call may come before its companions. */
  async #indexCompanions(file: number, path: string, importer: Importer): Promise<void> {
    let joined = this.#joined.get(importer.source);
    if (joined === undefined) {
      joined = { importer, index: new JoinIndex(this.#files.map((item) => item.path)) };
      this.#joined.set(importer.source, joined);
    }
    for await (const batch of openRows(path)) {
      for (const raw of batch) {
        if (raw.problem !== null) continue;
        for (const value of unwrap(raw.value)) {
          const record = objectOf(value);
          const row = record === null ? null : guarded(() => importer.read(record));
          if (record !== null && row?.kind === 'companion') joined.index.add(row.key, record, { file, line: raw.line });
        }
      }
    }
  }

  async #readFile(file: number, path: string, importer: Importer): Promise<void> {
    for await (const batch of openRows(path)) {
      for (const raw of batch) {
        const place = { file: path, line: raw.line };
        if (raw.problem !== null) {
          this.#tally.error(path, raw.line, raw.problem);
          this.#skip(file, raw.problem, place);
          continue;
        }
        for (const value of unwrap(raw.value)) {
          const record = objectOf(value);
          this.#take(file, importer, record === null ? skip('no JSON object') : guarded(() => importer.read(record)), place);
        }
      }
      await this.#handOn();
    }
  }

  async #readUnknown(file: number, path: string): Promise<void> {
    let isFirst = true;
    for await (const batch of openRows(path)) {
      for (const raw of batch) {
        const place = { file: path, line: raw.line };
        if (isFirst) this.#tally.error(path, raw.line, raw.problem ?? 'no known format: name it with --format');
        isFirst = false;
        this.#skip(file, raw.problem ?? 'no known format', place);
      }
    }
  }

  async #readStore(file: number, path: string): Promise<void> {
    let line = 0;
    for await (const drafts of storedCalls(path)) {
      for (const draft of drafts) {
        line += 1;
        this.#count(file);
        this.#call(file, 'smallfirst', draft, { file: path, line });
      }
      await this.#handOn();
    }
  }

  /** Companions that no call asked for are skipped, or calls themselves; the others were joined. */
  async #settleCompanions(): Promise<void> {
    for (const { importer, index } of this.#joined.values()) {
      const { joining } = importer;
      if (joining === undefined) continue;
      for (const [file, count] of index.usedByFile()) {
        this.#tally.rows.joined += count;
        const own = this.#rows[file];
        if (own !== undefined) own.joined += count;
      }
      for (const { file, line, row } of index.orphans()) {
        this.#keep(
          file,
          importer,
          guarded(() => joining.orphan(row)),
          { file: this.#files[file]?.path ?? '', line },
        );
        if (this.#batch.length >= 1_000) await this.#handOn();
      }
    }
    await this.#handOn();
  }

  #take(file: number, importer: Importer, row: ImportedRow, place: Place): void {
    this.#count(file);
    this.#keep(file, importer, row.kind === 'answer' ? this.#complete(file, importer, row) : row, place);
  }

  #complete(file: number, importer: Importer, answer: Extract<ImportedRow, { kind: 'answer' }>): ImportedRow {
    const joined = this.#joined.get(importer.source);
    const { joining } = importer;
    if (joined === undefined || joining === undefined) return skip('a row that needs others');
    const one = joining.mode === 'once' ? joined.index.take(answer.key, file) : null;
    const companions = joining.mode === 'once' ? (one === null ? [] : [one]) : joined.index.every(answer.key);
    return guarded(() => joining.complete(answer.row, companions));
  }

  #keep(file: number, importer: Importer, row: ImportedRow, place: Place): void {
    const { source } = importer;
    switch (row.kind) {
      case 'call':
        this.#call(file, source, row.draft, place);
        break;
      case 'total': {
        const served = servedBy(row.total.provider, row.total.model ?? '');
        const { usage, from, serviceTier } = row.total;
        const priced = usage === null ? null : this.#pricer.usage(served, usage, from, serviceTier);
        this.#tally.total({ ...row.total, source, ...place, cost: priced?.cost ?? null });
        this.#kept(file);
        break;
      }
      case 'definition':
        this.#definitions.push({ ...row.definition, source, ...place });
        this.#kept(file);
        break;
      case 'skip':
        this.#skipped(file, row.reason, place);
        break;
      default:
      // Companions are counted when it is known what became of them.
    }
  }

  #call(file: number, source: AuditSource, draft: CallDraft, place: Place): void {
    if (draft.identity !== null && !this.#isNew(source, draft.identity)) {
      this.#skipped(file, 'a row that was read already', place);
      return;
    }
    const priced = this.#pricer.price(draft);
    // Written out: taking members away from a copy costs more than everything else that is done with a row.
    const call: AuditCall = {
      callId: draft.callId ?? `${place.file}:${place.line}`,
      source,
      file: place.file,
      line: place.line,
      provider: priced.provider,
      cost: priced.cost,
      unpriced: priced.unpriced,
      priceId: priced.priceId,
      at: draft.at,
      model: draft.model,
      servedModel: draft.servedModel,
      endpoint: draft.endpoint,
      usage: draft.usage,
      serviceTier: draft.serviceTier,
      reportedCost: crediblePrice(draft.reportedCost),
      latencyMs: draft.latencyMs,
      firstTokenMs: draft.firstTokenMs,
      status: draft.status,
      error: draft.error,
      hints: draft.hints,
      system: draft.system,
      userTexts: draft.userTexts,
      tools: draft.tools,
      toolCalls: draft.toolCalls,
      responseFormat: draft.responseFormat,
      output: draft.output,
      finish: draft.finish,
      conversation: draft.conversation,
      key: draft.key,
      team: draft.team,
      params: draft.params,
    };
    for (const flag of draft.flags) this.#tally.flag(flag, place);
    this.#tally.call(call, priced.pricedModel);
    this.#calls[file] = (this.#calls[file] ?? 0) + 1;
    this.#batch.push(call);
    this.#kept(file);
  }

  #isNew(source: AuditSource, identity: string): boolean {
    let seen = this.#seen.get(source);
    if (seen === undefined) {
      seen = new KeyTable();
      this.#seen.set(source, seen);
    }
    return seen.add(identity).isNew;
  }

  #count(file: number): void {
    this.#tally.rows.read += 1;
    const own = this.#rows[file];
    if (own !== undefined) own.read += 1;
  }

  #kept(file: number): void {
    this.#tally.rows.kept += 1;
    const own = this.#rows[file];
    if (own !== undefined) own.kept += 1;
  }

  #skip(file: number, reason: string, place: Place): void {
    this.#count(file);
    this.#skipped(file, reason, place);
  }

  #skipped(file: number, reason: string, place: Place): void {
    this.#tally.rows.skip(reason, place);
    this.#rows[file]?.skip(reason, place);
  }

  async #handOn(): Promise<void> {
    if (this.#batch.length === 0) return;
    const calls = this.#batch;
    this.#batch = [];
    await this.#options.onCalls(calls);
  }

  #report(): ReadReport {
    const tally = this.#tally;
    const files = this.#files.map(
      ({ path, kind }, file): AuditFile => ({
        file: path,
        source: kind === 'store' ? 'smallfirst' : typeof kind === 'object' && 'importer' in kind ? kind.importer.source : null,
        rows: (this.#rows[file] ?? new RowTally()).counts(),
        calls: this.#calls[file] ?? 0,
      }),
    );
    const { calls, cost, reportedCost, unpricedCalls, firstAt, lastAt } = tally;
    return {
      ...{ files, rows: tally.rows.counts(), calls, cost, reportedCost, unpricedCalls, unpriced: tally.unpriced(), flags: tally.flags() },
      ...{ errors: tally.errors(), byDay: tally.byDay(), definitions: this.#definitions, totals: tally.totals(), firstAt, lastAt },
    };
  }
}

/** No JSON, however made, may end an audit: a row that an importer stumbles over is left out like any other that cannot be read. */
function guarded(read: () => ImportedRow): ImportedRow {
  try {
    return read();
  } catch {
    return skip('a row that cannot be read: it is nested too deeply, or too large');
  }
}
