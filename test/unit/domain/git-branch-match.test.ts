import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { branchForGit, nameForGit } from '../../../src/domain/git-branch-match.js';

const identity = { branch: 'topic', repository: '/repo/.git', host: 'here' };
const branch = (name: string, git: Partial<typeof identity> | null) => ({
  record: { name, git: git && { ...identity, ...git, commit: null } },
});

describe('branchForGit', () => {
  it.each([
    ['made for it, whatever its name', [branch('other', {})], 'other'],
    ['of its name, which nobody’s git branch has', [branch('topic', null)], 'topic'],
    ['made for it rather than of its name', [branch('topic', null), branch('b', {})], 'b'],
    ['of another repository: none', [branch('topic', { repository: '/else/.git' })], undefined],
    ['of another machine: none', [branch('topic', { host: 'there' })], undefined],
    ['of another git branch: none', [branch('topic', { branch: 'x' })], undefined],
  ])('finds the one %s', (_what, branches, expected) => {
    expect(branchForGit(branches, identity)?.record.name).toBe(expected);
  });
});

describe('nameForGit', () => {
  it('adds who it is for where the name is taken', () => {
    expect(nameForGit(identity, () => false)).toBe('topic');
    expect(nameForGit(identity, (name) => name === 'topic')).toBe('topic@here');
    expect(nameForGit(identity, (name) => !name.includes('-'))).toMatch(/^topic@here-[0-9a-f]{6}$/);
    expect(nameForGit({ ...identity, branch: 'live' }, () => false)).toBe('git/live');
  });

  it('fits, and tells long names apart', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 200, maxLength: 400, unit: 'grapheme' }), (long) => {
        const [one, two] = [`${long}a`, `${long}b`].map((name) =>
          nameForGit({ ...identity, branch: name }, () => false),
        );
        expect(one).not.toBe(two);
        expect(Buffer.byteLength(one as string)).toBeLessThanOrEqual(250);
      }),
    );
  });
});
