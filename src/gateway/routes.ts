import type { ConnectionSettings } from '../postgres/settings.js';

/** Where a connection is led to. */
export interface GatewayRoute {
  /** Name of the branch; null: the target itself. */
  readonly branch: string | null;
  /** The same as long as connections may stay where they are: other text, other database. */
  readonly key: string;
  /** Complete, with the password; of a server that runs. */
  readonly settings: ConnectionSettings;
}

/** What the gateway asks about branches: it knows nothing of them itself. */
export interface GatewayRoutes {
  /** Name of the target's database: clients connect to "app", or to "app@invoices" for one branch. */
  readonly database: string;
  /**
   * Where a new connection goes.
   * @param branch null: the current one
   * @throws BelayError BRANCH_NOT_FOUND, BRANCH_DAMAGED, SERVER_UNREACHABLE, …
   */
  find(branch: string | null): Promise<GatewayRoute>;
  /**
   * Calls `changed` whenever the current branch may lead elsewhere: connections that were opened without a branch's name
   * then look again. @returns ends the watching
   */
  watch(changed: () => void): () => void;
  /** Connections that a route has now; it is called at every change, so that what nobody uses can be stopped. */
  used(route: GatewayRoute, connections: number): void;
}
