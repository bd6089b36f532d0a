import type { TaskKind } from './output-shape.ts';

const VERBS = new Set(
  (
    'classify categorize categorise label tag route triage detect extract parse summarize summarise translate draft write rewrite reply respond ' +
    'answer polish improve rate score judge grade evaluate generate convert normalise normalize identify decide check compare rank redact ' +
    'moderate transcribe correct proofread fix explain plan find assess analyse analyze recommend describe transform validate review'
  ).split(' '),
);
const SKIPPED = new Set(
  (
    'a an the this that these those of to in on for from by with and or as is are be it its your you our their his her my me us any all each ' +
    'one following given user users customer customers below above into please exactly only short brief single new incoming text message input'
  ).split(' '),
);
const MOST_WORDS = 3;

/** A name that a person can do with, from the constant words of a template: `classify-ticket`, `extract-receipt`. */
export function nameOfTemplate(words: readonly string[], kind: TaskKind): string {
  const plain = words.map((word) => word.toLowerCase().replace(/[^\p{L}\p{N}-]/gu, ''));
  // An instruction begins a sentence, follows a colon or says what `you` do; elsewhere the same word may be a noun.
  const isInstruction = (i: number): boolean =>
    i === 0 || /^\p{Lu}/u.test(words[i]!) || /[:.!?]$/.test(words[i - 1]!) || plain[i - 1] === 'you';
  const instruction = plain.findIndex((word, i) => VERBS.has(word) && isInstruction(i));
  const verb = instruction >= 0 ? instruction : plain.findIndex((word) => VERBS.has(word));
  const from = verb < 0 ? 0 : verb + 1;
  const nouns = plain.slice(from, from + 16).filter((word) => word.length > 2 && /^\p{L}+(?:-\p{L}+)*$/u.test(word) && !SKIPPED.has(word));
  const parts = [verb < 0 ? '' : plain[verb]!, ...nouns.slice(0, verb < 0 ? MOST_WORDS : MOST_WORDS - 1)].filter((part) => part !== '');
  return asName(parts.join('-')) || `${kind === 'unknown' ? 'task' : kind}`;
}

/** A text as a name of the config: letters, digits and `. _ : / -`, not empty but for a text without any letter or digit. */
export function asName(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9._:/-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '')
    .slice(0, 60);
}

/** A name without the version at its end: `classify-v2` and `classify@v3` are versions of `classify`. */
export function withoutVersion(name: string): string {
  return name.replace(/[-_@: /]+v\d+(?:\.\d+)*$/i, '') || name;
}
