import type { Model, ModelRequest } from '../core/index.ts';
import type { CallReason } from '../policy/index.ts';
import type { Gate } from './types.ts';

/** A call to be made: which rung, with which request, and why. */
export interface Turn {
  readonly model: Model;
  readonly why: CallReason;
  readonly request: ModelRequest;
  /** Null where the request is not the item's own: a recording of the item is no recording of its polish. */
  readonly itemId: string | null;
  readonly input: string | null;
  /** The last rung of the ladder: whatever it says is the answer. */
  readonly isCeiling: boolean;
  /** Null where the whole answer decides. */
  readonly gate: Gate | null;
}
