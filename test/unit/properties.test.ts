import { describe, expect, it } from 'vitest';
import type { DatabaseGrant } from '../../src/domain/properties.js';
import { differingProperties, rolesOf, withOwner } from '../../src/domain/properties.js';
import { sampleProperties } from '../support/sample-records.js';

const grant = (changes: Partial<DatabaseGrant> = {}): DatabaseGrant => ({
  ...{ grantee: 'web', grantor: 'app', privilege: 'CONNECT', grantable: false },
  ...changes,
});
const setting = (name: string, value: string, role: string | null = null) => ({
  role,
  name,
  value,
});

describe('differingProperties', () => {
  it('takes no order for a difference', () => {
    const a = sampleProperties({
      grants: [grant(), grant({ privilege: 'CREATE' })],
      settings: [setting('work_mem', '8MB'), setting('jit', 'off', 'web')],
    });
    const b = {
      ...a,
      grants: [...(a.grants ?? [])].reverse(),
      settings: [...a.settings].reverse(),
    };
    expect(differingProperties(a, b)).toEqual([]);
  });

  it.each([
    ['owner', { owner: 'other' }],
    ['comment', { comment: '' }],
    ['connection limit', { connectionLimit: 5 }],
    ['template flag', { isTemplate: true }],
    ['grants', { grants: [] }],
    ['settings', { settings: [setting('work_mem', '8MB')] }],
  ])('names the %s', (name, changes) => {
    expect(differingProperties(sampleProperties(), sampleProperties(changes))).toEqual([name]);
  });

  it.each([
    ['the grant option', grant({ grantable: true })],
    ['the grantor', grant({ grantor: 'admin' })],
    ['the grantee', grant({ grantee: '' })],
    ['the privilege', grant({ privilege: 'TEMPORARY' })],
  ])('sees %s of a grant', (_what, changed) => {
    const a = sampleProperties({ grants: [grant()] });
    expect(differingProperties(a, sampleProperties({ grants: [changed] }))).toEqual(['grants']);
  });

  it('sees whose setting it is, and its value to the character', () => {
    const a = sampleProperties({ settings: [setting('my.text', 'a, b')] });
    const differs = (value: string, role: string | null) =>
      differingProperties(a, sampleProperties({ settings: [setting('my.text', value, role)] }));
    expect(differs('a, b', 'web')).toEqual(['settings']);
    expect(differs('a,b', null)).toEqual(['settings']);
  });
});

describe('rolesOf', () => {
  it('names owner, grantees, grantors and the roles of settings, each once and without PUBLIC', () => {
    const properties = sampleProperties({
      grants: [grant(), grant({ grantee: '' }), grant({ grantor: 'chief' })],
      settings: [setting('a', '1'), setting('a', '2', 'batch')],
    });
    expect(rolesOf(properties).sort()).toEqual(['app', 'batch', 'chief', 'web']);
  });
});

describe('withOwner', () => {
  it('hands over what the old owner granted and had', () => {
    const properties = sampleProperties({ grants: [grant(), grant({ grantee: 'app' })] });
    expect(withOwner(properties, 'heir')).toEqual({
      ...properties,
      owner: 'heir',
      grants: [grant({ grantor: 'heir' }), grant({ grantor: 'heir', grantee: 'heir' })],
    });
    expect(withOwner(sampleProperties(), 'heir').grants).toBeNull();
  });
});
