import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Capability, Json, Output } from '../core/index.ts';
import type { PriceTerms } from '../pricing/index.ts';
import type { Problem } from './config-error.ts';
import type { RawConfig } from './schema.ts';
import type { Source } from './source.ts';
import { studentNames, studentVersion, versionFolder } from './student-versions.ts';
import type { Config, ModelConfig, TaskConfig } from './types.ts';
import { modelUpstream } from './upstream-schema.ts';

type RawStudent = RawConfig['students'][string];

/** Students as models named `student/NAME`, small, and internal and free unless they say otherwise; and the versions of them that ladders name. */
export function buildStudents(
  raw: RawConfig,
  inFolder: (path: string) => string,
  capabilities: readonly Capability[],
): readonly ModelConfig[] {
  return studentsOf(raw).map(({ name, path, boundary, embeddings, ...rest }) => {
    const upstream = modelUpstream(embeddings?.apiKey === undefined ? {} : { apiKey: embeddings.apiKey });
    return {
      name: `student/${name}`,
      provider: 'student',
      model: name,
      tier: 'small',
      // What a text is embedded by reads the text.
      boundary: boundary ?? (embeddings ? 'any' : 'internal'),
      capabilities: new Set(capabilities),
      contextWindow: null,
      url: embeddings?.url ?? null,
      apiKey: embeddings?.apiKey ?? null,
      upstream,
      data: null,
      path: inFolder(path),
      local: null,
      price: priceOf({ embeddings, ...rest }),
      parameters: {},
      trained: null,
      prune: null,
      answers: askedOf(`student/${name}`, raw),
      ...(embeddings ? { embeddings: { model: embeddings.model } } : {}),
      allowUnpinned: false,
    };
  });
}

/** Students under their own names, and the versions of them that ladders name. */
function studentsOf({ students, tasks }: RawConfig): readonly (RawStudent & { readonly name: string })[] {
  const ladders = Object.values(tasks).map(({ ladder }) => ladder);
  return studentNames(ladders, Object.keys(students)).flatMap((name) => {
    const whole = students[name];
    if (whole !== undefined) return [{ ...whole, name }];
    const { student = '', version = '' } = studentVersion(`student/${name}`) ?? {};
    const own = students[student];
    return own === undefined ? [] : [{ ...own, name, path: versionFolder(own.path, version) }];
  });
}

/** A declared price of nothing unless a call or its embedding costs something. */
function priceOf({ costUsd, embeddings }: Pick<RawStudent, 'costUsd' | 'embeddings'>): PriceTerms {
  const perMillion = embeddings?.usdPerMillion ?? 0;
  if (perMillion === 0 && (costUsd ?? 0) === 0) return { free: true };
  return { usdPerMillion: { input: perMillion, output: 0 }, usdPerRequest: costUsd ?? 0 };
}

/** What a student that is named itself answers: the output that all tasks agree on which have it on their ladders. */
function askedOf(model: string, { tasks }: RawConfig): Output | null {
  const outputs = Object.values(tasks).flatMap(({ ladder, output }) => (ladder.includes(model) ? [output as Output] : []));
  const [first] = outputs;
  return first !== undefined && outputs.every((output) => JSON.stringify(output) === JSON.stringify(first)) ? first : null;
}

/** What a student's own folder says of it, as far as a config must know. */
interface KnownStudent {
  readonly kind: string;
  readonly labels: readonly string[];
}

/** Students that cannot give what a task asks of them. A folder that is not there yet is found out when the student is opened. */
export async function checkStudents({ models, tasks }: Config, source: Source): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for (const task of tasks.values()) {
    for (const [i, name] of task.ladder.entries()) {
      const model = models.get(name);
      const student = model?.provider === 'student' && model.path !== null ? await readStudent(model.path) : null;
      const why = student === null ? null : misfit(student, task);
      if (why !== null)
        problems.push({
          message: `tasks.${task.name}.ladder names ${name}, ${why}`,
          position: source.at(['tasks', task.name, 'ladder', i]),
        });
    }
  }
  return problems;
}

async function readStudent(path: string): Promise<KnownStudent | null> {
  try {
    const card = JSON.parse(await readFile(join(path, 'student.json'), 'utf8')) as { readonly [key: string]: Json };
    const { kind, labels } = card;
    if (typeof kind !== 'string' || !Array.isArray(labels)) return null;
    return { kind, labels: labels.map(String) };
  } catch {
    return null;
  }
}

/** Which outputs a kind can give. */
const GIVES: Readonly<Record<string, readonly Output['kind'][]>> = {
  classifier: ['label', 'text', 'json'],
  multilabel: ['json', 'text'],
  extractor: ['json', 'text'],
  scorer: ['json', 'text', 'label'],
};

function misfit({ kind, labels }: KnownStudent, { output }: Pick<TaskConfig, 'output'>): string | null {
  const fitting = GIVES[kind];
  if (fitting && !fitting.includes(output.kind)) {
    return `a student of kind ${kind}, which gives ${fitting.join(' or ')}; the task's output is ${output.kind}.`;
  }
  if (output.kind === 'label') {
    const unknown = labels.find((label) => !output.labels.includes(label));
    return unknown === undefined
      ? null
      : `which can answer ${JSON.stringify(unknown)}, no label of the task: every such answer would be invalid.`;
  }
  if (kind !== 'extractor' || output.kind !== 'json') return null;
  const missing = requiredOf(output.schema).find((name) => !labels.includes(name));
  return missing === undefined ? null : `which never gives ${JSON.stringify(missing)}, and the task's schema requires it.`;
}

/** The properties that an answer must have and that may be neither null nor an empty list. */
function requiredOf(schema: Json): readonly string[] {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return [];
  const { required, properties } = schema as {
    readonly required?: Json;
    readonly properties?: { readonly [name: string]: { readonly type?: Json } };
  };
  if (!Array.isArray(required)) return [];
  return required.map(String).filter((name) => {
    const types = [properties?.[name]?.type ?? []].flat();
    return !types.includes('null') && !types.includes('array');
  });
}
