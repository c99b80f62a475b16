import type { Safety } from '../../../src/domain/safety';
import { Badge } from './values';

const looks = { SAFE: 'ok', DATA_LOSS: 'warn', UNSAFE: 'danger' } as const;
const words = { SAFE: 'safe', DATA_LOSS: 'loses data', UNSAFE: 'unsafe' } as const;
const meanings: Readonly<Record<Safety, string>> = {
  SAFE: 'Nothing that is there is lost.',
  DATA_LOSS: 'Rows or values are lost.',
  UNSAFE: 'It cannot be taken back, or it cannot be told what it does.',
};

/** How far a change can be taken back, under the name that the command line gives it. */
export function SafetyBadge({ safety }: { readonly safety: Safety }) {
  return (
    <Badge look={looks[safety]} title={meanings[safety]}>
      {safety} <span className="visually-hidden">({words[safety]})</span>
    </Badge>
  );
}
