import type { Known } from './check.ts';
import type { Problem } from './config-error.ts';
import type { RawConfig } from './schema.ts';
import type { Source } from './source.ts';

/** What the schema cannot say of URLs: hosts that are never called, and private ones where the file forbids them. */
export function checkUrls(raw: RawConfig | undefined, source: Source, { refusedUrl }: Known): readonly Problem[] {
  if (raw === undefined || refusedUrl === undefined) return [];
  return urlsOf(raw).flatMap(([path, url]) => {
    const reason = url === undefined ? null : refusedUrl(url, raw.upstreams.allowPrivate);
    return reason === null ? [] : [{ message: `${path.join('.')} names ${reason}.`, position: source.at(path) }];
  });
}

function urlsOf(raw: RawConfig): readonly (readonly [path: readonly string[], url: string | undefined])[] {
  const { models, students, passthrough = {} } = raw;
  return [
    ...Object.entries(models).map(([name, { url }]) => [['models', name, 'url'], url] as const),
    ...Object.entries(students).map(([name, { embeddings }]) => [['students', name, 'embeddings', 'url'], embeddings?.url] as const),
    ...Object.entries(passthrough).map(([name, upstream]) => [['passthrough', name, 'url'], upstream?.url] as const),
  ];
}
