import { BelayError } from '../../errors.js';
import type { Target } from './open-target.js';

/** How the caller shows that they mean a production database. */
export interface ProductionApproval {
  /** The database's name, repeated. */
  readonly allowProduction?: string | undefined;
}

/**
 * Refuses what replaces or removes something on a target that may be production: any server that is not local,
 * unless the configuration marks it as development; and whatever the configuration marks as production.
 * @param action what would be done, as it reads after "to", e.g. "restore into"
 * @throws BelayError PRODUCTION_GUARD
 */
export function guardProduction(
  target: Target,
  action: string,
  approval: ProductionApproval,
): void {
  const harmless =
    target.environment === 'development' || (target.environment === undefined && target.isLocal);
  if (harmless || approval.allowProduction === target.database) return;
  const why =
    target.environment === 'production'
      ? 'the configuration marks it as production'
      : `${target.server} is not this machine and no configuration marks it as development`;
  const wrongName =
    approval.allowProduction === undefined
      ? ''
      : ` (--allow-production named "${approval.allowProduction}")`;
  throw new BelayError(
    'PRODUCTION_GUARD',
    `refused to ${action} "${target.database}": ${why}${wrongName}`,
    {
      hint: `Pass --allow-production ${JSON.stringify(target.database)}, or set "environment": "development" for it in belay.config.json.`,
    },
  );
}
