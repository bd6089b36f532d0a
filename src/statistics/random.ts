/** A stream of random numbers that a seed fully determines, the same on every machine. */
export interface Random {
  /** Uniform in [0, 1), with 53 random bits. */
  next(): number;
  /** Uniform whole number in [0, n), for n up to 2^32. */
  int(n: number): number;
  /** A new array with the same items in uniformly random order. */
  shuffle<T>(items: readonly T[]): T[];
  /** A standard normal draw. */
  normal(): number;
}

/** The generator sfc32 (Doty-Humphrey, PractRand), started from any number. */
function sfc32(seed: number): () => number {
  // Both halves of the double's whole part, so that seeds past 2^32 differ too.
  let a = seed >>> 0;
  let b = Math.floor(seed / 4_294_967_296) >>> 0;
  let c = 0x9e3779b9;
  let counter = 1;
  const next = () => {
    const sum = (((a + b) >>> 0) + counter) >>> 0;
    counter = (counter + 1) >>> 0;
    a = (b ^ (b >>> 9)) >>> 0;
    b = (c + (c << 3)) >>> 0;
    c = (((c << 21) | (c >>> 11)) + sum) >>> 0;
    return sum;
  };
  for (let warmUp = 0; warmUp < 15; warmUp += 1) next();
  return next;
}

/** Starts a stream of random numbers from a seed (any finite number; its whole part counts). */
export function seededRandom(seed: number): Random {
  const bits = sfc32(seed);
  let spare: number | null = null;
  const next = () => ((bits() >>> 5) * 67_108_864 + (bits() >>> 6)) / 9_007_199_254_740_992;
  const int = (n: number) => Math.floor(next() * n);
  return {
    next,
    int,
    shuffle: <T>(items: readonly T[]) => {
      const order = [...items];
      for (let i = order.length - 1; i > 0; i -= 1) {
        const j = int(i + 1);
        const held = order[i]!;
        order[i] = order[j]!;
        order[j] = held;
      }
      return order;
    },
    normal: () => {
      if (spare !== null) {
        const value = spare;
        spare = null;
        return value;
      }
      // 1 − next() is never 0, so the logarithm is finite (Box and Muller).
      const radius = Math.sqrt(-2 * Math.log(1 - next()));
      const angle = 2 * Math.PI * next();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
  };
}
