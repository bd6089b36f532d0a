import type { TaskConfig } from '../config/index.ts';
import { type Answer, type Call, type ModelRequest, normaliseLabel } from '../core/index.ts';
import { requestFraction } from '../run/index.ts';
import type { Afterward } from './live-afterward.ts';
import type { BesideDeps } from './live-beside.ts';
import { HeardBytes, type Relayed } from './live-heard.ts';
import { inputText } from './live-pair.ts';
import type { LiveRequest } from './live-request.ts';
import type { Side, Watched } from './live-types.ts';
import { sideOf } from './shadow.ts';

/** What an audit is about. */
export interface AuditSetting {
  readonly subject: LiveRequest;
  readonly task: TaskConfig;
  readonly request: ModelRequest;
  readonly watched: Watched;
  /** From which confidence on the small answer goes out; null where its confidence does not matter. */
  readonly threshold: number | null;
  /** A triage sent the request past the small model. */
  readonly isTriaged: boolean;
}

/**
 * A request that a certificate routed. An accepted answer is audited with the probability of its stratum: the ceiling is asked when the
 * client has its answer. An escalated request has both answers already, and is kept with the least probability of the stream. Candidates
 * that wait beside the certificate are asked about the same requests.
 */
export class Audit implements Afterward {
  readonly #setting: AuditSetting;
  readonly #deps: BesideDeps;
  #small: Side | null = null;
  #big: Side | null = null;
  readonly #heard = new HeardBytes();
  #relayed: Relayed | null = null;
  #isAccepted = false;

  constructor(setting: AuditSetting, deps: BesideDeps) {
    this.#setting = setting;
    this.#deps = deps;
  }

  said(row: Call, answer: Answer): void {
    const { certificate } = this.#setting.watched;
    if (row.model === certificate.small) {
      this.#small = { row, answer };
      this.#isAccepted = row.outcome === 'accepted' && ACCEPTING.has(row.decision ?? '');
    } else if (row.model === certificate.big && row.outcome === 'accepted') this.#big = { row, answer };
  }

  heard(chunk: Buffer): void {
    this.#heard.add(chunk);
  }

  relayed(row: Call, isStream: boolean): void {
    if (row.outcome === 'accepted') this.#relayed = { row, isStream };
  }

  over(): void {
    const { subject, watched, isTriaged } = this.#setting;
    const [small, isAccepted] = [this.#small, this.#isAccepted];
    const isEscalated = (this.#big ?? this.#relayed) !== null && (small !== null || isTriaged);
    if (!isAccepted && !isEscalated) return;
    if (isAccepted && small?.answer.toolCalls.length !== 0) return;
    const confidence = small?.row.confidence ?? null;
    this.#observe(confidence, isAccepted);
    const probability = watched.monitor.auditProbability(confidence, isAccepted);
    if (requestFraction(`audit\0${watched.certificate.id}`, subject.id) >= probability) return;
    this.#deps.background.offer({
      bytes: subject.bytes + this.#heard.length,
      run: (signal) => this.#run({ small, isAccepted, probability, confidence }, signal),
    });
  }

  async #run(drawn: Drawn, signal: AbortSignal): Promise<void> {
    const { subject, task, request, watched } = this.#setting;
    const { certificate } = watched;
    const known = this.#big ?? sideOf(this.#relayed, this.#heard, subject);
    const big = drawn.isAccepted ? await this.#askCeiling(signal) : known;
    if (big === null) return;
    const pair = await this.#deps.pair({
      subject,
      task,
      request,
      small: drawn.small,
      big,
      signal,
      drawn: 'audit',
      inclusion: drawn.probability,
      candidate: certificate.small,
      certificate: certificate.id,
      ...this.#reading(drawn),
    });
    if (pair !== null) this.#deps.audited(watched, pair);
    await this.#askCandidates(big, drawn.probability, signal);
  }

  /**
   * Asks what waits to take over as well: the ceiling's answer is there already, and without this nothing would be learned of a new
   * version while another has the task. Those pairs are drawn as the audit was, and are no audit of the certificate.
   */
  async #askCandidates(big: Side, inclusion: number, signal: AbortSignal): Promise<void> {
    const { subject, task, request, watched, isTriaged } = this.#setting;
    for (const candidate of task.shadow?.candidates ?? []) {
      if (candidate === watched.certificate.small) continue;
      if (signal.aborted) return;
      const small = await this.#deps.ask({ subject, request, model: candidate, purpose: 'shadow', signal });
      if (small === null) continue;
      const draw = { drawn: 'audit' as const, inclusion, certificate: null, confidence: null, skip: isTriaged };
      await this.#deps.pair({ subject, task, request, small, big, signal, candidate, ...draw });
    }
  }

  /** What the request looks like, audited or not. What passed by as bytes gives no category: reading it for that alone would cost. */
  #observe(confidence: number | null, isAccepted: boolean): void {
    const { task, request, watched } = this.#setting;
    const answer = (isAccepted ? this.#small : this.#big)?.answer ?? null;
    const category = answer === null || task.output.kind !== 'label' ? null : normaliseLabel(answer.text, task.output.labels);
    this.#deps.observed(watched, { confidence, length: inputText(request).length, category });
  }

  /**
   * The confidence and the mark under which the certified policy makes of the row what became of it. A small answer that was escalated for
   * anything but its confidence (no answer, an invalid one, tools) must not read as one that the policy accepts: a cascade escalates
   * what has no confidence, a swap only what is skipped.
   */
  #reading({ small, isAccepted, confidence }: Drawn): { readonly confidence: number | null; readonly skip: boolean } {
    const { watched, threshold, isTriaged } = this.#setting;
    if (isAccepted || isTriaged || small === null) return { confidence, skip: isTriaged };
    const isUnsure = small.row.outcome === 'escalated' && threshold !== null && (confidence === null || confidence < threshold);
    if (isUnsure) return { confidence, skip: false };
    return watched.certificate.verdict === 'swap' ? { confidence, skip: true } : { confidence: null, skip: false };
  }

  #askCeiling(signal: AbortSignal): Promise<Side | null> {
    const { subject, request, watched } = this.#setting;
    return this.#deps.ask({ subject, request, model: watched.certificate.big, purpose: 'audit', signal });
  }
}

/** A request that was drawn. */
interface Drawn {
  readonly small: Side | null;
  /** The ceiling is still to be asked. */
  readonly isAccepted: boolean;
  readonly probability: number;
  readonly confidence: number | null;
}

/** Decisions by which a small answer goes out on its own confidence. */
const ACCEPTING: ReadonlySet<string> = new Set(['certified', 'fixed-threshold']);
