export { agreementIn, asScoredBy, judgedBy, labelledRequest, labelsOf, type Rated, ratedAnswers } from './agreement.ts';
export { chooseJudge, type JudgeChoice } from './choose.ts';
export { judgeAnswer } from './judge-answer.ts';
export { judgePair, type PairJudgement, type PairQuestion, type PositionBias, positionBias } from './judge-pair.ts';
export { PROMPT_VERSION } from './prompt.ts';
export { type JudgeBooking, judgeRows } from './rows.ts';
export type { Asked, Judge, JudgeAttempt, JudgeContext, Judgement, JudgeQuestion, Score } from './types.ts';
export type { Better } from './verdict.ts';
