/** A database that the server knows, without its secrets. */
export interface RegisteredDatabase {
  readonly name: string;
  /** "direct": the server connects to it. "agent": only an agent does, with credentials that the server never sees. */
  readonly kind: 'direct' | 'agent';
  /** Production asks for the name to be typed before anything is replaced or deleted. */
  readonly environment: 'development' | 'production';
  /** "host:port", and the database's own name there; null for agents. */
  readonly server: string | null;
  readonly database: string | null;
  /** Folder or s3:// place of its archives; null: the server's own. */
  readonly store: string | null;
  /** "config": given on the server's command line or in its configuration; cannot be removed by the API. */
  readonly source: 'config' | 'api';
  readonly createdAt: string;
  /** When its agent was last heard; null: never, or not an agent's. */
  readonly agentSeenAt: string | null;
}
