import type { DemoDocument } from '../src/cli/demo/document.ts';
import { runDemo } from '../src/cli/demo/index.ts';
import { renderDemo } from '../src/cli/demo/render.ts';
import { terminalIo } from '../src/cli/io.ts';
import type { Json } from '../src/core/index.ts';
import { writeResult } from './result.ts';

/** Runs the demo as users run it and keeps what it found; README quotes it, and a test runs it again and compares. */
const SEED = 7;

let found: DemoDocument | null = null;
const startedAt = performance.now();
const io = terminalIo(new AbortController().signal);
const code = await runDemo({ seed: SEED, json: true }, { ...io, json: (document) => (found = document as DemoDocument) });
const seconds = (performance.now() - startedAt) / 1000;
if (found === null) throw new Error('the demo printed no document');
const document: DemoDocument = found;
const text = renderDemo(document, seconds);
console.log(text);
writeResult('demo', { exitCode: code, seconds, document: document as unknown as Json, text: text.split('\n') });
