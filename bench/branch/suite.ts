import type { Bar } from '../bars.js';
import type { BenchFolder } from '../file-system.js';
import type { BenchServer } from '../server.js';
import type { SuiteContext } from '../suite.js';
import { align, time } from '../tables.js';
import {
  type FirstQueryResult,
  firstQueryBars,
  measureFirstQuery,
  renderFirstQuery,
} from './cluster-start.js';
import { type GatewayResult, gatewayBars, measureGateway, renderGateway } from './gateway.js';
import { type BranchTimes, measureGrowth } from './growth.js';
import {
  measureTestDatabases,
  renderTestDatabases,
  type TestDatabasesResult,
  testDatabaseBars,
} from './test-databases.js';

/** All that was measured of branches on one server. */
export interface BranchesResult {
  /** e.g. "xfs, PostgreSQL 18.4". */
  readonly name: string;
  readonly hasReflinks: boolean;
  readonly small: BranchTimes;
  readonly large: BranchTimes;
  readonly firstQuery: FirstQueryResult;
  readonly gateway: GatewayResult;
  readonly tests: TestDatabasesResult;
}

const sizeFactor = 4;
const growthLimit = 1.5;

export async function measureBranches(
  server: BenchServer,
  folder: BenchFolder,
  context: SuiteContext,
): Promise<BranchesResult> {
  const { sizeBytes } = context.options;
  const tests = await measureTestDatabases(server, context);
  const small = await measureGrowth(server, folder, sizeBytes / sizeFactor, context);
  const large = await measureGrowth(server, folder, sizeBytes, context);
  const firstQuery = await measureFirstQuery(server, folder, context);
  const gateway = await measureGateway(server, context);
  return {
    name: `${folder.type}, PostgreSQL ${server.installation.version}`,
    hasReflinks: folder.hasReflinks,
    ...{ small, large, firstQuery, gateway, tests },
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const times = (ratio: number) => `${ratio.toFixed(2)} times`;

/** What Belay promises about branches. */
export function branchBars(result: BranchesResult): Bar[] {
  const { name, hasReflinks, small, large } = result;
  const bar = (text: string, measured: string, met: boolean): Bar => ({
    ...{ bar: text, where: name, measured, met },
  });
  const growth = (what: 'database' | 'cluster') => median(large[what]) / median(small[what]);
  const grows = (what: 'database' | 'cluster', text: string) => {
    const ratio = growth(what);
    return bar(
      `${text}: 4 times the size, less than ${growthLimit} times the time`,
      times(ratio),
      ratio < growthLimit,
    );
  };
  const failed = large.load === null ? null : large.load.failed + (small.load?.failed ?? 0);
  return [
    // Before 18, PostgreSQL copies a database byte by byte on every file system.
    ...(hasReflinks && name.includes('PostgreSQL 18')
      ? [grows('database', 'database branch')]
      : []),
    ...(hasReflinks ? [grows('cluster', 'cluster branch')] : []),
    ...(failed === null
      ? []
      : [
          bar(
            'cluster branch from a server under pgbench: no failed transaction',
            `${failed} of ${large.load?.transactions}`,
            failed === 0,
          ),
        ]),
    ...firstQueryBars(result.firstQuery),
    ...gatewayBars(result.gateway),
    ...testDatabaseBars(result.tests),
  ];
}

/** Everything about one server, as lines. */
export function renderBranches(result: BranchesResult): string[] {
  const { name, small, large, tests } = result;
  const megabytes = ({ sizeBytes }: BranchTimes) => `${Math.round(sizeBytes / 1e6)} MB`;
  const row = (what: string, key: 'database' | 'fromSnapshot' | 'cluster') => [
    what,
    time(median(small[key])),
    time(median(large[key])),
  ];
  const rows = [
    ['branch', megabytes(small), megabytes(large)],
    row('database, from what is live', 'database'),
    row('database, from a snapshot', 'fromSnapshot'),
    row('cluster, under pgbench', 'cluster'),
  ];
  const load = large.load
    ? [`  pgbench meanwhile: ${large.load.transactions} transactions, ${large.load.failed} failed`]
    : [];
  return [
    ...['', `== branches: ${name} ==`],
    ...align(rows).map((line) => `  ${line}`),
    ...load,
    ...renderFirstQuery(result.firstQuery),
    ...renderGateway(result.gateway),
    ...renderTestDatabases(tests),
  ];
}
