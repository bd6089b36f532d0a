import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Lockfile, missingOptional } from './complete-lockfile.ts';

describe('package-lock.json', () => {
  it('holds the optional packages of every platform, or a clean install refuses it', () => {
    const lock = JSON.parse(readFileSync(join(resolve(import.meta.dirname, '..'), 'package-lock.json'), 'utf8')) as Lockfile;
    expect(missingOptional(lock)).toEqual({});
  });

  it('is completed with the platform that a package is named after', () => {
    const lock = {
      packages: {
        'node_modules/tool': {
          version: '1.2.3',
          dev: true,
          optionalDependencies: { '@tool/linux-x64': '1.2.3', '@tool/darwin-arm64': '1.2.3' },
        },
        'node_modules/@tool/linux-x64': { version: '1.2.3' },
      },
    };
    expect(missingOptional(lock)).toEqual({
      'node_modules/@tool/darwin-arm64': { version: '1.2.3', cpu: ['arm64'], dev: true, optional: true, os: ['darwin'] },
    });
  });
});
