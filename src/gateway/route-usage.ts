import type { GatewayRoute, GatewayRoutes } from './routes.js';

/** Counts the sessions of each route, and tells the count at every change. */
export class RouteUsage {
  readonly #routes: Pick<GatewayRoutes, 'used'>;
  readonly #counts = new Map<string, number>();

  constructor(routes: Pick<GatewayRoutes, 'used'>) {
    this.#routes = routes;
  }

  /** A session leaves one route for another; undefined: none. */
  moved(before: GatewayRoute | undefined, now: GatewayRoute | undefined): void {
    if (now) this.#add(now, 1);
    if (before) this.#add(before, -1);
  }

  #add(route: GatewayRoute, step: number): void {
    const count = (this.#counts.get(route.key) ?? 0) + step;
    if (count > 0) this.#counts.set(route.key, count);
    else this.#counts.delete(route.key);
    this.#routes.used(route, count);
  }
}
