import type { Classifier } from '../classifier/index.ts';
import type { Student, StudentCard, StudentPrediction } from './types.ts';

/** A classifier as a student. */
export function classifierStudent(card: StudentCard, version: string, classifier: Classifier): Student {
  const predict = (text: string): StudentPrediction => {
    const { label, probability } = classifier.predict(text);
    return { text: label, label, confidence: probability, inScope: 1, outOfScope: false };
  };
  return {
    card,
    version,
    predict,
    answer: predict,
    answerAll: async (texts) => texts.map(predict),
    explain: async (text, count = 10) => ({ prediction: predict(text), ranked: classifier.rank(text, count), reasons: [] }),
  };
}
