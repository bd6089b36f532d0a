import { describe, expect, it } from 'vitest';
import { certificateFor } from '../../test/support/cascade-world.ts';
import { type Lock, NO_LOCK, type Pin, parseConfig, withCertificate, withPin } from '../config/index.ts';
import { checkPins, comingShutdown } from './pins.ts';
import type { ObservedModel, PinWorld } from './pins-types.ts';
import { updatePins } from './pins-update.ts';

const CONFIG = parseConfig(
  `models:
  small: { provider: openai, model: gpt-4o-mini-2024-07-18 }
  loose: { provider: openai, model: gpt-4o-mini }
  free: { provider: openai, model: gpt-4o, allowUnpinned: true }
  big: { provider: anthropic, model: claude-opus-5 }
  taught: { provider: replay, data: answers.jsonl }
  spare: { provider: openai, model: gpt-5 }
tasks:
  classify: { output: { kind: label, labels: [a, b] }, ladder: [taught, small, big] }
  loose: { output: { kind: label, labels: [a, b] }, ladder: [loose, free, big] }
  watched: { output: { kind: label, labels: [a, b] }, ladder: [loose, big], mode: observe }
`,
  '/p/smallfirst.yaml',
  {},
);
const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 22, 12);

const seen = (alias: string, parts: Partial<ObservedModel> = {}): readonly [string, ObservedModel] => [
  alias,
  {
    alias,
    calls: 10,
    servedModel: CONFIG.models.get(alias)?.model ?? null,
    otherServedModels: [],
    systemFingerprint: 'fp_1',
    systemFingerprints: ['fp_1'],
    firstSeen: NOW - 5 * DAY,
    lastSeen: NOW - DAY,
    ...parts,
  },
];
const everything = new Map([seen('small'), seen('loose', { servedModel: 'gpt-4o-mini-2024-07-18' }), seen('free'), seen('big')]);

const world = (parts: Partial<PinWorld> = {}): PinWorld => ({
  models: CONFIG.models,
  tasks: CONFIG.tasks,
  lock: NO_LOCK,
  observed: everything,
  deprecations: [],
  now: NOW,
  ...parts,
});

const pin = (alias: string, parts: Partial<Pin> = {}): Pin => {
  const model = CONFIG.models.get(alias);
  if (model === undefined) throw new Error(`no model ${alias}`);
  return {
    alias,
    provider: model.provider,
    model: model.model,
    servedModel: model.model,
    systemFingerprints: ['fp_1'],
    firstSeen: NOW - 30 * DAY,
    lastSeen: NOW - 20 * DAY,
    shutdown: null,
    ...parts,
  };
};

const needing = (of: PinWorld, alias: string) =>
  checkPins(of)
    .filter((model) => model.alias === alias)
    .flatMap(({ findings }) => findings.filter(({ needsPerson }) => needsPerson).map(({ kind }) => kind));

describe('a check of the pins', () => {
  it('looks at what is called over HTTP for a task, or stands in the lock file', () => {
    expect(checkPins(world()).map(({ alias }) => alias)).toEqual(['small', 'loose', 'free', 'big']);
    const lock = withPin(NO_LOCK, pin('spare'));
    expect(checkPins(world({ lock })).map(({ alias }) => alias)).toEqual(['small', 'loose', 'free', 'big', 'spare']);
  });

  it('wants a person for a name that moves on the ladder of a live task, and says what it is today', () => {
    expect(needing(world(), 'loose')).toEqual(['unpinned', 'shutdown']);
    const loose = checkPins(world()).find(({ alias }) => alias === 'loose');
    expect(loose?.findings[0]?.message).toBe(
      'loose is asked as "gpt-4o-mini", a name that its vendor moves to other models ' +
        '(https://developers.openai.com/api/docs/models): name what answers today, ' +
        '"gpt-4o-mini-2024-07-18", or write allowUnpinned: true.',
    );
    expect(needing(world(), 'free')).toEqual(['shutdown']);
    const observing = new Map([...CONFIG.tasks].filter(([name]) => name === 'watched'));
    expect(needing(world({ tasks: observing }), 'loose')).toEqual(['shutdown']);
  });

  it.each<[string, Partial<ObservedModel>, Partial<Pin>, readonly string[]]>([
    ['nothing changed', {}, {}, []],
    ['another model answers', { servedModel: 'claude-opus-5-1' }, {}, ['served-model']],
    ['another backend answers', { systemFingerprint: 'fp_2' }, {}, ['fingerprint']],
    ['a backend answers that it was pinned with', { systemFingerprint: 'fp_2' }, { systemFingerprints: ['fp_1', 'fp_2'] }, []],
    ['answers say nothing', { servedModel: null, systemFingerprint: null }, {}, []],
    ['the pin says nothing', {}, { servedModel: null, systemFingerprints: [] }, []],
    ['the config names another model', {}, { model: 'claude-opus-4-8', servedModel: null }, ['wire-name']],
  ])('compares what answers with what was pinned: %s', (_what, observed, pinned, expected) => {
    const lock = withPin(NO_LOCK, pin('big', pinned));
    expect(needing(world({ lock, observed: new Map([...everything, seen('big', observed)]) }), 'big')).toEqual(expected);
  });

  it('wants a person where nobody knows what a live model is', () => {
    const observed = new Map([...everything].filter(([alias]) => alias !== 'big'));
    expect(needing(world({ observed }), 'big')).toEqual(['unobserved']);
    expect(needing(world({ observed, lock: withPin(NO_LOCK, pin('big')) }), 'big')).toEqual([]);
  });

  it('wants a pin for what a certificate rests on', () => {
    const lock = withCertificate(NO_LOCK, certificateFor(CONFIG, { small: 'small' }));
    expect(needing(world({ lock }), 'big')).toEqual(['no-pin']);
    expect(needing(world(), 'big')).toEqual([]);
  });

  it.each([
    [91, null],
    [90, 90],
    [31, 90],
    [30, 30],
    [8, 30],
    [7, 7],
    [1, 7],
    [0, 0],
    [-3, 0],
  ])('counts days to a shutdown: %i left alerts at %s', (days, alert) => {
    const model = { provider: 'openai', model: 'gpt-4o' };
    const now = Date.UTC(2027, 0, 14) - days * DAY;
    expect(comingShutdown(model, { deprecations: [], now })).toMatchObject({ on: '2027-01-14', daysLeft: days, alert });
    if (days > 0) expect(comingShutdown(model, { deprecations: [], now: now + 1 })?.daysLeft).toBe(days);
  });

  it('says when a model goes, who says so, and what to do', () => {
    const small = checkPins(world()).find(({ alias }) => alias === 'small');
    expect(small?.findings.filter(({ kind }) => kind === 'shutdown').map(({ message }) => message)).toEqual([
      'small (openai/gpt-4o-mini-2024-07-18) is turned off on 2027-01-14, in 53 days (https://developers.openai.com/api/docs/deprecations, ' +
        'read on 2026-10-28). Its vendor recommends "gpt-6-luna": run `smallfirst pins migrate small gpt-6-luna`.',
    ]);
    expect(needing(world({ now: Date.UTC(2027, 0, 14) }), 'small')).toEqual(['past-shutdown']);
  });
});

