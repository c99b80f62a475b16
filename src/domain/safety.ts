/** How far a change can be taken back, from harmless to not at all. */
export const safetyLevels = ['SAFE', 'DATA_LOSS', 'UNSAFE'] as const;

export type Safety = (typeof safetyLevels)[number];

/** The worst of several; SAFE of none. */
export function worstSafety(levels: Iterable<Safety>): Safety {
  let worst = 0;
  for (const level of levels) worst = Math.max(worst, safetyLevels.indexOf(level));
  return safetyLevels[worst] ?? 'UNSAFE';
}
