import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SmallfirstError } from '../core/index.ts';
import type { TemplateRecord } from './types.ts';

/** SHA-256 of a template; line ends and white space around it do not count, because tools add and drop them. */
export function templateHash(template: string): string {
  return createHash('sha256').update(template.replace(/\r\n/g, '\n').trim()).digest('hex');
}

/** The record of a template whose text is known. */
export function templateRecord(template: string, about: Pick<TemplateRecord, 'eos' | 'probe' | 'source'>): TemplateRecord {
  return { hash: templateHash(template), template, ...about };
}

/**
 * Reads which template a tokenizer has: from its folder, its tokenizer_config.json, a Jinja file, or the template.json that a training
 * script wrote. Throws INPUT_NOT_FOUND, or INPUT_INVALID where nothing of it names a template.
 */
export async function readTemplate(path: string): Promise<TemplateRecord> {
  const found = await stat(path).catch(() => null);
  if (found === null) throw new SmallfirstError('INPUT_NOT_FOUND', `there is no ${path}`);
  if (found.isDirectory()) return readFolder(path);
  if (path.endsWith('.json')) return fromJson(path, (await readFile(path, 'utf8')).replace(/^\uFEFF/, ''));
  return templateRecord(await readFile(path, 'utf8'), { eos: await eosBeside(path), probe: null, source: path });
}

/** What a job's folder says of its template after training, or null where nothing does yet. */
export async function trainedTemplate(folder: string): Promise<TemplateRecord | null> {
  for (const path of [join(folder, 'template.json'), join(folder, 'model')]) {
    if ((await stat(path).catch(() => null)) === null) continue;
    const record = await readTemplate(path).catch(() => null);
    if (record !== null) return record;
  }
  return null;
}

async function readFolder(folder: string): Promise<TemplateRecord> {
  // Newer tokenizers keep the template in a file of its own.
  const own = join(folder, 'chat_template.jinja');
  if ((await stat(own).catch(() => null)) !== null)
    return templateRecord(await readFile(own, 'utf8'), { eos: await eosBeside(own), probe: null, source: own });
  const config = join(folder, 'tokenizer_config.json');
  const text = await readFile(config, 'utf8').catch(() => null);
  if (text === null) throw new SmallfirstError('INPUT_NOT_FOUND', `${folder} holds no chat_template.jinja and no tokenizer_config.json`);
  return fromJson(config, text);
}

async function eosBeside(path: string): Promise<string | null> {
  const text = await readFile(join(dirname(path), 'tokenizer_config.json'), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return tokenText((JSON.parse(text) as Record<string, unknown>).eos_token);
  } catch {
    return null;
  }
}

function fromJson(path: string, text: string): TemplateRecord {
  let config: Record<string, unknown>;
  try {
    config = JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new SmallfirstError('INPUT_INVALID', 'this is not JSON', { position: { file: path } });
  }
  const template = templateText(config.chat_template);
  if (template === null) throw new SmallfirstError('INPUT_INVALID', 'it names no "chat_template"', { position: { file: path } });
  const probe = typeof config.probe === 'string' ? config.probe : null;
  return templateRecord(template, { eos: tokenText(config.eos_token), probe, source: path });
}

/** A template, or the default one of several named ones. */
function templateText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return null;
  const named = value as readonly { readonly name?: unknown; readonly template?: unknown }[];
  const chosen = named.find(({ name }) => name === 'default') ?? named[0];
  return typeof chosen?.template === 'string' ? chosen.template : null;
}

function tokenText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  const content = (value as { readonly content?: unknown } | null | undefined)?.content;
  return typeof content === 'string' ? content : null;
}
