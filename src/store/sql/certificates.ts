import type { Kysely } from 'kysely';
import { type Certificate, SmallfirstError } from '../../core/index.ts';
import type { CertificateStore } from '../types.ts';
import type { Tables } from './tables.ts';
import { exactInteger, fromJson, plainName, plainText, requireCount } from './values.ts';

/** Certificates over SQL. Voiding adds a row beside; a certificate itself never changes. */
export function sqlCertificateStore(db: Kysely<Tables>): CertificateStore {
  const ofTask = (task: string) =>
    db
      .selectFrom('certificates')
      .leftJoin('certificate_voids', 'certificate_voids.certificate_id', 'certificates.id')
      .select(['certificates.body', 'certificate_voids.at as voidedAt', 'certificate_voids.reason'])
      .where('certificates.task', '=', plainName(task))
      .orderBy('certificates.issued_at', 'desc')
      .orderBy('certificates.id', 'desc');
  return {
    add: async (certificate) => {
      await db
        .insertInto('certificates')
        .values({
          id: certificate.id,
          task: plainName(certificate.task),
          issued_at: requireCount(certificate.issuedAt, `certificate ${certificate.id}: issuedAt`),
          body: JSON.stringify(certificate),
        })
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute();
    },
    current: async (task) => {
      const row = await ofTask(task).where('certificate_voids.at', 'is', null).limit(1).executeTakeFirst();
      return row ? fromJson<Certificate>(row.body) : null;
    },
    history: async (task) => {
      const rows = await ofTask(task).execute();
      return rows.map((row) => ({
        certificate: fromJson<Certificate>(row.body),
        voided: row.reason === null ? null : { at: exactInteger(row.voidedAt), reason: row.reason },
      }));
    },
    void: async (id, at, reason) => {
      const there = await db.selectFrom('certificates').select('id').where('id', '=', id).executeTakeFirst();
      if (!there) throw new SmallfirstError('INPUT_NOT_FOUND', `no certificate ${id}`);
      await db
        .insertInto('certificate_voids')
        .values({ certificate_id: id, at: requireCount(at, `void of ${id}: at`), reason: plainText(reason) })
        .onConflict((conflict) => conflict.column('certificate_id').doNothing())
        .execute();
    },
  };
}
