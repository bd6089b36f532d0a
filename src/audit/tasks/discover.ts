import { fingerprintOf } from '../../templates/index.ts';
import type { AuditCall } from '../types.ts';
import { mineTemplates } from './mine.ts';
import { asName, nameOfTemplate, withoutVersion } from './naming.ts';
import type { TaskKind } from './output-shape.ts';
import { TaskProfile } from './profile.ts';
import { GramReader, type PromptGrams, tripleHash, wordsOf } from './prompt-grams.ts';
import { type Version, versionGroups } from './similar.ts';
import { SlotList } from './slot-list.ts';
import { endsOf, TemplateBook } from './template-book.ts';

/** By what a task was found; what stands earlier is believed first. */
export type TaskEvidence = 'tag' | 'function' | 'prompt' | 'route' | 'template';

/** A task that was found in a log. */
export interface DiscoveredTask {
  /** The tag's own name, or 12 hexadecimal digits of its template's fingerprint. */
  readonly id: string;
  readonly name: string;
  readonly foundBy: TaskEvidence;
  readonly kind: TaskKind;
  readonly profile: TaskProfile;
  /** Fingerprints by which a gateway knows its calls again, those of most calls first; at most 20. */
  readonly fingerprints: readonly string[];
  /** The prompt with what varies masked; null where the log holds none. */
  readonly template: string | null;
  /** Templates that were merged into it. */
  readonly versions: number;
}

/** What a log consists of. */
export interface Discovery {
  /** By spend, the dearest first. */
  readonly tasks: readonly DiscoveredTask[];
  /** Calls without a task. */
  readonly unassigned: TaskProfile;
  readonly calls: number;
  /** The task of the n-th call that was added, counted from 0. */
  taskOf(ordinal: number): DiscoveredTask | null;
}

/** Calls that wait for a template to be mined from them. */
interface Waiting {
  readonly call: AuditCall;
  readonly ordinal: number;
  readonly prompt: PromptGrams;
}

interface Slot {
  readonly evidence: TaskEvidence;
  readonly name: string | null;
  readonly profile: TaskProfile;
  readonly sample: AuditCall;
  readonly fingerprints: Map<string, number>;
  /** Place in the book of templates; null for a task that was found otherwise. */
  readonly template: number | null;
  /** Prompts of a tagged task, to find its untagged calls. */
  readonly prompts: PromptGrams[];
}

const MINED_AT = 2_000;
const MINED_AT_CHARACTERS = 24_000_000;
const FINGERPRINTS = 20;
const TAG_SAMPLES = 24;
/** A tagged task owns a template when this share of its sampled prompts are of it. */
const OWNED_SHARE = 0.6;
/** A UUID, a hash or a long number in a tag: it names one call and no task. */
const AN_ID = /[0-9a-f]{8}-[0-9a-f]{4}-|(?=[a-f]*\d)[0-9a-f]{12,}|\d{6,}/i;
/** Slots beyond this are not opened: tags that are ids are no tasks. */
const MOST_SLOTS = 5_000;

/**
 * Finds the tasks of a log in one pass. A call belongs to what its tag says, else its function, its stored prompt or its route, else to
 * the template of its prompt: templates are mined from the calls that no known one fits, some thousands at a time, so that memory stays
 * flat and a prompt that changes is found when it comes. Versions of one template are joined at the end.
 */
export class TaskDiscovery {
  readonly #reader = new GramReader();
  readonly #book = new TemplateBook();
  readonly #slots: Slot[] = [];
  readonly #named = new Map<string, number>();
  readonly #taskNames = new Map<string, string>();
  /** Tasks that are known by equal prompts alone. */
  readonly #byFallback = new Map<string, number>();
  readonly #templateSlots: number[] = [];
  readonly #slotOf = new SlotList();
  readonly #unassigned = new TaskProfile();
  #waiting: Waiting[] = [];
  #waitingCharacters = 0;
  /** Every so many unmatched calls wait; the others stay without a task. Grows while mining finds nothing. */
  #stride = 1;
  #unmatched = 0;

