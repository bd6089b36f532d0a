/** A version of a student, as a ladder names it: `student/classify@2`. */
export interface StudentVersion {
  /** Name under `students:`. */
  readonly student: string;
  readonly version: string;
}

const VERSIONED = /^student\/(.+)@([A-Za-z0-9][A-Za-z0-9._-]*)$/;

/** Reads `student/NAME@VERSION`; null for any other name. */
export function studentVersion(model: string): StudentVersion | null {
  const [, student, version] = VERSIONED.exec(model) ?? [];
  return student === undefined || version === undefined ? null : { student, version };
}

/** A model's name without its version: versions of one model have this in common. */
export function unversioned(model: string): string {
  const at = model.lastIndexOf('@');
  return at <= 0 ? model : model.slice(0, at);
}

/**
 * Every student that is a model: those under `students:`, and the versions of them that ladders name. One whose versions alone stand on
 * ladders has no folder of its own, and is no model. A versioned name that stands under `students:` by itself is just that.
 */
export function studentNames(ladders: readonly (readonly string[])[], students: Iterable<string>): readonly string[] {
  const own = new Set(students);
  const named = new Set(ladders.flat());
  const versions = [...named].flatMap((model) => {
    const read = studentVersion(model);
    return read !== null && own.has(read.student) && !own.has(`${read.student}@${read.version}`) ? [read] : [];
  });
  const versioned = new Set(versions.map(({ student }) => student));
  return [
    ...[...own].filter((name) => !versioned.has(name) || named.has(`student/${name}`)),
    ...versions.map(({ student, version }) => `${student}@${version}`),
  ];
}

/** Where a version lies: beside the student's own folder, by the same name with `@VERSION` after it. */
export function versionFolder(path: string, version: string): string {
  return `${path.replace(/[/\\]+$/, '')}@${version}`;
}
