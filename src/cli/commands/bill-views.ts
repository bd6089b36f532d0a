import { type Clock, SmallfirstError, systemClock } from '../../core/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { type BillOptions, runBill } from './bill.ts';
import { runBillBefore } from './bill-before.ts';
import { runBillCompare } from './bill-compare.ts';
import { runBillFocus } from './bill-focus.ts';
import { runBillForecast } from './bill-forecast.ts';

export interface BillViewOptions extends BillOptions {
  /** Two months. */
  readonly compare?: readonly string[];
  readonly before?: boolean;
  /** How many months, this one included. */
  readonly forecast?: number;
  readonly budget?: number;
  /** Path of the CSV file. */
  readonly focus?: string;
}

/** `smallfirst bill`, or the view of it that the options ask for. */
export function runBillView(options: BillViewOptions, io: CommandIo, clock: Clock = systemClock): Promise<ExitCode> {
  const { compare, forecast, focus, budget } = options;
  if (budget !== undefined && forecast === undefined) throw new SmallfirstError('USAGE', '--budget goes with --forecast.');
  if (compare !== undefined) return runBillCompare({ ...options, compare }, io, clock);
  if (forecast !== undefined) return runBillForecast({ ...options, forecast }, io, clock);
  if (focus !== undefined) return runBillFocus({ ...options, focus }, io, clock);
  if (options.before) return runBillBefore(options, io, clock);
  return runBill(options, io, clock);
}