  /** Takes the next call of the log. */
  add(call: AuditCall): void {
    const ordinal = this.#slotOf.push();
    const slot = this.#namedSlot(call) ?? this.#systemSlot(call);
    if (slot !== null) {
      this.#assign(slot, call, ordinal);
      return;
    }
    const ends = endsOf(this.#reader.shapeOf(call), call.system ?? '', call.userTexts[0] ?? '');
    const known = this.#book.ofEnds(ends);
    if (known !== undefined) {
      this.#assign(this.#templateSlots[known]!, call, ordinal);
      return;
    }
    const prompt = this.#reader.read(call);
    const template = prompt === null ? null : this.#book.match(prompt);
    this.#book.learnEnds(ends, template);
    if (template !== null) this.#assign(this.#templateSlots[template]!, call, ordinal);
    else if (prompt === null) this.#unassigned.add(call, ordinal);
    else this.#wait({ call, ordinal, prompt });
  }

  /** The slot of the template that a call's system prompt alone tells. */
  #systemSlot(call: AuditCall): number | null {
    if (call.system === null || this.#book.size === 0) return null;
    const shape = this.#reader.shapeOf(call);
    const ends = endsOf(shape, call.system, null);
    const known = this.#book.ofSystem(call.system, shape) ?? this.#book.ofEnds(ends);
    if (known !== undefined) return this.#templateSlots[known]!;
    const prompt = this.#reader.readSystem(call);
    const template = prompt === null ? null : this.#book.matchSystem(prompt, call.system);
    this.#book.learnEnds(ends, template);
    return template === null ? null : this.#templateSlots[template]!;
  }

  #wait(waiting: Waiting): void {
    const { call, ordinal } = waiting;
    const known = this.#byFallback.size === 0 ? undefined : this.#byFallback.get(fallbackKey(call));
    if (known !== undefined) {
      this.#assign(known, call, ordinal);
      return;
    }
    this.#unmatched += 1;
    if (this.#unmatched % this.#stride !== 0) {
      this.#unassigned.add(call, ordinal);
      return;
    }
    this.#waiting.push(waiting);
    this.#waitingCharacters +=
      (call.system ?? '').length + (call.output ?? '').length + call.userTexts.reduce((n, { length }) => n + length, 0);
    if (this.#waiting.length >= MINED_AT || this.#waitingCharacters >= MINED_AT_CHARACTERS) this.#mine(false);
  }

  /** Ends the log and says what it consists of. Nothing may be added afterwards. */
  finish(): Discovery {
    this.#mine(true);
    const groups = this.#groups();
    const tasks: DiscoveredTask[] = [];
    const taskOfSlot = new Map<number, DiscoveredTask>();
    const names = { ids: new Set<string>(), names: new Set<string>() };
    const dearest = [...groups].sort((a, b) => this.#spend(b) - this.#spend(a));
    for (const group of dearest) tasks.push(this.#taskOf(group, names));
    for (const [i, task] of withOwnFingerprints(tasks).entries()) {
      tasks[i] = task;
      for (const slot of dearest[i]!) taskOfSlot.set(slot, task);
    }
    return {
      tasks: tasks.sort((a, b) => b.profile.cost - a.profile.cost || b.profile.calls - a.profile.calls),
      unassigned: this.#unassigned,
      calls: this.#slotOf.length,
      taskOf: (ordinal) => taskOfSlot.get(this.#slotOf.get(ordinal)) ?? null,
    };
  }

  #namedSlot(call: AuditCall): number | null {
    const { tag, functionId, promptName, route } = call.hints;
    const evidence: TaskEvidence = tag ? 'tag' : functionId ? 'function' : promptName ? 'prompt' : 'route';
    const hint = tag || functionId || promptName || route;
    const name = hint ? this.#taskName(hint) : '';
    if (name === '') return null;
    const known = this.#named.get(name);
    if (known === undefined && this.#slots.length >= MOST_SLOTS) return null;
    const slot = known ?? this.#open(call, { evidence, name, template: null });
    this.#named.set(name, slot);
    const { prompts, profile } = this.#slots[slot]!;
    if (prompts.length < TAG_SAMPLES && profile.calls % 7 === 0) {
      const prompt = this.#reader.read(call);
      if (prompt !== null) prompts.push(prompt);
    }
    return slot;
  }

  /** The name that a hint gives, without its version; '' for an id, which is another one with each call. */
  #taskName(hint: string): string {
    const known = this.#taskNames.get(hint);
    if (known !== undefined) return known;
    const plain = withoutVersion(hint);
    const name = AN_ID.test(plain) ? '' : asName(plain);
    if (this.#taskNames.size >= MOST_SLOTS) this.#taskNames.clear();
    this.#taskNames.set(hint, name);
    return name;
  }

  #open(sample: AuditCall, what: Pick<Slot, 'evidence' | 'name' | 'template'>): number {
    this.#slots.push({ ...what, sample, profile: new TaskProfile(), fingerprints: new Map(), prompts: [] });
    return this.#slots.length - 1;
  }

  #assign(slot: number, call: AuditCall, ordinal: number): void {
    this.#slotOf.set(ordinal, slot);
    const { profile, fingerprints } = this.#slots[slot]!;
    profile.add(call, ordinal);
    // Few prompts are enough: a template whose fingerprint still varies after them cannot be known by it.
    if (profile.calls > 64 && profile.calls % 512 !== 0) return;
    const { hash, masked } = fingerprintOf(promptTemplate(call));
    if (masked !== '' && (fingerprints.has(hash) || fingerprints.size < FINGERPRINTS))
      fingerprints.set(hash, (fingerprints.get(hash) ?? 0) + 1);
  }

  #mine(isLast: boolean): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    const distinct = distinctPrompts(waiting.map(({ prompt }) => prompt));
    // Of few different prompts two make a template.
    const least = distinct.length < 400 ? Math.max(2, Math.ceil(distinct.length * 0.01)) : Math.max(5, Math.ceil(distinct.length * 0.003));
    const mined = mineTemplates(distinct, { least });
    const first = this.#book.size;
    this.#book.add(mined, distinct);
    for (let template = first; template < this.#book.size; template += 1) {
      const member = distinct[mined[template - first]!.members[0]!];
      const sample = waiting.find(({ prompt }) => prompt === member)?.call ?? waiting[0]!.call;
      this.#templateSlots[template] = this.#open(sample, { evidence: 'template', name: null, template });
    }
    const left = waiting.filter(({ call, ordinal, prompt }) => {
      const template = this.#book.match(prompt);
      if (template !== null) this.#assign(this.#templateSlots[template]!, call, ordinal);
      return template === null;
    });
    if (isLast) this.#group(left, 0);
    else this.#keep(this.#group(left, waiting.length * 0.01), waiting.length);
  }

  /** The calls that nothing fits wait for the next mining while they are few; else nothing is to be found in them, and most are let go. */
  #keep(left: Waiting[], waited: number): void {
    if (left.length > waited / 2) {
      this.#stride = Math.min(64, this.#stride * 2);
      for (const { call, ordinal } of left.filter((_, i) => i % 2 === 1)) this.#unassigned.add(call, ordinal);
      left = left.filter((_, i) => i % 2 === 0);
    } else this.#stride = 1;
    while (left.length > MINED_AT / 2) {
      const { call, ordinal } = left.shift()!;
      this.#unassigned.add(call, ordinal);
    }
    this.#waiting = left;
    this.#waitingCharacters = 0;
  }

