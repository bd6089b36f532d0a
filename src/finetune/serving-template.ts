import type { Json } from '../core/index.ts';
import { type Members, objectOf, textOf } from './adapters/wire.ts';
import { ApiClient, ApiError } from './api-client.ts';
import { PROBE_CONVERSATION } from './local/scripts.ts';
import { templateHash } from './template.ts';
import type { TemplateRecord } from './types.ts';

/** Engines whose template can be seen; `hosted` is every other one. */
export type Engine = 'llama-server' | 'vllm' | 'ollama' | 'hosted';

/** Where a trained model is served. */
export interface ServingEndpoint {
  readonly engine: Engine;
  /** Origin of the server, without `/v1`. */
  readonly url: string;
  /** The model's name there. */
  readonly model: string;
  readonly key: string | null;
}

/** Whether an endpoint writes conversations as the model was taught them. */
export interface TemplateCheck {
  /** `unknown` is no yes: nobody could look. */
  readonly verdict: 'same' | 'different' | 'unknown';
  /** Sentences for people: what was compared, or why it could not be. */
  readonly reasons: readonly string[];
  /** Where the two templates part, where both are known. */
  readonly difference: TemplateDifference | null;
}

/** The first line in which two templates differ. */
export interface TemplateDifference {
  readonly line: number;
  readonly trained: string;
  readonly served: string;
}

/** What an endpoint says of its template. */
interface Served {
  readonly template: string | null;
  readonly eos: string | null;
  /** The probe as the endpoint renders it. */
  readonly probe: string | null;
  /** Begins every text of the model; engines write it or leave it to their tokenizer, so it does not count. */
  readonly bos: string | null;
  /** True or false where the endpoint turned the probe and its recorded rendering into the same tokens or not. */
  readonly sameTokens: boolean | null;
  readonly notes: readonly string[];
  /** What is wrong whatever the template was. */
  readonly wrong: readonly string[];
}

/** Compares the template that a model was trained with to that of the endpoint that serves it. Throws ApiError where it cannot be reached. */
export async function checkTemplate(trained: TemplateRecord, endpoint: ServingEndpoint, signal: AbortSignal): Promise<TemplateCheck> {
  if (endpoint.engine === 'hosted')
    return unknown(['a hosted endpoint does not show its template: only its answers on the golden set can tell']);
  const client = new ApiClient({ title: `the endpoint at ${endpoint.url}`, baseUrl: endpoint.url, key: endpoint.key ?? '', retries: 1 });
  const served = await looks[endpoint.engine](client, endpoint, { trained, signal });
  return compare(trained, served);
}

function unknown(reasons: readonly string[]): TemplateCheck {
  return { verdict: 'unknown', reasons, difference: null };
}

function compare(trained: TemplateRecord, served: Served): TemplateCheck {
  const wrong = [...served.wrong];
  const right: string[] = [];
  if (trained.eos !== null && served.eos !== null && served.eos !== '') {
    if (trained.eos === served.eos) right.push(`answers end with ${served.eos} in both`);
    else wrong.push(`answers end with ${trained.eos} in training and with ${served.eos} at the endpoint`);
  }
  const rendered = renderedAlike(trained, served);
  if (rendered === true) right.push('the probe conversation is written alike');
  else if (rendered === false) wrong.push('the probe conversation is written differently');
  const texts = trained.hash === null || served.template === null ? null : trained.hash === templateHash(served.template);
  if (texts === true) right.push('the templates are the same text');
  // Two texts may write alike; where the rendering was seen, it decides.
  else if (texts === false && rendered === null) wrong.push('the templates are not the same text');
  else if (texts === false) right.push('the templates are other texts that write alike');
  const difference = wrong.length === 0 || texts !== false ? null : firstDifference(trained.template, served.template);
  if (wrong.length > 0) return { verdict: 'different', reasons: wrong, difference };
  if (rendered === true || texts === true) return { verdict: 'same', reasons: [...right, ...served.notes], difference: null };
  const missing = trained.hash === null ? ['it is not recorded which template the model was trained with'] : [];
  return unknown([...missing, ...served.notes, ...right]);
}

function renderedAlike(trained: TemplateRecord, served: Served): boolean | null {
  if (served.sameTokens !== null) return served.sameTokens;
  if (trained.probe === null || served.probe === null) return null;
  const bare = (text: string): string => (served.bos !== null && text.startsWith(served.bos) ? text.slice(served.bos.length) : text);
  return bare(trained.probe) === bare(served.probe);
}

function firstDifference(trained: string | null, served: string | null): TemplateDifference | null {
  if (trained === null || served === null) return null;
  const [ours, theirs] = [trained, served].map((text) => text.replace(/\r\n/g, '\n').trim().split('\n'));
  const line = ours!.findIndex((text, index) => text !== theirs![index]);
  const at = line === -1 ? ours!.length : line;
  return { line: at + 1, trained: around(ours![at] ?? '', theirs![at] ?? ''), served: around(theirs![at] ?? '', ours![at] ?? '') };
}

