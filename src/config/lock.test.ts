import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gateJson, trainGate } from '../triage/index.ts';
import {
  formatLock,
  type LockedCertificate,
  lockPathOf,
  NO_LOCK,
  parseLock,
  readLock,
  withCertificate,
  withoutCertificates,
  withPin,
  writeLock,
} from './lock.ts';
import type { Pin } from './lock-pins.ts';

const certificate: LockedCertificate = {
  id: '0199-1',
  task: 'classify',
  small: 'small',
  big: 'frontier',
  verdict: 'cascade',
  threshold: 0.8312345678901234,
  signal: 'token',
  calibrator: { kind: 'platt', input: 'log-odds', slope: 0.9, intercept: -0.1, n: 400 },
  gate: null,
  method: 'score',
  floor: { retain: 0.98, level: 0.95 },
  look: null,
  delta: 0.04,
  pairs: 1240,
  accepted: 0.82,
  retained: 0.991,
  retainedLowerBound: 0.982,
  counts: { kept: 1000, lost: 10, gained: 6 },
  evidenceHash: 'ab'.repeat(32),
  pins: { small: 'vllm/meta-llama/Llama-3.1-8B-Instruct', big: 'anthropic/claude-opus-5-20260701' },
  issuedAt: Date.UTC(2026, 9, 1, 12),
  expiresAt: Date.UTC(2026, 9, 31, 12),
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-lock-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('smallfirst.lock', () => {
  it('keeps a gate classifier in place of a signal, and refuses one that could not score', () => {
    const rows = Array.from({ length: 40 }, (_, i) => ({
      signals: { token: i / 40 },
      text: null,
      small: i % 3 === 0 ? 0 : 1,
      big: 1,
      group: `${i}`,
    }));
    const classifier = gateJson(trainGate(rows, { folds: 2, seed: 1 }).model);
    const classified: LockedCertificate = { ...certificate, signal: null, classifier };
    const text = formatLock(withCertificate(NO_LOCK, classified));
    expect(parseLock(text, 'smallfirst.lock').certificates.get('classify')).toEqual(classified);
    expect(() => parseLock(text.replace('readsText: false', 'readsText: 3'), 'smallfirst.lock')).toThrow('gate classifier cannot be read');
  });

  it('stands beside the config', () => {
    expect(lockPathOf('/a/b/smallfirst.yaml')).toBe('/a/b/smallfirst.lock');
  });

  it('gives back exactly what was written, tasks in order', () => {
    const swap: LockedCertificate = { ...certificate, task: 'a', verdict: 'swap', threshold: null, signal: null, calibrator: null };
    const gated: LockedCertificate = {
      ...certificate,
      task: 'b',
      gate: { tokens: 24 },
      signal: 'mean-logprob',
      calibrator: {
        kind: 'isotonic',
        knots: [
          [-3.5, 0.1],
          [-0.25, 0.95],
        ],
        n: 600,
      },
    };
    const lock = [certificate, gated, swap].reduce(withCertificate, NO_LOCK);
    const text = formatLock(lock);
    expect(parseLock(text, 'smallfirst.lock').certificates).toEqual(lock.certificates);
    expect(formatLock(parseLock(text, 'smallfirst.lock'))).toBe(text);
    expect([...text.matchAll(/task: (\w+)/g)].map(([, task]) => task)).toEqual(['a', 'b', 'classify']);
  });

  it('replaces the certificate of a task', () => {
    const lock = withCertificate(withCertificate(NO_LOCK, certificate), { ...certificate, id: 'newer' });
    expect([...lock.certificates.values()].map(({ id }) => id)).toEqual(['newer']);
  });

  it.each([
    ['version: 2', 'smallfirst.lock:1:10: version must be'],
    ['version: 1\ncertificates:\n  - task: a', 'lacks "id"'],
    [formatLock(withCertificate(NO_LOCK, certificate)).replace('threshold: 0.8312345678901234', 'threshold: null'), 'without a threshold'],
    [formatLock(withCertificate(NO_LOCK, certificate)).replace('signal: token', 'signal: null'), 'without signal'],
    [formatLock(withCertificate(NO_LOCK, certificate)).replace('signal: token', 'signal: hope'), 'certificates.0.signal must be one of'],
    ['certificates: [', 'a bracket above is not closed'],
  ])('refuses what is no lock: %#', (text, message) => {
    const error = (() => {
      try {
        return parseLock(text, 'smallfirst.lock');
      } catch (caught) {
        return caught as Error & { position: { file: string; line: number; column: number } };
      }
    })();
    if (!(error instanceof Error)) throw new Error('it was taken');
    const { file, line, column } = error.position;
    expect(`${file}:${line}:${column}: ${error.message}`).toContain(message);
  });

  it('refuses two certificates for one task', () => {
    const text = formatLock(withCertificate(NO_LOCK, certificate));
    const entry = text.slice(text.indexOf('  - id'));
    expect(() => parseLock(text + entry, 'l')).toThrow('is a second one for the task "classify"');
  });

  it('is written whole, and is empty where there is none', async () => {
    const path = join(folder, 'smallfirst.lock');
    expect(await readLock(path)).toEqual(NO_LOCK);
    await writeFile(path, 'garbage: [');
    await expect(readLock(path)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await writeLock(path, withCertificate(NO_LOCK, certificate));
    expect((await readLock(path)).certificates.get('classify')).toEqual(certificate);
    expect(await readdir(folder)).toEqual(['smallfirst.lock']);
    expect(await readFile(path, 'utf8')).toMatch(/^# Written by/);
  });
});

describe('pins in smallfirst.lock', () => {
  const pin: Pin = {
    alias: 'frontier',
    provider: 'openai',
    model: 'gpt-4o-2024-08-06',
    servedModel: 'gpt-4o-2024-08-06',
    systemFingerprints: ['fp_a', 'fp_b'],
    firstSeen: Date.UTC(2026, 9, 1),
    lastSeen: Date.UTC(2026, 10, 1),
    shutdown: { on: '2027-01-14', replacement: 'gpt-6-luna', source: 'https://example.com/deprecations', asOf: '2026-10-28' },
  };
  const bare: Pin = { ...pin, alias: 'a', servedModel: null, systemFingerprints: [], firstSeen: null, lastSeen: null, shutdown: null };

  it('are given back as they were written, models in order, beside the certificates', () => {
    const lock = withPin(withPin(withCertificate(NO_LOCK, certificate), pin), bare);
    const read = parseLock(formatLock(lock), 'smallfirst.lock');
    expect(read.pins).toEqual(lock.pins);
    expect(read.certificates).toEqual(lock.certificates);
    expect([...read.pins.keys()]).toEqual(['a', 'frontier']);
    expect(withCertificate(read, { ...certificate, task: 'other' }).pins).toEqual(lock.pins);
    expect(withoutCertificates(read, ['classify'])).toEqual({ certificates: new Map(), pins: lock.pins });
  });

  it('are none in a lock file that was written before there were any', () => {
    expect(parseLock('version: 1\ncertificates: []\n', 'l').pins).toEqual(new Map());
    expect(formatLock(withCertificate(NO_LOCK, certificate))).not.toContain('pins:\n  -');
  });

  it('are refused where two are of one model', () => {
    const text = formatLock(withPin(NO_LOCK, pin));
    expect(() => parseLock(text + text.slice(text.indexOf('  - alias')), 'l')).toThrow('is a second one for the model "frontier"');
  });
});
