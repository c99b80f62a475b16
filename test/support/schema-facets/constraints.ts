import { facet, type SchemaFacet, since } from './facet.js';

/** What is there before, by its name. */
const plain = {
  checked: 'CHECK (n > 0)',
  single: 'UNIQUE (n, m)',
  guest: 'FOREIGN KEY (n) REFERENCES app.stays (n)',
  apart: 'EXCLUDE USING gist (during WITH &&)',
} as const;

/** A constraint of the same name that differs in one thing. */
const constraint = (
  name: keyof typeof plain,
  definition: string,
  ...names: string[]
): SchemaFacet => {
  const put = (as: string) =>
    `ALTER TABLE app.visits DROP CONSTRAINT ${name}, ADD CONSTRAINT ${name} ${as}`;
  return facet(
    put(definition),
    put(plain[name]),
    `changed constraint app.visits.${name}`,
    ...names,
  );
};

export const constraints: readonly SchemaFacet[] = [
  constraint('checked', 'CHECK (n > 1)'),
  constraint('checked', 'CHECK (n > 0) NO INHERIT'),
  constraint('checked', 'CHECK (n > 0) NOT VALID'),
  constraint('single', 'UNIQUE (m, n)'),
  constraint('single', 'UNIQUE (n, m) DEFERRABLE'),
  constraint('single', 'UNIQUE (n, m) DEFERRABLE INITIALLY DEFERRED'),
  constraint('single', 'UNIQUE (n, m) INCLUDE (state)'),
  constraint('single', 'UNIQUE (n, m) WITH (fillfactor = 70)'),
  facet(
    'ALTER TABLE app.visits ADD CONSTRAINT first PRIMARY KEY (n, m)',
    'ALTER TABLE app.visits DROP CONSTRAINT first, ALTER n DROP NOT NULL, ALTER m DROP NOT NULL',
    'added constraint app.visits.first',
    'changed column app.visits.m',
    'changed column app.visits.n',
  ),
  constraint('apart', 'EXCLUDE USING gist (during WITH -|-)'),
  constraint('apart', 'EXCLUDE USING gist (during WITH &&) WHERE (n > 0)'),
  constraint('guest', 'FOREIGN KEY (n) REFERENCES app.stays (n) MATCH FULL'),
  constraint('guest', 'FOREIGN KEY (n) REFERENCES app.stays (n) ON UPDATE CASCADE'),
  constraint('guest', 'FOREIGN KEY (n) REFERENCES app.stays (n) ON DELETE SET NULL'),
  constraint('guest', 'FOREIGN KEY (n) REFERENCES app.stays (n) NOT VALID'),
  constraint('guest', 'FOREIGN KEY (n) REFERENCES app.stays (n) DEFERRABLE'),
  since(15, constraint('guest', 'FOREIGN KEY (n) REFERENCES app.stays (n) ON DELETE SET NULL (n)')),
  since(15, constraint('single', 'UNIQUE NULLS NOT DISTINCT (n, m)')),
  since(18, constraint('checked', 'CHECK (n > 0) NOT ENFORCED')),
  since(18, constraint('guest', 'FOREIGN KEY (n) REFERENCES app.stays (n) NOT ENFORCED')),
  since(18, constraint('single', 'UNIQUE (room, during WITHOUT OVERLAPS)')),
  since(18, {
    sql: `ALTER TABLE app.stays ADD CONSTRAINT whole UNIQUE (room, during WITHOUT OVERLAPS);
          ALTER TABLE app.visits ADD CONSTRAINT while FOREIGN KEY (room, PERIOD during) REFERENCES app.stays (room, PERIOD during)`,
    undo: 'ALTER TABLE app.visits DROP CONSTRAINT while; ALTER TABLE app.stays DROP CONSTRAINT whole',
    names: ['added constraint app.stays.whole', 'added constraint app.visits.while'],
  }),
  facet(
    `ALTER DOMAIN app.code ADD CONSTRAINT c CHECK (VALUE > 0) NOT VALID`,
    'ALTER DOMAIN app.code DROP CONSTRAINT c',
    'added constraint app.code.c',
  ),
  facet(
    'ALTER DOMAIN app.code SET NOT NULL',
    'ALTER DOMAIN app.code DROP NOT NULL',
    'changed domain app.code',
  ),
];

export const indexes: readonly SchemaFacet[] = [
  '(state DESC)',
  '(state NULLS FIRST)',
  '(state COLLATE "C")',
  '(state text_pattern_ops)',
  '(state) INCLUDE (n)',
  '(state) WHERE n > 0',
  '(lower(state))',
  '(state) WITH (fillfactor = 70)',
  'USING hash (state)',
]
  .map((definition) => ['CREATE INDEX', definition])
  .concat([['CREATE UNIQUE INDEX', '(state)']])
  .map(([create, definition]) =>
    facet(
      `DROP INDEX app.i; ${create} i ON app.visits ${definition}`,
      'DROP INDEX app.i; CREATE INDEX i ON app.visits (state)',
      'changed index app.i',
    ),
  )
  .concat([
    since(
      15,
      facet(
        'DROP INDEX app.u; CREATE UNIQUE INDEX u ON app.visits (m) NULLS NOT DISTINCT',
        'DROP INDEX app.u; CREATE UNIQUE INDEX u ON app.visits (m)',
        'changed index app.u',
      ),
    ),
    facet(
      `COMMENT ON INDEX app.i IS 'fast'`,
      'COMMENT ON INDEX app.i IS NULL',
      'changed index app.i',
    ),
  ]);