/** The part of a long line in which it differs from another: templates are often one line. */
function around(text: string, other: string): string {
  let at = 0;
  while (at < text.length && text[at] === other[at]) at += 1;
  const from = Math.max(0, at - 20);
  return `${from > 0 ? '…' : ''}${text.slice(from, at + 60)}${text.length > at + 60 ? '…' : ''}`;
}

interface Look {
  readonly trained: TemplateRecord;
  readonly signal: AbortSignal;
}

type LookAt = (client: ApiClient, endpoint: ServingEndpoint, look: Look) => Promise<Served>;

const looks: Readonly<Record<Exclude<Engine, 'hosted'>, LookAt>> = { 'llama-server': lookAtLlama, vllm: lookAtVllm, ollama: lookAtOllama };

/** llama.cpp's server shows its template and end of sequence in /props, and renders a conversation in /apply-template. */
async function lookAtLlama(client: ApiClient, _endpoint: ServingEndpoint, { signal }: Look): Promise<Served> {
  const props = objectOf(await client.json({ method: 'GET', path: '/props', signal }));
  const rendered = await maybe(() =>
    client.json({ method: 'POST', path: '/apply-template', body: { messages: PROBE_CONVERSATION as unknown as Json }, safe: true, signal }),
  );
  return {
    template: textOf(props.chat_template),
    eos: textOf(props.eos_token),
    probe: rendered === null ? null : textOf(rendered.prompt),
    bos: textOf(props.bos_token),
    sameTokens: null,
    notes: textOf(props.chat_template) === null ? ['the server shows no chat template in /props'] : [],
    wrong: [],
  };
}

/** vLLM shows the tokenizer's settings where it was told to, and turns a conversation or a text into tokens always. */
async function lookAtVllm(client: ApiClient, { model }: ServingEndpoint, { trained, signal }: Look): Promise<Served> {
  const info = (await maybe(() => client.json({ method: 'GET', path: '/tokenizer_info', signal }))) ?? {};
  const tokens = async (body: { readonly [key: string]: Json }): Promise<string | null> => {
    const said = await maybe(() => client.json({ method: 'POST', path: '/tokenize', body: { model, ...body }, safe: true, signal }));
    return said === null || !Array.isArray(said.tokens) ? null : JSON.stringify(said.tokens);
  };
  const ours = trained.probe === null ? null : await tokens({ prompt: trained.probe, add_special_tokens: false });
  const theirs = await tokens({ messages: PROBE_CONVERSATION as unknown as Json, add_generation_prompt: true });
  const compared = ours !== null && theirs !== null;
  return {
    template: textOf(info.chat_template),
    eos: textOf(info.eos_token) ?? textOf(objectOf(info.eos_token).content),
    probe: null,
    bos: null,
    sameTokens: compared ? ours === theirs : null,
    notes: [
      ...(textOf(info.chat_template) === null ? ['vLLM shows its template only with --enable-tokenizer-info-endpoint'] : []),
      ...(compared ? [] : ['the probe could not be compared token by token']),
    ],
    wrong: [],
  };
}

/** Ollama writes with a Go template of its own; it shows it, and the Jinja template of the weights, in /api/show. */
async function lookAtOllama(client: ApiClient, { model }: ServingEndpoint, { trained, signal }: Look): Promise<Served> {
  const shown = objectOf(await client.json({ method: 'POST', path: '/api/show', body: { model, verbose: true }, safe: true, signal }));
  const own = textOf(shown.template) ?? '';
  const weights = objectOf(shown.model_info);
  const bare = /^\s*\{\{-?\s*\.Prompt\s*-?\}\}\s*$/.test(own) || own.trim() === '';
  const wrong = bare ? ['Ollama has no chat template for this model: it passes the bare prompt on ({{ .Prompt }})'] : [];
  const stops = stopsOf(shown);
  if (trained.eos !== null && stops.length > 0 && !stops.includes(trained.eos) && !own.includes(trained.eos))
    wrong.push(`Ollama stops at ${stops.join(', ')} and never at ${trained.eos}, which ends answers in training`);
  const inWeights = textOf(weights['tokenizer.chat_template']);
  if (!bare && inWeights !== null && trained.hash !== null && templateHash(inWeights) !== trained.hash)
    wrong.push('the template inside the served weights is not the one of the training');
  return {
    template: null,
    eos: null,
    probe: null,
    bos: null,
    sameTokens: null,
    notes: ['Ollama writes with a Go template of its own, which cannot be compared with the one of the training'],
    wrong,
  };
}

function stopsOf({ parameters }: Members): readonly string[] {
  if (typeof parameters !== 'string') return [];
  return [...parameters.matchAll(/^stop\s+"?(.*?)"?\s*$/gm)].map(([, stop]) => stop ?? '').filter((stop) => stop !== '');
}

/** What an endpoint answers, or null where it does not have that. */
async function maybe(ask: () => Promise<Json>): Promise<Members | null> {
  try {
    return objectOf(await ask());
  } catch (error) {
    if (error instanceof ApiError && error.status !== null && error.status < 500) return null;
    throw error;
  }
}
