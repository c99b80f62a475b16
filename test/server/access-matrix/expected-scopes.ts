/**
 * Who may call what, written down a second time and by hand: a route that is added, or whose scope is changed by mistake, is
 * found by the difference. "database": where the name stands that a token is bound to; "own": the route itself sees to it.
 */
export const expectedScopes: Readonly<
  Record<string, readonly [scope: string, database: 'path' | 'query' | 'body' | 'own' | null]>
> = {
  'POST /api/checkpoint': ['checkpoint', 'body'],

  'GET /api/databases': ['any', 'own'],
  'POST /api/databases': ['admin', 'own'],
  'GET /api/databases/{database}': ['read', 'path'],
  'PATCH /api/databases/{database}': ['admin', 'path'],
  'DELETE /api/databases/{database}': ['admin', 'path'],
  'GET /api/databases/{database}/inventory': ['read', 'path'],

  'GET /api/snapshots': ['read', 'own'],
  'GET /api/snapshots/{database}/{ref}': ['read', 'path'],
  'POST /api/snapshots': ['checkpoint', 'body'],
  'PATCH /api/snapshots/{database}/{ref}': ['restore', 'path'],
  'DELETE /api/snapshots/{database}/{ref}': ['admin', 'path'],

  'POST /api/restores/preview': ['restore', 'body'],
  'POST /api/restores': ['restore', 'body'],
  'POST /api/switches': ['restore', 'body'],
  'POST /api/undos': ['restore', 'body'],
  'POST /api/prunes': ['admin', 'body'],
  'POST /api/drills': ['checkpoint', 'body'],
  'POST /api/verifications': ['read', 'body'],

  'POST /api/comparisons': ['read', 'body'],
  'POST /api/schema-comparisons': ['read', 'body'],
  'GET /api/branches': ['read', 'query'],
  'POST /api/branches': ['restore', 'body'],
  'POST /api/branches/{database}/{name}/reset': ['restore', 'path'],
  'DELETE /api/branches/{database}/{name}': ['admin', 'path'],
  'POST /api/branches/gc': ['admin', 'body'],
  'POST /api/plans': ['restore', 'body'],
  'POST /api/rehearsals': ['restore', 'body'],
  'POST /api/rollbacks/plan': ['restore', 'body'],
  'POST /api/rollbacks': ['restore', 'body'],
  'GET /api/versions': ['read', 'query'],
  'GET /api/drift': ['read', 'query'],
  'GET /api/ledger': ['read', 'query'],
  'POST /api/ledger/verify': ['read', 'body'],

  'GET /api/jobs': ['any', 'own'],
  'GET /api/jobs/{id}': ['any', 'own'],
  'POST /api/jobs/{id}/cancel': ['any', 'own'],
  'GET /api/jobs/{id}/events': ['any', 'own'],

  'GET /api/agents': ['read', 'own'],

  'POST /api/session': ['open', null],
  'GET /api/session': ['any', null],
  'DELETE /api/session': ['any', null],

  'GET /api/tokens': ['admin', 'own'],
  'POST /api/tokens': ['admin', 'own'],
  'DELETE /api/tokens/{id}': ['admin', 'own'],
  'GET /api/people': ['admin', 'own'],
  'POST /api/people': ['admin', 'own'],
  'PATCH /api/people/{id}': ['admin', 'own'],
  'DELETE /api/people/{id}': ['admin', 'own'],

  'GET /api/schedules': ['read', 'own'],
  'POST /api/schedules': ['admin', 'body'],
  'PATCH /api/schedules/{id}': ['admin', 'own'],
  'DELETE /api/schedules/{id}': ['admin', 'own'],
  'POST /api/schedules/{id}/run': ['admin', 'own'],

  'GET /api/webhooks': ['admin', 'own'],
  'POST /api/webhooks': ['admin', 'own'],
  'DELETE /api/webhooks/{id}': ['admin', 'own'],
  'GET /api/webhooks/{id}/deliveries': ['admin', 'own'],
  'POST /api/webhooks/{id}/test': ['admin', 'own'],

  'POST /api/agent/claim': ['agent', 'own'],
  'POST /api/agent/jobs/{id}/renew': ['agent', 'own'],
  'POST /api/agent/jobs/{id}/release': ['agent', 'own'],
  'POST /api/agent/jobs/{id}/events': ['agent', 'own'],
  'POST /api/agent/jobs/{id}/finish': ['agent', 'own'],
  'PUT /api/agent/inventory/{database}': ['agent', 'path'],

  'GET /api/openapi.json': ['open', null],
  'GET /api/docs': ['open', null],
  'GET /api/docs.css': ['open', null],
  // Open on loopback without a token; a token has to have `read`.
  'GET /metrics': ['open', 'own'],
  'GET /healthz': ['open', null],
  'GET /readyz': ['open', null],
};
