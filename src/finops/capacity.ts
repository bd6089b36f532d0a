import { HOURS_PER_MONTH } from './break-even.ts';
import { waitQuantile } from './queue.ts';

const SECONDS_PER_MONTH = HOURS_PER_MONTH * 3600;

/** Hosts of one's own: what one costs and finishes, and how they are run. */
export interface HostPlan {
  readonly usdPerHour: number;
  /** Requests per second that one host finishes when it is never idle. */
  readonly requestsPerSecond: number;
  /** Requests that a host works on at once. */
  readonly concurrency: number;
  /** Share of its hours that a host is planned to be busy, in (0, 1]. */
  readonly utilisation: number;
  /** Hosts beyond those that the load needs: 1 is N+1. */
  readonly spareHosts: number;
  /** What runs besides the rent, dollars a month: people, storage, egress. */
  readonly fixedUsdPerMonth: number;
}

/** Hosts of one's own at a volume. */
export interface HostedAt {
  /** Spare ones included. */
  readonly hosts: number;
  readonly usdPerMonth: number;
  /** Share of all paid hours that the hosts are busy. */
  readonly busy: number;
}

/** Whole calls a month that one host takes at its planned utilisation. Throws RangeError for a host that cannot take one. */
export function callsPerHost(plan: Pick<HostPlan, 'requestsPerSecond' | 'utilisation'>): number {
  const calls = Math.floor(plan.requestsPerSecond * plan.utilisation * SECONDS_PER_MONTH);
  if (calls < 1) throw new RangeError('a host that finishes no call in a month is no host');
  return calls;
}

/** The staircase: ceil(volume ÷ calls per host) hosts and the spare ones, 730 hours each, and what is fixed. Throws RangeError outside its domain. */
export function hostedAt(plan: HostPlan, callsPerMonth: number): HostedAt {
  check(plan);
  if (!(callsPerMonth >= 0)) throw new RangeError(`a volume must be 0 or more, not ${callsPerMonth}`);
  const hosts = Math.max(1, Math.ceil(callsPerMonth / callsPerHost(plan))) + plan.spareHosts;
  return {
    hosts,
    usdPerMonth: costOf(plan, hosts),
    busy: callsPerMonth / (plan.requestsPerSecond * SECONDS_PER_MONTH * hosts),
  };
}

/** Where hosts of one's own become cheaper than paying per call. */
export interface HostBreakEven {
  /** Smallest whole number of calls a month at which they are not dearer; null for never at the planned utilisation. */
  readonly volume: number | null;
  /** From here on no further step of the staircase makes them dearer again; null for never. */
  readonly staysFrom: number | null;
  /** u*: the busy share at which the rent alone costs as much as paying per call. Above 1 it can never win, however busy. */
  readonly utilisation: number;
}

/**
 * Break-even against a price per call. With n hosts needed, K calls a host and rent h a month: (n + spare)·h + fixed ≤ price·volume somewhere on
 * step n from n·(price·K − h) ≥ spare·h + fixed on; the first such step holds the crossing. Never, when a full host costs more than its calls.
 */
export function hostBreakEven(plan: HostPlan, usdPerCall: number): HostBreakEven {
  check(plan);
  if (!(usdPerCall >= 0)) throw new RangeError(`a price must be 0 or more, not ${usdPerCall}`);
  const rent = plan.usdPerHour * HOURS_PER_MONTH;
  const perHost = callsPerHost(plan);
  const utilisation = plan.usdPerHour === 0 ? 0 : plan.usdPerHour / (usdPerCall * plan.requestsPerSecond * 3600);
  const gain = usdPerCall * perHost - rent;
  if (!(gain > 0)) return { volume: null, staysFrom: null, utilisation };
  const overhead = plan.spareHosts * rent + plan.fixedUsdPerMonth;
  const first = Math.max(1, Math.ceil(overhead / gain));
  const settled = Math.max(first, Math.ceil((overhead + rent - usdPerCall) / gain));
  const crossing = (needed: number) => Math.ceil(costOf(plan, needed + plan.spareHosts) / usdPerCall);
  // Before `settled`, the next step of the staircase makes them dearer again.
  return { volume: crossing(first), staysFrom: crossing(settled), utilisation };
}

/** Seconds that 95 % of the requests wait at most in the busiest hour, as M/M/c over every slot of every host; Infinity past capacity. */
export function busiestWait(
  plan: HostPlan,
  load: { readonly callsPerMonth: number; readonly hosts: number; readonly peak: number },
): number {
  check(plan);
  return waitQuantile(
    {
      arrivalsPerSecond: (load.callsPerMonth / SECONDS_PER_MONTH) * load.peak,
      servicesPerSecond: plan.requestsPerSecond / plan.concurrency,
      servers: load.hosts * plan.concurrency,
    },
    0.95,
  );
}

/** Dollars per million tokens of a host at a utilisation: $/h · 10⁶ ÷ (3600 · tokens/s · utilisation). */
export function selfHostedUsdPerMillion(host: {
  readonly usdPerHour: number;
  readonly tokensPerSecond: number;
  readonly utilisation: number;
}): number {
  if (!(host.usdPerHour >= 0 && host.tokensPerSecond > 0 && host.utilisation > 0 && host.utilisation <= 1)) {
    throw new RangeError('needs usdPerHour ≥ 0, tokensPerSecond > 0 and utilisation in (0, 1]');
  }
  return (host.usdPerHour * 1e6) / (3600 * host.tokensPerSecond * host.utilisation);
}

function costOf(plan: HostPlan, hosts: number): number {
  return hosts * HOURS_PER_MONTH * plan.usdPerHour + plan.fixedUsdPerMonth;
}

function check(plan: HostPlan): void {
  const { usdPerHour, requestsPerSecond, concurrency, utilisation, spareHosts, fixedUsdPerMonth } = plan;
  const whole = Number.isSafeInteger(concurrency) && concurrency > 0 && Number.isSafeInteger(spareHosts) && spareHosts >= 0;
  if (!whole || !(usdPerHour >= 0 && requestsPerSecond > 0 && utilisation > 0 && utilisation <= 1 && fixedUsdPerMonth >= 0)) {
    throw new RangeError(
      'a plan of hosts needs prices from 0, a rate above 0, utilisation in (0, 1] and whole numbers of slots and spare hosts',
    );
  }
}
