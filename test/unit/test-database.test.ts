import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newSnapshotId } from '../../src/domain/clone-name.js';
import {
  encodeTestRecord,
  parseTestRecord,
  readyDatabaseName,
  type TestRecord,
  testDatabaseName,
  testDatabasePattern,
  testTemplateName,
  testTemplatePattern,
} from '../../src/domain/test-database.js';

const time = '2026-11-22T01:00:00.000Z';

describe('records of test databases', () => {
  it('come back as they were written, whatever the project is called', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom('ready', 'taken', 'used'), (project, state) => {
        const shared = { fingerprint: 'f', project, createdAt: time };
        const records: TestRecord[] = [
          { kind: 'test-template', ...shared, lastUsedAt: time },
          { kind: 'test-database', ...shared, state, owner: null },
        ];
        for (const record of records) {
          expect(parseTestRecord(encodeTestRecord(record))).toEqual(record);
        }
      }),
    );
  });

  it.each([
    null,
    '',
    'a database of mine',
    '{"belay":1',
    '{"belay":1,"kind":"snapshot"}',
    '{"belay":2,"kind":"test-template","fingerprint":"f","project":"p","createdAt":"x","lastUsedAt":"x"}',
    '{"belay":1,"kind":"test-template","fingerprint":"f","project":"p","createdAt":"x"}',
    '{"belay":1,"kind":"test-database","fingerprint":"f","project":"p","createdAt":"x","state":"new"}',
  ])('%j is none', (comment) => {
    expect(parseTestRecord(comment)).toBeUndefined();
  });

  it('names are recognised, and are none of the other kind', () => {
    const id = newSnapshotId();
    const [databases, templates] = [testDatabasePattern, testTemplatePattern].map(
      (pattern) => new RegExp(pattern),
    );
    for (const name of [testDatabaseName(id), readyDatabaseName(id)]) {
      expect(name).toMatch(databases as RegExp);
      expect(name).not.toMatch(templates as RegExp);
    }
    const template = testTemplateName('0123456789abcdef0123456789abcdef');
    expect(template).toMatch(templates as RegExp);
    expect(template).not.toMatch(databases as RegExp);
  });
});
