import { Counter, Gauge, type Registry } from 'prom-client';
import type { TaskStanding } from '../live-types.ts';

type Show = (standing: TaskStanding) => number | null;

/** Figures of tasks in traffic: read when the page is asked for, at no cost before. */
export function registerLiveMetrics(registry: Registry, standings: () => readonly TaskStanding[]): void {
  const registers = [registry];
  const labelNames = ['task'] as const;
  const gauge = (name: string, help: string, show: Show): void => {
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const standing of standings()) {
          const value = show(standing);
          if (value !== null) this.set({ task: standing.task }, value);
        }
      },
    });
  };
  const counter = (name: string, help: string, show: Show): void => {
    new Counter({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const standing of standings()) {
          const value = show(standing);
          if (value !== null && value > 0) this.inc({ task: standing.task }, value);
        }
      },
    });
  };
  gauge('smallfirst_task_exposure', 'Share of the traffic that the certificate of a task may route now.', exposureOf);
  gauge(
    'smallfirst_task_evalue',
    "The e-CUSUM against a task's certified policy; it alarms at 200.",
    ({ monitor }) => monitor?.snapshot().detector.e ?? null,
  );
  gauge(
    'smallfirst_task_canary_evalue',
    "The harm process of a task's canary; it rolls back at its limit.",
    ({ monitor }) => monitor?.snapshot().canary.harm ?? null,
  );
  gauge(
    'smallfirst_task_retained',
    'Retained quality by the latest audits, weighted.',
    ({ monitor }) => monitor?.estimate()?.retained ?? null,
  );
  gauge('smallfirst_task_retained_low', 'The lower end of its interval.', ({ monitor }) => monitor?.estimate()?.low ?? null);
  counter(
    'smallfirst_task_audits_total',
    'Audited and escalated requests that were kept, since the start.',
    ({ counts }) => counts.auditPairs,
  );
  counter('smallfirst_task_shadow_pairs_total', 'Pairs from shadow calls, since the start.', ({ counts }) => counts.shadowPairs);
  counter('smallfirst_task_alarms_total', 'Alarms and rollbacks, since the start.', ({ counts }) => counts.alarms);
}

function exposureOf({ monitor, watched, voided }: TaskStanding): number | null {
  if (!watched) return null;
  if (voided !== null) return 0;
  return monitor === null ? 1 : monitor.exposure;
}
