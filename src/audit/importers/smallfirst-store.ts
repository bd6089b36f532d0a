import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type Call, inputTotal } from '../../core/index.ts';
import { openSqliteStore, type Store } from '../../store/index.ts';
import { type CallDraft, draftOf } from '../import-types.ts';
import { readRequest } from '../request-body.ts';
import { unpacked } from '../values.ts';

const PAGE = 1_000;
const NO_REQUEST = readRequest(null);

/**
 * Calls of our own record, newest first: every attempt is one, shadows and judges too, at the price that it was booked at. Bodies are
 * there where they were kept. Reads only, also while a gateway writes. Throws what `openSqliteStore` throws.
 */
export async function* storedCalls(dataDir: string): AsyncGenerator<readonly CallDraft[]> {
  const store = await openSqliteStore(join(dataDir, 'smallfirst.db'), { readOnly: true });
  try {
    for (let page = await store.calls.list({}, { limit: PAGE }); page.length > 0; ) {
      const drafts: CallDraft[] = [];
      for (const call of page) drafts.push(await draftOfCall(call, store));
      yield drafts;
      const last = page.at(-1);
      if (page.length < PAGE || last === undefined) break;
      page = await store.calls.list({}, { limit: PAGE, before: last.id });
    }
  } finally {
    await store.close();
  }
}

async function draftOfCall(call: Call, store: Store): Promise<CallDraft> {
  const body = call.bodyHash === null ? null : await store.bodies.get(call.bodyHash);
  const request = body === null ? NO_REQUEST : readRequest(unpacked(body));
  const output = body === null ? null : await store.bodies.get(answerKey(call.id));
  const isCounted = inputTotal(call.usage) + call.usage.output > 0;
  return draftOf({
    callId: call.requestId,
    identity: call.id,
    at: call.at,
    provider: call.provider,
    model: call.model,
    servedModel: call.servedModel,
    endpoint: call.purpose,
    usage: isCounted || call.error === null ? call.usage : null,
    settled: call.cost === null ? null : { cost: call.cost, priceId: call.priceId },
    reportedCost: call.cost,
    latencyMs: call.latencyMs,
    firstTokenMs: call.firstTokenMs,
    status: call.error === null ? 'ok' : 'error',
    error: call.error,
    hints: {
      tag: call.task,
      functionId: call.pipeline === null ? null : `${call.pipeline}/${call.step ?? ''}`,
      promptName: call.fingerprint === null ? null : `template-${call.fingerprint.slice(0, 12)}`,
      route: null,
    },
    system: request.system,
    userTexts: request.userTexts,
    tools: request.tools,
    responseFormat: request.responseFormat,
    params: request.params,
    output,
    finish: call.stop,
    conversation: call.requestId,
    key: call.key,
    team: call.team,
  });
}

/** The key of an answer's text: the gateway's capture derives the same from the call's id, and a test holds both together. */
export function answerKey(callId: string): string {
  return createHash('sha256').update(`answer\0${callId}`).digest('hex');
}
