import { type ComponentType, lazy } from 'react';
import type { Scope } from '../../src/contract/scope';
import { TimelinePage } from './pages/timeline';

export interface PageRoute {
  /** As wouter reads it; `:database` is the registered name. */
  readonly path: string;
  readonly Page: ComponentType;
  /** Its line in the navigation; left out: it is reached from other pages. */
  readonly link?: {
    readonly label: string;
    /** Below each database, or once for the whole server. */
    readonly place: 'database' | 'server';
    /** Who lacks it is not shown the line. */
    readonly scope?: Scope;
  };
}

/** A page that is loaded when it is first shown. */
const page = <Name extends string>(
  load: () => Promise<{ readonly [name in Name]: ComponentType }>,
  name: Name,
): ComponentType => {
  const Lazy = lazy(async () => ({ default: (await load())[name] as ComponentType }));
  return () => <Lazy />;
};

/** Every page, in the order of the navigation. */
export const routes: readonly PageRoute[] = [
  { path: '/', Page: page(() => import('./pages/databases'), 'DatabasesPage') },
  { path: '/databases/add', Page: page(() => import('./pages/add-database'), 'AddDatabasePage') },
  {
    path: '/db/:database',
    // The page that people come for: it comes with the rest, and does not wait for another file.
    Page: TimelinePage,
    link: { label: 'Timeline', place: 'database' },
  },
  {
    path: '/db/:database/create-snapshot',
    Page: page(() => import('./pages/create-snapshot'), 'CreateSnapshotPage'),
  },
  {
    path: '/db/:database/back-up',
    Page: page(() => import('./pages/back-up'), 'BackUpPage'),
  },
  {
    path: '/db/:database/snapshots/:reference',
    Page: page(() => import('./pages/snapshot'), 'SnapshotPage'),
  },
  {
    path: '/db/:database/restore/:reference',
    Page: page(() => import('./pages/restore'), 'RestorePage'),
  },
  {
    path: '/db/:database/undo',
    Page: page(() => import('./pages/undo'), 'UndoPage'),
  },
  {
    path: '/db/:database/compare',
    Page: page(() => import('./pages/compare'), 'ComparePage'),
    link: { label: 'Compare', place: 'database', scope: 'read' },
  },
  {
    path: '/db/:database/branches',
    Page: page(() => import('./pages/branches'), 'BranchesPage'),
    link: { label: 'Branches', place: 'database', scope: 'read' },
  },
  {
    path: '/db/:database/plan',
    Page: page(() => import('./pages/plan'), 'PlanPage'),
    link: { label: 'Plan a migration', place: 'database', scope: 'restore' },
  },
  {
    path: '/db/:database/versions',
    Page: page(() => import('./pages/versions'), 'VersionsPage'),
    link: { label: 'Versions', place: 'database', scope: 'read' },
  },
  {
    path: '/db/:database/drift',
    Page: page(() => import('./pages/drift'), 'DriftPage'),
    link: { label: 'Drift', place: 'database', scope: 'read' },
  },
  {
    path: '/db/:database/ledger',
    Page: page(() => import('./pages/ledger'), 'LedgerPage'),
    link: { label: 'Ledger', place: 'database', scope: 'read' },
  },
  {
    path: '/jobs',
    Page: page(() => import('./pages/jobs'), 'JobsPage'),
    link: { label: 'Jobs', place: 'server' },
  },
  { path: '/jobs/:id', Page: page(() => import('./pages/job'), 'JobPage') },
  {
    path: '/schedules',
    Page: page(() => import('./pages/schedules'), 'SchedulesPage'),
    link: { label: 'Schedules', place: 'server', scope: 'read' },
  },
  {
    path: '/webhooks',
    Page: page(() => import('./pages/webhooks'), 'WebhooksPage'),
    link: { label: 'Webhooks', place: 'server', scope: 'admin' },
  },
  {
    path: '/tokens',
    Page: page(() => import('./pages/tokens'), 'TokensPage'),
    link: { label: 'Tokens', place: 'server', scope: 'admin' },
  },
  {
    path: '/people',
    Page: page(() => import('./pages/people'), 'PeoplePage'),
    link: { label: 'People', place: 'server', scope: 'admin' },
  },
];
