import { SmallfirstError } from '../core/index.ts';
import type { Embedder } from '../providers/index.ts';
import type { Loaded } from './local-student.ts';
import type { Student, StudentPrediction } from './types.ts';
import { unit } from './vectors.ts';

/** A student that asks an endpoint for the text's vector first. Without an embedder it can be looked at, but every answer throws NOT_SUPPORTED. */
export function embeddingStudent({ card, version, model }: Loaded, embedder: Embedder | null): Student {
  const vectorsOf = async (texts: readonly string[], signal: AbortSignal | null) => {
    if (embedder === null || card.embeddings === null)
      throw cannot('no endpoint for its vectors was named: give it `embeddings` in the config, or --embeddings');
    const { vectors, inputTokens } = await embedder.embed(texts, signal);
    const wrong = vectors.find(({ length }) => length !== card.embeddings!.dimensions);
    if (wrong) {
      throw new SmallfirstError(
        'UPSTREAM_INVALID',
        `${embedder.model} gave vectors of ${wrong.length} numbers; this student was trained on ${card.embeddings.dimensions} of ${card.embeddings.model}`,
      );
    }
    return { vectors: vectors.map(unit), inputTokens };
  };
  const answerAll = async (texts: readonly string[], signal: AbortSignal | null = null): Promise<StudentPrediction[]> => {
    const { vectors, inputTokens } = await vectorsOf(texts, signal);
    // Endpoints count a request, not a text: its tokens are shared out by length.
    const length = texts.reduce((sum, text) => sum + text.length, 0);
    return vectors.map((vector, i) => ({
      ...model.predict(vector),
      ...(inputTokens === null
        ? {}
        : { inputTokens: texts.length === 1 ? inputTokens : (inputTokens * texts[i]!.length) / Math.max(1, length) }),
    }));
  };
  return {
    card,
    version,
    predict: () => {
      throw cannot('it must ask an endpoint first: use `answer`');
    },
    answer: async (text, signal = null) => (await answerAll([text], signal))[0]!,
    answerAll,
    explain: async (text, count = 10) => {
      const [vector] = (await vectorsOf([text], null)).vectors;
      return { prediction: model.predict(vector!), ...model.explain(vector!, count), reasons: [] };
    },
  };
}

function cannot(why: string): SmallfirstError {
  return new SmallfirstError('NOT_SUPPORTED', `This student reads embeddings, and ${why}.`);
}
