import type { Pin } from '../../config/index.ts';
import type { EpochMs } from '../../core/index.ts';
import type { CheckedModel, PinUpdate } from '../../life/index.ts';
import { counted, renderTable } from '../table.ts';
import type { PinsCheckDocument } from './pins-schema.ts';

/** What was checked, as a document. */
export function checkDocument(
  checked: readonly CheckedModel[],
  { at, since, shutdownsAsOf }: { readonly at: EpochMs; readonly since: EpochMs; readonly shutdownsAsOf: Readonly<Record<string, string>> },
): PinsCheckDocument {
  return {
    at: instant(at),
    since: instant(since),
    needsPerson: checked.some(({ findings }) => findings.some(({ needsPerson }) => needsPerson)),
    shutdownsAsOf,
    models: checked.map(({ alias, provider, model, pinning, tasks, pin, observed, shutdown, findings }) => ({
      alias,
      provider,
      model,
      pinning,
      tasks: [...tasks],
      pin: pin === null ? null : pinDocument(pin),
      observed:
        observed === null
          ? null
          : {
              calls: observed.calls,
              servedModel: observed.servedModel,
              otherServedModels: [...observed.otherServedModels],
              systemFingerprint: observed.systemFingerprint,
              firstSeen: instant(observed.firstSeen),
              lastSeen: instant(observed.lastSeen),
            },
      shutdown,
      findings: [...findings],
    })),
  };
}

/** A check as people read it: one line a model, then what needs them, then what is worth knowing. */
export function renderCheck({ models }: PinsCheckDocument): string {
  if (models.length === 0) return 'No task has a model that is called over HTTP: there is nothing to pin.\n';
  const table = renderTable(
    [{ head: 'model' }, { head: 'asked as' }, { head: 'name' }, { head: 'pinned' }, { head: 'answers as' }, { head: 'turned off' }],
    models.map(({ alias, provider, model, pinning, pin, observed, shutdown }) => [
      alias,
      `${provider}/${model}`,
      pinning === 'alias' ? 'MOVES' : pinning === 'pinned' ? 'stays' : 'unknown',
      pin === null ? '–' : (pin.servedModel ?? 'unseen'),
      observed === null ? 'unseen' : (observed.servedModel ?? 'not said'),
      shutdown === null ? '–' : `${shutdown.on} (${counted(shutdown.daysLeft, 'day')})`,
    ]),
  );
  const findings = models.flatMap((model) => model.findings);
  const section = (head: string, needsPerson: boolean): readonly string[] => {
    const lines = findings.filter((finding) => finding.needsPerson === needsPerson).map(({ message }) => `- ${message}\n`);
    return lines.length === 0 ? [] : [`\n${head}\n`, ...lines];
  };
  const person = section('Needs a person:', true);
  return [table, ...(person.length === 0 ? ['\nNothing needs a person.\n'] : person), ...section('Worth knowing:', false)].join('');
}

/** What an update changes, as people read it. */
export function renderUpdate({ changed, dropped, voided }: PinUpdate): string {
  if (changed.length + dropped.length === 0) return 'The pins are as they should be.\n';
  const lines = [
    ...changed.flatMap(({ before, after }) => [...(before === null ? [] : [`- ${line(before)}`]), `+ ${line(after)}`]),
    ...dropped.map((pin) => `- ${line(pin)}`),
    ...voided.map(({ task, reason }) => `- the certificate of ${task}: ${reason}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** What `smallfirst pins update --json` prints. */
export function updateDocument({ changed, dropped, voided }: PinUpdate, written: boolean): object {
  return {
    written,
    changed: changed.map(({ before, after }) => ({
      alias: after.alias,
      before: before === null ? null : pinDocument(before),
      after: pinDocument(after),
    })),
    dropped: dropped.map((pin) => ({ alias: pin.alias, ...pinDocument(pin) })),
    voided,
  };
}

function line({ alias, provider, model, servedModel, systemFingerprints, shutdown }: Pin): string {
  const parts = [
    `${alias}: ${provider}/${model}`,
    servedModel === null ? 'unseen' : `answers as ${servedModel}`,
    ...(systemFingerprints.length === 0 ? [] : [`fingerprints ${systemFingerprints.join(', ')}`]),
    ...(shutdown === null ? [] : [`turned off on ${shutdown.on}`]),
  ];
  return parts.join(' · ');
}

function pinDocument({ provider, model, servedModel, systemFingerprints, firstSeen, lastSeen }: Pin) {
  return {
    provider,
    model,
    servedModel,
    systemFingerprints: [...systemFingerprints],
    firstSeen: firstSeen === null ? null : instant(firstSeen),
    lastSeen: lastSeen === null ? null : instant(lastSeen),
  };
}

function instant(time: EpochMs): string {
  return new Date(time).toISOString();
}
