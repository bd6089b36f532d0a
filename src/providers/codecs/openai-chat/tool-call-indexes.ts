import { isObject, parseJson } from '../shape.ts';

interface KnownCall {
  readonly index: number;
  id: string | null;
  name: string | null;
  arguments: string;
}

/** Which call a delta belongs to, and what of its id and name is new. */
export interface PlacedDelta {
  readonly index: number;
  readonly id: string | null;
  readonly name: string | null;
}

/**
 * Tells which tool call a streamed delta belongs to. Upstreams omit `index` (Ollama, Gemini), give two calls the same one,
 * repeat the id or the name on every delta, or leave the id out: calls are told apart by all three, and never merged.
 */
export class ToolCallIndexes {
  readonly #calls: KnownCall[] = [];
  readonly #byWireIndex = new Map<number, KnownCall>();

  place(wireIndex: unknown, id: string | null, name: string | null, text: string): PlacedDelta {
    const known = this.#find(wireIndex, id, name);
    const call = known ?? { index: this.#calls.length, id: null, name: null, arguments: '' };
    if (known === null) this.#calls.push(call);
    if (typeof wireIndex === 'number') this.#byWireIndex.set(wireIndex, call);
    const news = { index: call.index, id: call.id === null ? id : null, name: call.name === null ? name : null };
    call.id ??= id;
    call.name ??= name;
    call.arguments += text;
    return news;
  }

  #find(wireIndex: unknown, id: string | null, name: string | null): KnownCall | null {
    if (id !== null) {
      const same = this.#calls.find((call) => call.id === id);
      if (same !== undefined) return same;
    }
    const candidate = typeof wireIndex === 'number' ? this.#byWireIndex.get(wireIndex) : this.#calls.at(-1);
    if (candidate === undefined) return null;
    // A call begins with its name: a new id without one, at a place that is known, is an id made up anew for each delta.
    if (id !== null && name === null && typeof wireIndex === 'number') return candidate;
    // A second id or a second name at the same place is a second call.
    if (id !== null) return candidate.id === null && candidate.arguments === '' ? candidate : null;
    if (name === null || candidate.name === null) return candidate;
    return candidate.name === name && !isObject(parseJson(candidate.arguments)) ? candidate : null;
  }
}
