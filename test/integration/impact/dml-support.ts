import { dmlAnalysers } from '../../../src/domain/impact/analysers/dml.js';
import { opaqueAnalysers } from '../../../src/domain/impact/analysers/opaque.js';
import type { Finding } from '../../../src/domain/impact/finding.js';
import { impactOf } from '../../../src/domain/impact/impact-of.js';
import { createWorld } from '../../../src/domain/impact/simulated-world.js';
import type { Impact } from '../../../src/domain/impact.js';
import { loadDeparser } from '../../../src/postgres/impact/live-expression.js';
import { measureImpacts } from '../../../src/postgres/impact/measure-impacts.js';
import { readLiveCatalog } from '../../../src/postgres/impact/read-live-catalog.js';
import { splitStatements } from '../../../src/postgres/parse-sql.js';
import { openSession } from '../../support/open-session.js';

const analysers = { ...dmlAnalysers, ...opaqueAnalysers };

/** What statements that change rows would do; others are left out, but count as statements. */
export async function impactsOf(url: string, sql: string): Promise<(Impact & Finding)[]> {
  const session = await openSession(url);
  try {
    const catalog = await readLiveCatalog(session);
    const world = createWorld(catalog, { deparse: await loadDeparser() });
    const findings = (await splitStatements(sql)).flatMap(({ kind, tree, sql: text }, index) => {
      world.statement = index + 1;
      return analysers[kind]?.({ kind, tree, sql: text }, world) ?? [];
    });
    const measures = findings.flatMap(({ measure }) => (measure ? [measure] : []));
    const estimates = new Map(catalog.relations.map((one) => [one.oid, one.estimatedRows]));
    const options = { timeoutMs: 20_000, samples: 3, estimates };
    const counted = await measureImpacts(session, measures, options);
    let at = 0;
    return findings.map((found) => {
      const measurement = found.measure ? (counted[at++] ?? null) : null;
      return { ...found, ...impactOf(found, measurement) };
    });
  } finally {
    await session.close();
  }
}
