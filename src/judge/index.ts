export { agreementIn, asScoredBy, judgedBy, labelledRequest, labelsOf, ratedAnswers } from './agreement.ts';
export { chooseJudge, judgeOf } from './choose.ts';
export { judgeAnswer } from './judge-answer.ts';
export { judgePair, type PositionBias, positionBias } from './judge-pair.ts';
export { type LabelAgreement, labelAgreement } from './label-agreement.ts';
export { PROMPT_VERSION } from './prompt.ts';
export { type JudgedPair, type JudgeStanding, judgeStanding, preferenceAgreement } from './report.ts';
export { judgeRows } from './rows.ts';
export type { Judge } from './types.ts';
