/** What certification found: the small model alone, small with escalation, or the frontier for everything. */
export type Verdict = 'swap' | 'cascade' | 'frontier';

/** Why the frontier stays. */
export type FrontierReason = 'not-enough-evidence' | 'floor-missed' | 'not-worth-it';

/** How the evidence was weighed. */
export type CertifyMethod = 'score' | 'evalue' | 'clopper-pearson';

/** The answer of an eval about one candidate. */
export type EvalVerdict = 'PASS' | 'FAIL' | 'NOT ENOUGH EVIDENCE';
