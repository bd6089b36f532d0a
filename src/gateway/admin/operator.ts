import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Metrics } from '../observe/metrics.ts';
import type { Operator } from '../types.ts';
import type { AdminServerDeps } from './server.ts';

/** What an operator may ask for beside the API that clients use. */
export interface OperatorDeps extends AdminServerDeps {
  readonly metrics: Metrics;
}

/** Serves /metrics, and /admin and /openapi.json by a server that is loaded when it is first asked. */
export function createOperator(deps: OperatorDeps): Operator {
  let loading: Promise<(request: IncomingMessage, response: ServerResponse) => void> | null = null;
  return {
    metrics: async (request) => {
      deps.guard.checkMetrics(request);
      return deps.metrics.read();
    },
    admin: (request, response) => {
      deps.guard.check(request);
      loading ??= import('./server.ts').then(({ adminServer }) => adminServer(deps));
      return loading.then((serve) => serve(request, response));
    },
  };
}
