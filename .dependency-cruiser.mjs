/**
 * The import rules of docs/architecture.md, each with the reason it exists. A layer may import the
 * layers named in its rule and nothing else of src/.
 *
 * @param {string} name layer folder or file under src/
 * @param {string[]} allowed path prefixes under src/ that it may import, itself included
 * @param {string} comment why the rule exists
 */
const layer = (name, allowed, comment) => ({
  name: `layer-${name.replace(/\W+/g, '-')}`,
  severity: 'error',
  comment,
  from: { path: `^src/${name}` },
  to: { path: '^src/', pathNot: allowed.map((path) => `^src/${path}`) },
});

/** @param {string} name @param {string} packages @param {string} owner @param {string} comment */
const onlyImporter = (name, packages, owner, comment) => ({
  name,
  severity: 'error',
  comment,
  from: { path: '^src/', pathNot: owner },
  to: { path: packages },
});

export default {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      comment:
        'A cycle means that two files are one thing, or that one of them is in the wrong layer.',
      from: {},
      to: { circular: true },
    },
    layer('errors\\.ts', ['errors\\.ts'], 'Everybody throws BelayError, so it can know nobody.'),
    layer(
      'domain/',
      ['domain/', 'errors\\.ts'],
      'Pure functions over plain data: testable without a server.',
    ),
    layer(
      'postgres/',
      ['postgres/', 'domain/', 'errors\\.ts'],
      'Talks to servers; must not know what a feature wants.',
    ),
    layer(
      'process/',
      ['process/', 'domain/', 'errors\\.ts'],
      'Starts programs; must not know what a feature wants.',
    ),
    layer(
      'store/',
      ['store/', 'domain/', 'errors\\.ts'],
      'Keeps bytes; must not know what they mean.',
    ),
    layer(
      'config/',
      ['config/', 'domain/', 'process/', 'postgres/', 'errors\\.ts'],
      'Says what the user wants, does nothing.',
    ),
    layer(
      'features/',
      ['features/', 'postgres/', 'process/', 'store/', 'config/', 'domain/', 'errors\\.ts'],
      'The verbs. They never print and never exit, so that CLI, library, server and tests can share them.',
    ),
    layer(
      'gateway/',
      ['gateway/', 'features/', 'postgres/', 'process/', 'config/', 'domain/', 'errors\\.ts'],
      'Speaks PostgreSQL’s protocol to clients; what a branch is, it asks.',
    ),
    layer(
      'testing/',
      ['testing/', 'features/', 'postgres/', 'process/', 'config/', 'domain/', 'errors\\.ts'],
      'belaydb/testing, an entry of its own: test suites load nothing that they do not use.',
    ),
    layer(
      'contract/',
      ['contract/', 'domain/', 'errors\\.ts'],
      'What goes over HTTP, as schemas and types: shared by server, agent, assistants and page.',
    ),
    layer(
      'jobs/',
      [
        ...['jobs/', 'contract/', 'features/', 'postgres/', 'process/', 'store/', 'config/'],
        ...['domain/', 'errors\\.ts'],
      ],
      'Catalog, queue, schedules, notifications. Knows no HTTP request.',
    ),
    layer(
      'agent/',
      [
        ...['agent/', 'jobs/', 'contract/', 'features/', 'postgres/', 'config/', 'process/'],
        ...['domain/', 'errors\\.ts'],
      ],
      'Runs jobs where the server cannot reach; speaks to it over HTTP alone.',
    ),
    layer(
      'mcp/',
      [
        ...['mcp/', 'contract/', 'features/', 'postgres/', 'config/', 'process/'],
        ...['domain/', 'errors\\.ts'],
      ],
      'Tools for assistants. What they must not do is not in here at all, unless the person said so.',
    ),
    layer(
      'server/',
      [
        ...['server/', 'jobs/', 'mcp/', 'contract/', 'features/', 'postgres/', 'process/'],
        ...['config/', 'domain/', 'errors\\.ts'],
      ],
      'HTTP: who may do what, and in which words. The work itself is a job.',
    ),
    layer(
      'index\\.ts',
      [
        ...['index\\.ts', 'features/', 'gateway/', 'config/', 'postgres/', 'process/', 'store/'],
        'domain/',
        'errors\\.ts',
      ],
      'The public API.',
    ),
    layer(
      'cli/',
      ['cli/', 'index\\.ts', '(server|agent|mcp)/index\\.ts', 'config/'],
      'The CLI uses what every user of the library has, so the library is complete.',
    ),
    onlyImporter(
      'only-postgres-imports-pg',
      '(^|/)node_modules/pg/',
      '^src/postgres/',
      'One place attaches error handlers and maps SQLSTATEs.',
    ),
    onlyImporter(
      'only-process-spawns',
      '^(node:)?child_process$',
      '^src/process/',
      'One place guards arguments, environment and secrets of children.',
    ),
    onlyImporter(
      'only-cli-knows-terminals',
      '(^|/)node_modules/(commander|@clack|picocolors)',
      '^src/cli/',
      'Printing and asking belong to the CLI.',
    ),
    {
      name: 'no-test-code-in-src',
      severity: 'error',
      comment: 'What is published must not need what is not.',
      from: { path: '^src/' },
      to: { path: '^(test|bench|scripts)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    parser: 'swc',
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.mts', '.js', '.mjs', '.d.ts'],
    },
  },
};
