import { Document } from 'yaml';
import type { Audit, TaskDetail } from '../../audit/index.ts';
import { knownProviders } from '../known-providers.ts';

/** Names of the price list that a config calls otherwise. */
const VENDOR_OF: Readonly<Record<string, string>> = { google: 'gemini' };
/** A model of the price list that a ladder may begin with. */
interface Rung {
  readonly name: string;
  readonly provider: string;
  readonly model: string;
}

/**
 * A smallfirst.yaml with the dearest tasks of an audit: their models, their form of answer, and the fingerprints by which the gateway knows
 * their calls without a change in any client. The model of most spend is the ceiling; a candidate stands before it and answers nothing until
 * it is certified. Tasks whose models no provider of the config serves are left out, and said so in a comment.
 */
export function auditConfig({ details, document }: Audit, top: number): string {
  const models = new Map<string, Rung>();
  const tasks: Record<string, unknown> = {};
  const leftOut: string[] = [];
  for (const detail of details.slice(0, top)) {
    const ladder = ladderOf(detail);
    if (ladder.length === 0) {
      leftOut.push(detail.task.name);
      continue;
    }
    for (const rung of ladder) models.set(rung.name, rung);
    tasks[nameOf(detail, tasks)] = {
      output: outputOf(detail),
      ladder: ladder.map(({ name }) => name),
      ...(detail.fingerprints.length > 0 ? { fingerprints: detail.fingerprints } : {}),
    };
  }
  const yaml = new Document({
    models: Object.fromEntries(
      [...models.values()].map(({ name, provider, model }) => [name, name === model ? { provider } : { provider, model }]),
    ),
    tasks,
  });
  const span =
    document.totals.from === null ? '' : ` of ${document.totals.from.slice(0, 10)} to ${(document.totals.to ?? '').slice(0, 10)}`;
  yaml.commentBefore = ` Written by \`smallfirst audit\` from logs${span}.\n The first model of a ladder is a candidate: nothing is routed to it before \`smallfirst certify\`.${leftOut.length === 0 ? '' : `\n Left out, because no provider here serves their models: ${leftOut.join(', ')}.`}`;
  return yaml.toString({ lineWidth: 140 });
}

function ladderOf({ best, models, others }: TaskDetail): readonly Rung[] {
  const ceiling = [...models]
    .sort((a, b) => b.cost - a.cost || b.calls - a.calls)
    .flatMap(({ provider, model }) => rungOf(provider, model) ?? [])[0];
  if (ceiling === undefined) return [];
  for (const { candidate } of [best, ...others]) {
    const rung = candidate === null ? null : rungOf(candidate.provider, candidate.model);
    if (rung !== null && rung.name !== ceiling.name) return [rung, ceiling];
  }
  return [ceiling];
}

function rungOf(provider: string | null, model: string): Rung | null {
  const vendor = provider === null ? null : (VENDOR_OF[provider] ?? provider);
  if (vendor === null || model === '') return null;
  const row = knownProviders()[vendor];
  if (row === undefined || row.inProcess === true || row.needs.length > 0) return null;
  const name = model
    .replace(/[^A-Za-z0-9._:/-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .replace(/^(student|task|pipeline)\//, '$1-');
  return name === '' ? null : { name, provider: vendor, model };
}

function outputOf({ task, labels }: TaskDetail): object {
  if (task.kind === 'label' && labels.length >= 2) return { kind: 'label', labels };
  return { kind: task.kind === 'json' ? 'json' : 'text' };
}

function nameOf({ task }: TaskDetail, taken: Readonly<Record<string, unknown>>): string {
  const plain = task.name.replace(/[^A-Za-z0-9._:/-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '') || `task-${task.id}`;
  let name = plain;
  for (let n = 2; Object.hasOwn(taken, name); n += 1) name = `${plain}-${n}`;
  return name;
}
