import { breakEvenVolume } from './break-even.ts';
import { type HostPlan, hostBreakEven } from './capacity.ts';

/** A way to pay per call. */
export interface PaidPerCall {
  readonly model: string;
  readonly usdPerCall: number;
}

/** One move of the path from the baseline to hosts of one's own. */
export interface Move {
  readonly to: 'hosted-small' | 'hosted-open' | 'self-hosted';
  readonly model: string;
  /** Calls a month from which it pays for itself against the stand before it; null for never on price. */
  readonly fromVolume: number | null;
  /** Whether a volume is past that. */
  readonly due: boolean;
  /** What starts the move, for people. */
  readonly trigger: string;
}

/** What the path is worked out from. */
export interface Adoption {
  readonly baseline: PaidPerCall;
  readonly hostedSmall: PaidPerCall | null;
  readonly hostedOpen: PaidPerCall | null;
  readonly selfHosted: { readonly model: string; readonly plan: HostPlan } | null;
  /** What looking after one more provider costs a month: its evals, its key, its contract. */
  readonly providerUsdPerMonth: number;
  readonly callsPerMonth: number;
}

/**
 * The moves in order, each measured against the cheapest stand before it, never against the baseline alone: what beats a frontier model need not
 * beat a small hosted one. A stand that is no cheaper than the one before is shown with "never" and is not what the next is measured against.
 */
export function adoptionPath(plan: Adoption): readonly Move[] {
  const moves: Move[] = [];
  let stand = plan.baseline;
  for (const [to, option, fixed] of [
    ['hosted-small', plan.hostedSmall, 0],
    ['hosted-open', plan.hostedOpen, plan.providerUsdPerMonth],
  ] as const) {
    if (option === null) continue;
    const volume = breakEvenVolume({ fixedUsdPerMonth: fixed, usdPerCallBefore: stand.usdPerCall, usdPerCallAfter: option.usdPerCall });
    const fromVolume = volume === null ? null : Math.ceil(volume);
    moves.push({ to, model: option.model, fromVolume, due: reached(plan, fromVolume), trigger: hostedTrigger(to, stand, fromVolume) });
    if (volume !== null) stand = option;
  }
  if (plan.selfHosted !== null) {
    const { volume, utilisation } = hostBreakEven(plan.selfHosted.plan, stand.usdPerCall);
    const trigger =
      volume !== null
        ? `${whole(volume)} calls a month against ${stand.model}, or data that may not leave`
        : utilisation > 1
          ? `never on price against ${stand.model}: a host that is always busy costs ${utilisation.toFixed(1)} times as much; privacy, latency or own weights`
          : `on price only when busy more than ${Math.round(utilisation * 100)} % of all hours; privacy, latency or own weights`;
    moves.push({ to: 'self-hosted', model: plan.selfHosted.model, fromVolume: volume, due: reached(plan, volume), trigger });
  }
  return moves;
}

function hostedTrigger(to: 'hosted-small' | 'hosted-open', stand: PaidPerCall, from: number | null): string {
  if (from === null) return `never on price: it is not cheaper than ${stand.model}`;
  if (to === 'hosted-small') return 'a certificate: it costs less from the first call, once it passes the floor';
  return `a certificate, and ${whole(from)} calls a month against ${stand.model}`;
}

function reached(plan: Adoption, volume: number | null): boolean {
  return volume !== null && plan.callsPerMonth >= volume;
}

function whole(n: number): string {
  return n.toLocaleString('en-US');
}
