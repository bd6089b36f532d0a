import {
  askForUsage,
  type Edit,
  joinEdits,
  lastMember,
  memberValue,
  type OutboundCall,
  setModel,
  splice,
  type UpstreamTarget,
} from '../providers/index.ts';
import { isEncoded } from './body-encoding.ts';
import { limitOutput } from './caps.ts';
import type { Exchange } from './exchange.ts';
import { carriesKey } from './keys.ts';
import type { ServedModel } from './types.ts';

/** Whether a target takes the bytes of an exchange as they are. */
export function speaks(target: Pick<UpstreamTarget, 'protocols'>, exchange: Exchange): boolean {
  return target.protocols.includes(exchange.route.protocol);
}

/** Whether the bytes of an exchange may go to a model of the config as they are: it speaks their protocol, and nothing of them goes before. */
export function isRelayable(model: ServedModel | undefined, exchange: Exchange): boolean {
  return model !== undefined && !model.isPruned && model.upstream.targets.some((target) => speaks(target, exchange));
}

/**
 * Whether we ask for the usage of a stream although the client did not: without it nobody knows what the answer cost. What comes of it
 * is taken out of the answer again.
 */
export function asksForUsage(target: Pick<UpstreamTarget, 'quirks'>, exchange: Exchange): boolean {
  const { tap } = exchange.route;
  if (!exchange.isStreamed || (tap !== 'openai-chat' && tap !== 'openai-completions')) return false;
  return target.quirks.noStreamOptions !== true && !wantsUsage(exchange);
}

function wantsUsage(exchange: Exchange): boolean {
  if (lastMember(exchange.members, 'stream_options') === undefined) return false;
  const options = memberValue(exchange.body, exchange.members, 'stream_options');
  return typeof options === 'object' && options !== null && 'include_usage' in options && options.include_usage === true;
}

/**
 * The request for a target: the client's own bytes, in which at most the model's name and the wish for usage are changed in place.
 * `renames` is false for models that the config does not name: those go on as the client calls them.
 */
export function outboundCall(exchange: Exchange, target: UpstreamTarget, renames: boolean): OutboundCall {
  const { body, members, upload } = exchange;
  const rawHeaders = headersOf(exchange, target);
  if (upload !== null || body.length === 0)
    return { path: exchange.path, headers: rawHeaders, body: upload, length: uploadLength(exchange) };
  let edits: Edit[] | null = null;
  if (renames && !isNamed(exchange, target.model)) edits = setModel(body, members, target.model);
  if (asksForUsage(target, exchange)) {
    const asked = askForUsage(body, members);
    edits = edits === null ? asked : joinEdits(asked, edits);
  }
  const limit = exchange.reservation?.outputLimit ?? null;
  if (limit !== null) edits = joinEdits(edits ?? [], limitOutput(exchange, target.quirks, limit));
  return {
    path: exchange.path,
    headers: rawHeaders,
    body: edits === null ? body : splice(body, edits),
  };
}

/**
 * The client's headers, with our span in place of its own where we trace. The key of this gateway that it came with is for nobody else:
 * where the client's credentials go on, that one does not.
 */
function headersOf({ request, observation, caller }: Exchange, target: Pick<UpstreamTarget, 'hasOwnKey'>): readonly string[] {
  const keyHash = target.hasOwnKey ? null : caller.keyHash;
  if (observation === null && keyHash === null) return request.rawHeaders;
  const out = observation === null ? [] : ['traceparent', observation.traceparent];
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    const header = request.rawHeaders[i] as string;
    const value = request.rawHeaders[i + 1] as string;
    const name = header.toLowerCase();
    if ((observation === null || name !== 'traceparent') && (keyHash === null || !carriesKey(name, value, keyHash)))
      out.push(header, value);
  }
  return out;
}

/** Whether the body names this model and nothing else, so that it can go out untouched. */
function isNamed(exchange: Exchange, model: string): boolean {
  if (exchange.model !== model) return false;
  let count = 0;
  for (const member of exchange.members) if (member.key === 'model') count += 1;
  return count === 1;
}

/** What the client says of how long its body is; the parser of its request sees that it is true. Decompressed it is longer. */
function uploadLength({ upload, request }: Exchange): number | null {
  const length = request.headers['content-length'];
  return upload === null || length === undefined || isEncoded(request) ? null : Number(length);
}