  /**
   * What no mined template fits: equal fingerprints make a task when a prompt is there, and enough calls for the size of the log. While
   * the log goes on only groups of at least `least` calls do, and the others are returned.
   */
  #group(left: readonly Waiting[], least: number): Waiting[] {
    const isLast = least === 0;
    const groups = new Map<string, Waiting[]>();
    for (const each of left) {
      const key = fallbackKey(each.call);
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [each]);
      else group.push(each);
    }
    const calls = this.#slotOf.length;
    const rest: Waiting[] = [];
    for (const [key, members] of groups) {
      const enough = key.startsWith('=') ? Math.max(5, calls * 0.001) : calls < 200 ? 1 : Math.max(2, calls * 0.0002);
      const isTask = members.length >= Math.max(least, enough) && this.#slots.length < MOST_SLOTS;
      if (!isTask && !isLast) {
        rest.push(...members);
        continue;
      }
      const slot = isTask ? this.#open(members[0]!.call, { evidence: 'template', name: null, template: null }) : -1;
      if (isTask) this.#byFallback.set(key, slot);
      for (const { call, ordinal } of members) {
        if (isTask) this.#assign(slot, call, ordinal);
        else this.#unassigned.add(call, ordinal);
      }
    }
    if (isLast) this.#waiting = [];
    return rest;
  }

  /** Slots that are of one task, the named one first. */
  #groups(): readonly (readonly number[])[] {
    const owners = this.#owners();
    const free = this.#slots.flatMap((slot, i) => (slot.name === null && slot.profile.calls > 0 && !owners.has(i) ? [i] : []));
    const versions = free.map((i): Version => {
      const { sample, profile, template } = this.#slots[i]!;
      const constant = template === null ? null : this.#book.constantOf(template);
      return { shape: this.#reader.shapeOf(sample), words: constantWords(sample, constant), profile };
    });
    const named = this.#slots.flatMap((slot, i) =>
      slot.name === null ? [] : [[i, ...[...owners].flatMap(([template, owner]) => (owner === i ? [template] : []))]],
    );
    return [...named, ...versionGroups(versions).map((group) => group.map((i) => free[i]!))];
  }

  /** Which tagged task each template slot belongs to: the one whose prompts are of it, where there is only one. */
  #owners(): ReadonlyMap<number, number> {
    const claims = new Map<number, Set<number>>();
    for (const [i, { name, prompts }] of this.#slots.entries()) {
      if (name === null || prompts.length === 0) continue;
      const counts = new Map<number, number>();
      for (const prompt of prompts) {
        const template = this.#book.match(prompt);
        if (template !== null) counts.set(template, (counts.get(template) ?? 0) + 1);
      }
      for (const [template, n] of counts) {
        if (n < prompts.length * OWNED_SHARE) continue;
        const slot = this.#templateSlots[template]!;
        claims.set(slot, (claims.get(slot) ?? new Set()).add(i));
      }
    }
    return new Map([...claims].flatMap(([slot, owners]) => (owners.size === 1 ? [[slot, [...owners][0]!] as const] : [])));
  }

  #spend(group: readonly number[]): number {
    return group.reduce((sum, i) => sum + this.#slots[i]!.profile.cost, 0);
  }

  #taskOf(group: readonly number[], taken: { readonly ids: Set<string>; readonly names: Set<string> }): DiscoveredTask {
    const first = this.#slots[group[0]!]!;
    const byCalls = group.map((i) => this.#slots[i]!).sort((a, b) => b.profile.calls - a.profile.calls);
    const prints = byCalls.flatMap(({ fingerprints }) => [...fingerprints].sort((a, b) => b[1] - a[1]).map(([hash]) => hash));
    const largest = byCalls[0]!;
    const fingerprint = fingerprintOf(promptTemplate(largest.sample));
    const { profile } = first;
    for (const i of group.slice(1)) profile.merge(this.#slots[i]!.profile);
    const { kind } = profile.shape;
    const constant = largest.template === null ? null : this.#book.constantOf(largest.template);
    const wanted = first.name ?? nameOfTemplate(constantWords(largest.sample, constant), kind);
    return {
      // Templates that differ in the user's message only have one fingerprint.
      id: unique(first.name ?? (prints[0] ?? fingerprint.hash).slice(0, 12), taken.ids),
      name: unique(wanted, taken.names),
      foundBy: first.evidence,
      kind,
      profile,
      fingerprints: [...new Set(prints)].slice(0, FINGERPRINTS),
      template: fingerprint.masked === '' ? null : fingerprint.masked,
      versions: group.length,
    };
  }
}

