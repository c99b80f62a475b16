import type { Catalog } from '../../jobs/catalog/catalog.js';
import type { Access } from './access.js';

export interface AccessOptions {
  readonly catalog: Catalog;
  /** Called when tokens, people or sessions have changed here or on another server: what is open may have to end. */
  readonly onChange?: (() => void) | undefined;
}

/**
 * Who may do what: tokens, people and sessions, kept in the catalog.
 *
 * @example
 * const access = openAccess({ catalog });
 * const { token } = await access.createToken({ scopes: ['checkpoint'], databases: ['shop'] });
 */
export declare function openAccess(options: AccessOptions): Access;
