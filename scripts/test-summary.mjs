/**
 * A vitest reporter: writes what came of the run to the file that BELAY_TEST_SUMMARY names, for
 * scripts/test.mjs. Vitest's own JSON has neither the reasons of skipped tests nor the errors outside tests.
 */
import { writeFileSync } from 'node:fs';

const nameOf = (task) => `${task.module.moduleId.split('/test/').at(-1)} > ${task.fullName}`;

// biome-ignore lint/style/noDefaultExport: vitest takes a reporter as the default export of a file
export default class SummaryReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const file = process.env.BELAY_TEST_SUMMARY;
    if (!file) return;
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state) => tests.filter((test) => test.result().state === state).length;
    // A file that cannot be loaded or a hook that throws fails no test, and is a failure all the same.
    const brokenSuites = modules
      .flatMap((module) => [module, ...module.children.allSuites()])
      .filter((suite) => suite.errors().length > 0);
    const skipped = tests
      .filter((test) => test.result().state === 'skipped')
      .map((test) => ({ name: nameOf(test), reason: test.result().note ?? null }));
    // "pending" at the end of a run: it was never finished, e.g. because its worker died.
    const failed = count('failed') + count('pending') + brokenSuites.length;
    const passed = count('passed');
    const failures = tests
      .filter((test) => ['failed', 'pending'].includes(test.result().state))
      .map((test) => ({
        ...{ name: nameOf(test), file: test.module.moduleId },
        error: test.result().errors?.[0]?.message?.split('\n')[0] ?? 'was never finished',
      }));
    const broken = brokenSuites.map((suite) => ({
      ...{ name: suite.fullName ?? suite.moduleId, file: (suite.module ?? suite).moduleId },
      error: suite.errors()[0]?.message?.split('\n')[0] ?? '',
    }));
    const outside = unhandledErrors.length;
    const all = { passed, failed: failed + outside, skipped };
    const result = { ...all, outside, failures: [...failures, ...broken] };
    writeFileSync(file, JSON.stringify(result));
  }
}
