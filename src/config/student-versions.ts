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

/** The versions that ladders name of students that the file has, each once; one that stands under `students:` by itself is not among them. */
export function versionsNamed(ladders: readonly (readonly string[])[], students: ReadonlySet<string>): readonly string[] {
  return [...new Set(ladders.flat())].filter((model) => {
    const named = studentVersion(model);
    return named !== null && students.has(named.student) && !students.has(model.slice('student/'.length));
  });
}

/** Where a version lies: beside the student's own folder, by the same name with `@VERSION` after it. */
export function versionFolder(path: string, version: string): string {
  return `${path.replace(/[/\\]+$/, '')}@${version}`;
}