describe('an update of the pins', () => {
  it('pins what answers, and is done when nothing changes', () => {
    const first = updatePins(world());
    expect(first.changed.map(({ before, after }) => [before, after.alias, after.servedModel])).toEqual([
      [null, 'small', 'gpt-4o-mini-2024-07-18'],
      [null, 'loose', 'gpt-4o-mini-2024-07-18'],
      [null, 'free', 'gpt-4o'],
      [null, 'big', 'claude-opus-5'],
    ]);
    expect(first.lock.pins.get('small')).toEqual({
      ...pin('small'),
      firstSeen: NOW - 5 * DAY,
      lastSeen: NOW - DAY,
      shutdown: {
        on: '2027-01-14',
        replacement: 'gpt-6-luna',
        source: 'https://developers.openai.com/api/docs/deprecations',
        asOf: '2026-10-28',
      },
    });
    expect(updatePins(world({ lock: first.lock, now: NOW + DAY }))).toMatchObject({
      changed: [],
      dropped: [],
      voided: [],
      lock: first.lock,
    });
  });

  it('voids certificates on a model that is another one now', () => {
    const certified = withCertificate(NO_LOCK, certificateFor(CONFIG, { small: 'small', id: 'c-1' }));
    const lock = updatePins(world({ lock: certified })).lock;
    expect(lock.certificates.size).toBe(1);
    const observed = new Map([...everything, seen('big', { servedModel: 'claude-opus-5-1', systemFingerprint: 'fp_9', firstSeen: NOW })]);
    const update = updatePins(world({ lock, observed }));
    expect(update.voided).toEqual([
      { task: 'classify', certificate: 'c-1', reason: 'big answered as claude-opus-5 and answers as claude-opus-5-1' },
    ]);
    expect(update.lock.certificates.size).toBe(0);
    expect(update.lock.pins.get('big')).toMatchObject({ servedModel: 'claude-opus-5-1', systemFingerprints: ['fp_9'] });
  });

  it('keeps every backend that one model was seen on, and no certificate less', () => {
    const lock: Lock = withPin(withCertificate(NO_LOCK, certificateFor(CONFIG, { small: 'small' })), pin('big'));
    const observed = new Map([...everything, seen('big', { systemFingerprints: ['fp_2', 'fp_3'], systemFingerprint: 'fp_3' })]);
    const update = updatePins(world({ lock, observed }));
    expect(update.lock.pins.get('big')?.systemFingerprints).toEqual(['fp_1', 'fp_2', 'fp_3']);
    expect(update.voided).toEqual([]);
  });

  it('does not take answers of the former model for the new one’s', () => {
    const lock = withPin(NO_LOCK, pin('big', { model: 'claude-opus-4-8', servedModel: 'claude-opus-4-8', lastSeen: NOW - 2 * DAY }));
    const old = new Map([...everything, seen('big', { servedModel: 'claude-opus-4-8' })]);
    expect(updatePins(world({ lock, observed: old })).lock.pins.get('big')).toMatchObject({ model: 'claude-opus-5', servedModel: null });
  });

  it('drops pins of models that the config does not have any more', () => {
    const gone: Pin = { ...pin('big'), alias: 'gone' };
    const update = updatePins(world({ lock: withPin(NO_LOCK, gone) }));
    expect(update.dropped).toEqual([gone]);
    expect(update.lock.pins.has('gone')).toBe(false);
  });
});
