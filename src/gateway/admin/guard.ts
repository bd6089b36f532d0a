import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { SmallfirstError } from '../../core/index.ts';
import { loopbackAccess } from '../access.ts';

/** Decides who may administer the gateway and who may read its metrics. */
export interface AdminGuard {
  /** Throws UNAUTHENTICATED or FORBIDDEN. */
  check(request: IncomingMessage): void;
  /** The same for metrics, which a scraper on this machine may read without the token. */
  checkMetrics(request: IncomingMessage): void;
}

/** With a token, whoever shows it; without one, callers on this machine that no proxy and no web page speaks for. */
export function adminGuard(token: string | null): AdminGuard {
  const local = loopbackAccess();
  if (token === null) return { check: (request) => void local.check(request), checkMetrics: (request) => void local.check(request) };
  const expected = digest(token);
  const isShown = (request: IncomingMessage) => {
    const { authorization } = request.headers;
    return (
      authorization !== undefined && /^bearer /i.test(authorization) && timingSafeEqual(digest(authorization.slice(7).trim()), expected)
    );
  };
  return {
    check: (request) => {
      if (!isShown(request))
        throw new SmallfirstError('UNAUTHENTICATED', 'The admin API needs its token: send it as `Authorization: Bearer …`.');
    },
    checkMetrics: (request) => {
      if (!isShown(request)) local.check(request);
    },
  };
}

/** Digests have one length, so comparing them tells nothing of the token's. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
