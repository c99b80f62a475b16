import { describe, expect, it } from 'vitest';
import { findFiles } from '../../../src/testing/file-patterns.js';
import { failure } from '../../support/failure.js';
import { makeTempFolder } from '../../support/temp-folder.js';

describe('files that a template is made from', () => {
  const makeFolder = () =>
    makeTempFolder({
      ...{ 'prisma/schema.prisma': '', 'prisma/migrations/1_a/migration.sql': '' },
      ...{ 'prisma/migrations/2_b/migration.sql': '', 'prisma/migrations/lock.toml': '' },
      ...{ 'package.json': '', 'package-lock.json': '', 'node_modules/x/package.json': '' },
      ...{ 'odd (1)+[x]/a.sql': '' },
    });

  it.each([
    [['prisma/**'], ['1_a/migration.sql', '2_b/migration.sql', 'lock.toml', 'schema.prisma']],
    [['prisma'], ['1_a/migration.sql', '2_b/migration.sql', 'lock.toml', 'schema.prisma']],
    [['./prisma/**/*.sql'], ['1_a/migration.sql', '2_b/migration.sql']],
    [['prisma/migrations/*'], ['lock.toml']],
    [['prisma/migrations/?_a/*'], ['1_a/migration.sql']],
    [['**/package*.json'], ['package-lock.json', 'package.json']],
    [['odd (1)+[x]/*.sql'], ['odd (1)+[x]/a.sql']],
    [
      ['package.json', 'package.json', '*.json'],
      ['package-lock.json', 'package.json'],
    ],
  ])('%j', async (patterns, expected) => {
    const found = await findFiles(makeFolder(), patterns);
    expect(found.map((file) => file.replace(/^prisma\/(migrations\/)?/, ''))).toEqual(expected);
  });

  it('a pattern that matches nothing is an error', async () => {
    const error = await failure(findFiles(makeFolder(), ['package.json', 'db/**']), 'USAGE');
    expect(error.message).toContain('"db/**"');
  });
});
