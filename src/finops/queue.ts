/** A queue of c equal servers with Poisson arrivals and exponential service: M/M/c. Rates are per second. */
export interface Queue {
  readonly arrivalsPerSecond: number;
  readonly servicesPerSecond: number;
  readonly servers: number;
}

/** Chance that a request has to wait at all (Erlang C), by Erlang B's recursion, which cannot overflow; 1 where the load is not below the servers. */
export function waitProbability(queue: Queue): number {
  check(queue);
  const load = queue.arrivalsPerSecond / queue.servicesPerSecond;
  if (load >= queue.servers) return 1;
  let blocked = 1;
  for (let n = 1; n <= queue.servers; n++) blocked = (load * blocked) / (n + load * blocked);
  return (queue.servers * blocked) / (queue.servers - load * (1 - blocked));
}

/** Seconds that a share of the requests waits at most: P(wait > t) = C·exp(−(cµ − λ)·t). 0 where that share never waits, Infinity past capacity. */
export function waitQuantile(queue: Queue, share: number): number {
  if (!(share >= 0 && share < 1)) throw new RangeError(`a quantile must be from 0 to below 1, not ${share}`);
  const waits = waitProbability(queue);
  const spare = queue.servers * queue.servicesPerSecond - queue.arrivalsPerSecond;
  if (spare <= 0) return Number.POSITIVE_INFINITY;
  return waits <= 1 - share ? 0 : Math.log(waits / (1 - share)) / spare;
}

/** Mean seconds of waiting: C ÷ (cµ − λ); Infinity past capacity. */
export function meanWait(queue: Queue): number {
  const spare = queue.servers * queue.servicesPerSecond - queue.arrivalsPerSecond;
  return spare <= 0 ? Number.POSITIVE_INFINITY : waitProbability(queue) / spare;
}

function check({ arrivalsPerSecond, servicesPerSecond, servers }: Queue): void {
  if (!(arrivalsPerSecond >= 0 && servicesPerSecond > 0 && Number.isSafeInteger(servers) && servers > 0)) {
    throw new RangeError('a queue needs arrivals ≥ 0, services > 0 and a whole number of servers above 0');
  }
}