function promptTemplate({ system, userTexts, tools, responseFormat }: AuditCall): Parameters<typeof fingerprintOf>[0] {
  return { system, user: userTexts[0] ?? null, tools, responseFormat };
}

/** The words of a prompt that are constant in its template; all of its system prompt or of its first words where that is not known. */
function constantWords({ system, userTexts }: AuditCall, constant: ReadonlySet<number> | null): readonly string[] {
  const parts = [system ?? '', (userTexts[0] ?? '').slice(0, 1_600)].filter((text) => text.trim() !== '');
  if (constant === null) return wordsOf(parts[0] ?? '');
  return parts.flatMap((part) => {
    const words = wordsOf(part);
    const isConstant = new Uint8Array(words.length);
    for (let i = 0; i + 2 < words.length; i += 1) {
      if (constant.has(tripleHash(words, i))) isConstant.fill(1, i, i + 3);
    }
    return words.filter((_, i) => isConstant[i] === 1);
  });
}

/** The fingerprint of a call's template; its first message, marked by `=`, where nothing in it is constant. */
function fallbackKey(call: AuditCall): string {
  const { hash, masked } = fingerprintOf(promptTemplate(call));
  return masked === '' ? `=${(call.userTexts[0] ?? '').trim()}` : hash;
}

/** Prompts that differ: repeats would look like templates. */
function distinctPrompts(prompts: readonly PromptGrams[]): readonly PromptGrams[] {
  const seen = new Set<string>();
  return prompts.filter((prompt) => {
    const key = `${prompt.shape}|${prompt.system.join()}|${prompt.user.join()}`;
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew;
  });
}

/** A fingerprint that two tasks share tells neither. */
function withOwnFingerprints(tasks: readonly DiscoveredTask[]): readonly DiscoveredTask[] {
  const owners = new Map<string, number>();
  for (const { fingerprints } of tasks) for (const hash of fingerprints) owners.set(hash, (owners.get(hash) ?? 0) + 1);
  return tasks.map((task) => ({ ...task, fingerprints: task.fingerprints.filter((hash) => owners.get(hash) === 1) }));
}

function unique(wanted: string, names: Set<string>): string {
  let name = wanted;
  for (let n = 2; names.has(name); n += 1) name = `${wanted}-${n}`;
  names.add(name);
  return name;
}
