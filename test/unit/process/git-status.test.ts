import { describe, expect, it } from 'vitest';
import { parseGitStatus } from '../../../src/process/git.js';

const commit = 'a'.repeat(40);

describe('parseGitStatus', () => {
  it.each([
    [`# branch.oid ${commit}\n# branch.head main\n`, { branch: 'main', commit, dirty: false }],
    [
      `# branch.oid ${commit}\n# branch.head main\n# branch.upstream origin/main\n# branch.ab +1 -0\n`,
      { branch: 'main', commit, dirty: false },
    ],
    [`# branch.oid ${commit}\n# branch.head (detached)\n`, { branch: null, commit, dirty: false }],
    [
      `# branch.oid ${commit}\n# branch.head x\n1 .M N... 100644 100644 100644 ${commit} ${commit} a b\n`,
      { branch: 'x', commit, dirty: true },
    ],
    [
      `# branch.oid ${commit}\n# branch.head x\nu UU N... a\n`,
      { branch: 'x', commit, dirty: true },
    ],
    [
      `# branch.oid ${'b'.repeat(64)}\n# branch.head sha256\n`,
      { branch: 'sha256', commit: 'b'.repeat(64), dirty: false },
    ],
  ])('%j', (text, expected) => {
    expect(parseGitStatus(text)).toEqual(expected);
  });

  it.each(['', '# branch.oid (initial)\n# branch.head main\n', 'usage: git', '# branch.oid 1\n'])(
    'is null for %j',
    (text) => {
      expect(parseGitStatus(text)).toBeNull();
    },
  );
});
