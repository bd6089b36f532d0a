import { foldLabel, type Json, parseJsonAnswer } from '../core/index.ts';
import { goldOf, isInScope, type Scale } from './scores.ts';
import { fieldOverlap, labelOverlap } from './set-scores.ts';
import type { Fields, FrontierAnswer, Gold, StudentKind, StudentPrediction } from './types.ts';

/** An answer in the form of a kind: a label, labels, fields or a number; null says that there is none. */
type Answer = string | readonly string[] | Fields | number | null;

/** Quality of a student's answer, in [0, 1], against what is right: 0 where the text is out of scope. */
export function qualityOf(gold: Gold, said: StudentPrediction, scale: Scale): number {
  if (!isInScope(gold, scale)) return 0;
  return agreement(goldOf(gold, scale.kind) as Answer, answerOf(said, scale.kind), scale);
}

/** Quality of the frontier's answer against what is right, unless it was scored when it was recorded. */
export function frontierQuality(gold: Gold, frontier: FrontierAnswer, scale: Scale): number {
  if (frontier.quality !== undefined) return frontier.quality;
  const right = (goldOf(gold, scale.kind) ?? null) as Answer;
  const said = readAnswer(frontier.answer, scale.kind);
  // Where none of the student's labels is right, any way of saying so is.
  if (right === null && scale.kind === 'classifier') return said === null || !knows(scale, said as string) ? 1 : 0;
  return agreement(right, said, scale);
}

/** How far the student's answer and the frontier's agree, in [0, 1]. */
export function agreementWith(frontier: FrontierAnswer, said: StudentPrediction, scale: Scale): number {
  const other = readAnswer(frontier.answer, scale.kind);
  return other === null ? 0 : agreement(other, answerOf(said, scale.kind), scale);
}

/** Labels are equal or not; sets and records share a part; numbers are within the tolerance or not. */
function agreement(a: Answer, b: Answer, { kind, tolerance }: Scale): number {
  if (a === null || b === null) return a === b ? 1 : 0;
  if (kind === 'classifier') return foldLabel(a as string) === foldLabel(b as string) ? 1 : 0;
  if (kind === 'multilabel') return labelOverlap(folded(a), folded(b));
  if (kind === 'extractor') return fieldOverlap(a as Fields, b as Fields);
  return Math.abs((a as number) - (b as number)) <= tolerance + 1e-9 ? 1 : 0;
}

function folded(labels: Answer): readonly string[] {
  return (labels as readonly string[]).map(foldLabel);
}

function knows({ labels }: Scale, said: string): boolean {
  const wanted = foldLabel(said);
  return [...labels].some((label) => foldLabel(label) === wanted);
}

function answerOf({ label, labels, fields, value }: StudentPrediction, kind: StudentKind): Answer {
  if (kind === 'classifier') return label ?? null;
  if (kind === 'multilabel') return labels ?? null;
  return kind === 'extractor' ? (fields ?? null) : (value ?? null);
}

/** An answer as a model gave it, as JSON or as its text; null where it is none of the kind. */
export function readAnswer(answer: unknown, kind: StudentKind): Answer {
  if (kind === 'classifier') return typeof answer === 'string' && answer.trim() !== '' ? answer : null;
  const value = typeof answer === 'string' ? parsed(answer) : (answer as Json);
  if (kind === 'scorer') return typeof value === 'number' && Number.isFinite(value) ? value : null;
  if (kind === 'multilabel') return Array.isArray(value) ? value.filter((label) => typeof label === 'string') : null;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const fields: Record<string, string | readonly string[]> = {};
  for (const [name, held] of Object.entries(value)) {
    const values = (Array.isArray(held) ? held : [held])
      .filter((item) => item !== null && item !== '' && typeof item !== 'object')
      .map(String);
    if (values.length > 0) fields[name] = Array.isArray(held) ? values : values[0]!;
  }
  return fields;
}

function parsed(text: string): Json {
  const answer = parseJsonAnswer(text);
  return answer.ok ? answer.value : null;
}
