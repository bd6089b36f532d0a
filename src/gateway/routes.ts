import type { Protocol, TapProtocol } from '../providers/index.ts';
import type { Family } from './parties.ts';

/** What is done with a request. */
export type RouteKind =
  /** A request to a model, answered, recorded and paid for. */
  | 'call'
  /** It names a model, but generates nothing: counting tokens. Recorded at no cost. */
  | 'count'
  /** Everything else below /v1: streamed through as it is. */
  | 'endpoint'
  | 'list-models'
  | 'show-model'
  | 'feedback'
  /** A run of a pipeline, in our own words. */
  | 'pipeline'
  | 'list-pipelines'
  | 'health'
  | 'ready'
  | 'metrics'
  /** The admin API: it reads and answers its requests itself. */
  | 'admin'
  | 'none';

/** One endpoint, as data. */
export interface Route {
  readonly kind: RouteKind;
  readonly family: Family;
  /** Whose envelope errors come in, and what an upstream must speak to be sent the bytes as they are. */
  readonly protocol: Protocol;
  /** How the answer is read on its way; null where nothing is to be learned from it. */
  readonly tap: TapProtocol | null;
  /** The longest body that is taken, in bytes. */
  readonly bodyLimit: number;
}

const MIB = 1024 * 1024;
const MESSAGES = 32 * MIB;
const BATCHES = 256 * MIB;
const FILES = 500 * MIB;
const SMALL = 1 * MIB;

const openai = (kind: RouteKind, tap: TapProtocol | null, protocol: Protocol = 'openai-chat'): Route => ({
  kind,
  family: 'openai',
  protocol,
  tap,
  bodyLimit: MESSAGES,
});
const anthropic = (kind: RouteKind, tap: TapProtocol | null): Route => ({
  kind,
  family: 'anthropic',
  protocol: 'anthropic-messages',
  tap,
  bodyLimit: MESSAGES,
});

const POSTS: ReadonlyMap<string, Route> = new Map([
  ['/v1/chat/completions', openai('call', 'openai-chat')],
  ['/v1/messages', anthropic('call', 'anthropic-messages')],
  ['/v1/responses', openai('call', 'openai-responses', 'openai-responses')],
  ['/v1/embeddings', openai('call', 'openai-embeddings')],
  ['/v1/completions', openai('call', 'openai-completions')],
  ['/v1/messages/count_tokens', anthropic('count', null)],
  ['/v1/feedback', { ...openai('feedback', null), bodyLimit: SMALL }],
]);

const local = (kind: RouteKind): Route => ({ ...openai(kind, null), bodyLimit: SMALL });
const HEALTH = local('health');
const READY = local('ready');
const METRICS = local('metrics');
const ADMIN = local('admin');
const PIPELINES = '/v1/pipelines';
const PIPELINE = openai('pipeline', null);
const LIST_PIPELINES = local('list-pipelines');
const none = { openai: local('none'), anthropic: { ...anthropic('none', null), bodyLimit: SMALL } } as const;
const endpoint = { openai: openai('endpoint', null), anthropic: anthropic('endpoint', null) } as const;
const models = {
  openai: { list: openai('list-models', null), show: openai('show-model', null) },
  anthropic: { list: anthropic('list-models', null), show: anthropic('show-model', null) },
} as const;

/** The route of a request. `isAnthropic` says that it carries `anthropic-version`: some paths belong to both families. */
export function routeOf(method: string, path: string, isAnthropic: boolean): Route {
  if (method === 'POST') {
    const route = POSTS.get(path);
    if (route !== undefined) return route;
    if (path.startsWith(`${PIPELINES}/`)) return PIPELINE;
  }
  if (method === 'GET' || method === 'HEAD') {
    if (path === '/healthz') return HEALTH;
    if (path === '/readyz') return READY;
    if (path === '/metrics') return METRICS;
    if (path === '/openapi.json') return ADMIN;
    if (path === PIPELINES || path.startsWith(`${PIPELINES}/`)) return LIST_PIPELINES;
    const family: Family = isAnthropic ? 'anthropic' : 'openai';
    if (path === '/v1/models') return models[family].list;
    if (path.startsWith('/v1/models/')) return models[family].show;
  }
  if (path.startsWith('/admin/')) return ADMIN;
  if (path === PIPELINES || path.startsWith(`${PIPELINES}/`)) return none.openai;
  if (!path.startsWith('/v1/')) return none[isAnthropic ? 'anthropic' : 'openai'];
  const base = endpoint[isAnthropic || path.startsWith('/v1/messages') ? 'anthropic' : 'openai'];
  const bodyLimit = limitOf(path);
  return bodyLimit === base.bodyLimit ? base : { ...base, bodyLimit };
}

function limitOf(path: string): number {
  if (path.startsWith('/v1/messages/batches') || path.startsWith('/v1/batches')) return BATCHES;
  if (path.startsWith('/v1/files') || path.startsWith('/v1/uploads')) return FILES;
  return MESSAGES;
}

/** A path as people's base URLs make it: without `/v1`, with it twice, or with a slash at the end. */
export function usualPath(path: string): string {
  let usual = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  if (usual.startsWith('/v1/v1/')) usual = usual.slice(3);
  return usual.startsWith('/v1/') || !isEndpointName(usual) ? usual : `/v1${usual}`;
}

const ENDPOINTS: ReadonlySet<string> = new Set(['chat', 'messages', 'responses', 'embeddings', 'completions', 'models', 'pipelines']);

function isEndpointName(path: string): boolean {
  const slash = path.indexOf('/', 1);
  return ENDPOINTS.has(slash === -1 ? path.slice(1) : path.slice(1, slash));
}
