import { type Clock, collect, type ModelRequest, SmallfirstError, textOf } from '../core/index.ts';
import type { Asked, Judge, JudgeAttempt, JudgeContext } from './types.ts';

/** A reply that could not be read is asked for once more. */
const ATTEMPTS = 2;

/** What is asked, and how a reply is read: null where it is no verdict. */
export interface Asking<Verdict> extends JudgeContext {
  readonly judge: Judge;
  request(isRetry: boolean): ModelRequest;
  read(text: string): Verdict | null;
}

/** Asks a judge, and once more where the reply is no verdict. Never throws what the error table knows: a failing provider is the `failure`. */
export async function askJudge<Verdict>(asking: Asking<Verdict>, clock: Clock): Promise<Asked<Verdict>> {
  const attempts: JudgeAttempt[] = [];
  let parseFailures = 0;
  while (attempts.length < ATTEMPTS) {
    const { attempt, failure } = await attemptOf(asking, attempts.length > 0, clock);
    if (failure !== null) return { verdict: null, failure, parseFailures, attempts: [...attempts, attempt] };
    const verdict = attempt.outcome === 'observed' ? asking.read(attempt.text) : null;
    if (verdict !== null) return { verdict, failure: null, parseFailures, attempts: [...attempts, attempt] };
    parseFailures += 1;
    attempts.push(attempt.outcome === 'observed' ? { ...attempt, outcome: 'invalid' } : attempt);
  }
  const message = `The judge ${asking.judge.model.name} gave no verdict that can be read, asked ${ATTEMPTS} times.`;
  return { verdict: null, failure: { code: 'UPSTREAM_INVALID', message }, parseFailures, attempts };
}

interface Attempted {
  readonly attempt: JudgeAttempt;
  readonly failure: Asked<never>['failure'];
}

async function attemptOf<Verdict>(asking: Asking<Verdict>, isRetry: boolean, clock: Clock): Promise<Attempted> {
  const { judge, signal, itemId = null } = asking;
  const request = asking.request(isRetry);
  const base = { at: clock.now(), prompt: request.messages.map(textOf).join('\n') };
  const begun = clock.monotonic();
  try {
    const answer = await collect(judge.client.call(request, { itemId, input: null, signal, deadlineAt: null }));
    if (answer.stop === 'cut') throw new SmallfirstError('UPSTREAM_FAILED', 'The verdict broke off before its end.');
    const { text, servedModel, usage, usageSource, stop, refusal } = answer;
    const isRecording = usageSource === 'recorded';
    const latencyMs = answer.recorded?.latencyMs ?? (isRecording ? null : clock.monotonic() - begun);
    const outcome =
      refusal !== null || stop === 'refusal' || stop === 'content-filter' ? 'refused' : stop === 'length' ? 'truncated' : 'observed';
    return { attempt: { ...base, text, servedModel, usage, usageSource, stop, latencyMs, outcome, error: null }, failure: null };
  } catch (error) {
    if (!(error instanceof SmallfirstError)) throw error;
    const { code, message } = error;
    const outcome = code === 'ABORTED' ? 'aborted' : 'failed';
    const nothing = { text: '', servedModel: null, usage: null, usageSource: 'counted', stop: null } as const;
    return { attempt: { ...base, ...nothing, latencyMs: clock.monotonic() - begun, outcome, error: code }, failure: { code, message } };
  }
}
