import type { PromptTexts, StaticPart } from './types.ts';

/** How parts are looked for. */
export interface StaticPartOptions {
  /** Share of the requests that a part must stand in; 0.99 unless told. */
  readonly share?: number;
  /** Shorter parts save next to nothing and may be a matter of chance; 24 characters unless told. */
  readonly least?: number;
}

/**
 * The longest texts that stand, in this order, in at least the given share of a task's prompts: whole lines that are always the same, and
 * what is always the same before and after what changes between them, cut between words. A part never joins texts that change between
 * requests. Empty where nothing is constant.
 */
export function findStaticParts(prompts: readonly PromptTexts[], options: StaticPartOptions = {}): readonly StaticPart[] {
  const settings = { share: options.share ?? 0.99, least: options.least ?? 24 };
  return (['system', 'user'] as const).flatMap((role) =>
    partsOf(
      prompts.map((prompt) => prompt[role] ?? ''),
      settings,
    ).map((text): StaticPart => ({ role, text })),
  );
}

interface Settings {
  readonly share: number;
  readonly least: number;
}

function partsOf(texts: readonly string[], settings: Settings): readonly string[] {
  const reference = commonest(texts);
  if (reference === null) return [];
  const needed = Math.ceil(settings.share * texts.length);
  const anchors = runs(reference, texts, needed);
  // Texts without the anchors are the few that may differ; they say nothing about what stands between.
  const gaps = texts.map((text) => gapsOf(text, anchors)).filter((row) => row !== null);
  const fromGaps = Array.from({ length: anchors.length + 1 }, (_, i) => {
    const column = gaps.map((row) => row[i] ?? '');
    return edges(column, needed);
  });
  const parts: string[] = [];
  let open = '';
  const close = (): void => {
    if (open.length >= settings.least && open.trim() !== '') parts.push(open);
    open = '';
  };
  for (let i = 0; i <= anchors.length; i += 1) {
    const { start, end, isWhole } = fromGaps[i] ?? { start: '', end: '', isWhole: true };
    open += start;
    if (!isWhole) {
      close();
      open = end;
    }
    open += anchors[i] ?? '';
  }
  close();
  return confirmed(parts, texts, needed);
}

/** Runs of whole lines of the reference that stand in enough of the texts, in order and as one piece. */
function runs(reference: string, texts: readonly string[], needed: number): readonly string[] {
  const counts = new Map<string, number>();
  for (const text of texts) for (const line of new Set(linesOf(text))) counts.set(line, (counts.get(line) ?? 0) + 1);
  const lines = linesOf(reference);
  const found: string[] = [];
  for (let at = 0; at < lines.length; ) {
    let run = '';
    let next = at;
    while (next < lines.length && (counts.get(lines[next] ?? '') ?? 0) >= needed) {
      const longer = run + lines[next];
      if (holding([...found, longer], texts) < needed) break;
      run = longer;
      next += 1;
    }
    if (run.trim() !== '') found.push(run);
    at = Math.max(next, at + 1);
  }
  return found;
}

/** Lines with their ends, so that joining them gives the text back. */
function linesOf(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** In how many texts the parts stand one after the other. */
function holding(parts: readonly string[], texts: readonly string[]): number {
  return texts.reduce((count, text) => count + (gapsOf(text, parts) === null ? 0 : 1), 0);
}

/** What stands before, between and after the parts; null where they are not all there in order. */
function gapsOf(text: string, parts: readonly string[]): readonly string[] | null {
  const gaps: string[] = [];
  let from = 0;
  for (const part of parts) {
    const at = text.indexOf(part, from);
    if (at < 0) return null;
    gaps.push(text.slice(from, at));
    from = at + part.length;
  }
  return [...gaps, text.slice(from)];
}

/** What enough of the texts begin and end with, cut between words, without overlap; `isWhole` where enough of them are one and the same text. */
function edges(texts: readonly string[], needed: number): { readonly start: string; readonly end: string; readonly isWhole: boolean } {
  const reference = commonest(texts) ?? '';
  const same = texts.filter((text) => text === reference).length;
  if (same >= needed) return { start: reference, end: '', isWhole: true };
  // Words keep the white space before them: cut there, a text that changes never loses its first letters.
  const words = reference.match(/\s*\S+|\s+$/g) ?? [];
  const start = longest(words.length, (count) => {
    const text = words.slice(0, count).join('');
    return texts.filter((other) => other.startsWith(text) && isBoundary(other, text.length)).length >= needed ? text : null;
  });
  const end = longest(words.length, (count) => {
    const text = words.slice(words.length - count).join('');
    const fits = (other: string): boolean => other.length >= start.length + text.length && other.endsWith(text);
    return texts.filter((other) => fits(other) && isBoundary(other, other.length - text.length)).length >= needed ? text : null;
  });
  return { start, end, isWhole: false };
}

function isBoundary(text: string, at: number): boolean {
  return at === 0 || at === text.length || /\s/.test(text[at] ?? '') || /[\s:"'`>\](}]/.test(text[at - 1] ?? '');
}

/** The longest of growing texts that still holds; longer ones hold in fewer places, so halving finds it. */
function longest(most: number, textOf: (count: number) => string | null): string {
  let best = '';
  let [low, high] = [1, most];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const text = textOf(middle);
    if (text === null) high = middle - 1;
    else {
      best = text;
      low = middle + 1;
    }
  }
  return best;
}

function confirmed(parts: readonly string[], texts: readonly string[], needed: number): readonly string[] {
  const kept: string[] = [];
  for (const part of parts) if (holding([...kept, part], texts) >= needed) kept.push(part);
  return kept;
}

/** The text that most have; of equally common ones the first. */
function commonest(texts: readonly string[]): string | null {
  const counts = new Map<string, number>();
  for (const text of texts) if (text !== '') counts.set(text, (counts.get(text) ?? 0) + 1);
  let best: string | null = null;
  for (const [text, count] of counts) if (best === null || count > (counts.get(best) ?? 0)) best = text;
  return best;
}
