import type { Checkable } from './check.ts';
import type { Problem } from './config-error.ts';
import type { RawTask } from './schema.ts';
import type { Source } from './source.ts';
import { suggestion } from './suggest.ts';

/** What the schema cannot say of a task's life: candidates below the ceiling, and a canary that rises to 1. */
export function checkLife(raw: Checkable, source: Source): readonly Problem[] {
  return Object.entries(raw.tasks).flatMap(([name, task]) => [
    ...mode(name, task, source),
    ...candidates(name, task, source),
    ...stages(name, task, source),
    ...triage(name, task, source),
  ]);
}

function mode(name: string, task: Partial<RawTask>, source: Source): readonly Problem[] {
  if (task.mode !== 'shadow' || task.shadow !== undefined) return [];
  const position = source.at(['tasks', name, 'mode']);
  return [{ message: `tasks.${name}.mode is shadow, but nothing says what may be asked and spent; add shadow: { share: 0.1 }.`, position }];
}

function candidates(name: string, task: Partial<RawTask>, source: Source): readonly Problem[] {
  const { shadow, ladder = [] } = task;
  if (shadow === undefined) return [];
  if (ladder.length === 1) {
    return [
      {
        message: `tasks.${name}.shadow has nobody to ask: the ladder holds its ceiling alone.`,
        position: source.at(['tasks', name, 'shadow'], 'key'),
      },
    ];
  }
  const below = ladder.slice(0, -1);
  return (shadow.candidates ?? []).flatMap((candidate, i) => {
    const at = ['tasks', name, 'shadow', 'candidates', i];
    const place = `tasks.${name}.shadow.candidates names ${source.written(at)}`;
    if (!below.includes(candidate))
      return [
        { message: `${place}, which is no model of its ladder below the ceiling.${suggestion(candidate, below)}`, position: source.at(at) },
      ];
    if (shadow.candidates?.indexOf(candidate) !== i) return [{ message: `${place} twice; keep one.`, position: source.at(at) }];
    return [];
  });
}

function stages(name: string, { canary }: Partial<RawTask>, source: Source): readonly Problem[] {
  if (!canary) return [];
  const rises = canary.stages.every((stage, i) => i === 0 || stage > (canary.stages[i - 1] ?? 0));
  if (rises && canary.stages.at(-1) === 1) return [];
  return [
    {
      message: `tasks.${name}.canary.stages must rise and end with 1, as in [0.05, 0.25, 1].`,
      position: source.at(['tasks', name, 'canary', 'stages']),
    },
  ];
}

function triage(name: string, task: Partial<RawTask>, source: Source): readonly Problem[] {
  if (task.triage === undefined || (task.ladder ?? ['', '']).length > 1) return [];
  const position = source.at(['tasks', name, 'triage'], 'key');
  return [{ message: `tasks.${name}.triage has nothing to choose: the ladder holds its ceiling alone.`, position }];
}
