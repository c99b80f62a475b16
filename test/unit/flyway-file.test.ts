import { describe, expect, it } from 'vitest';
import {
  flywayChecksum,
  flywayVersion,
  flywayVersionKey,
  parseFlywayFileName,
} from '../../src/domain/flyway-file.js';

describe('parseFlywayFileName', () => {
  it.each([
    ['V1__init.sql', { kind: 'versioned', version: '1', name: 'init' }],
    ['V1_1__Add invoices.sql', { kind: 'versioned', version: '1.1', name: 'Add_invoices' }],
    ['V2026.11.20__a__b.sql', { kind: 'versioned', version: '2026.11.20', name: 'a__b' }],
    ['V003.sql', { kind: 'versioned', version: '003', name: '' }],
    ['V0__init.sql', { kind: 'versioned', version: '0.0', name: 'init' }],
    ['U1_1__Add invoices.sql', { kind: 'undo', version: '1.1', name: 'Add_invoices' }],
  ])('reads %s', (file, parsed) => {
    expect(parseFlywayFileName(file)).toEqual(parsed);
  });

  it.each([
    ...[
      'R__views.sql',
      'B5__baseline.sql',
      'afterMigrate.sql',
      'V1__init.sql.conf',
      'V1__Init.java',
    ],
    ...['Vx__a.sql', 'v1__a.sql', 'README.md'],
  ])('leaves out %s', (file) => {
    expect(parseFlywayFileName(file)).toBeUndefined();
  });
});

describe('flywayVersionKey', () => {
  it('is one for versions that Flyway takes for one', () => {
    expect(['1', '001', '1.0', '1_0.00'].map(flywayVersionKey)).toEqual(['1', '1', '1', '1']);
    expect(['10', '1.10', '1.01', '0'].map(flywayVersionKey)).toEqual(['10', '1.10', '1.1', '0']);
    expect(flywayVersionKey(flywayVersion('0'))).toBe(flywayVersionKey('0'));
  });
});

describe('flywayChecksum', () => {
  // The example of Flyway's own documentation of dry runs, with the checksum that it prints.
  const couple = [
    ...['create table COUPLE (', '    ID int not null,'],
    '    PERSON1 int not null references PERSON(ID), ',
    ...['    PERSON2 int not null references PERSON(ID) ', ');'],
  ];

  it.each([
    ['lines', couple.join('\n')],
    ['lines of Windows', couple.join('\r\n')],
    ['a last line that ends', `${couple.join('\n')}\n`],
    ['a byte order mark', `\uFEFF${couple.join('\n')}`],
  ])('is the one that Flyway computes, for %s', (_, text) => {
    expect(flywayChecksum(text)).toBe(-722651034);
  });

  it('is another one for another text', () => {
    expect(flywayChecksum(couple.join('\n').replace('ID', 'IDENT'))).not.toBe(-722651034);
    expect(flywayChecksum('')).toBe(0);
  });
});
