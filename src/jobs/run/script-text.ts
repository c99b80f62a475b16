import type { SchemaScript } from '../../features/schema/lead.js';

/** The SQL of a script as it can be saved and run: statements that can be in one transaction are. */
export function scriptText({ statements, unresolved }: SchemaScript): string {
  const lines: string[] = [];
  let isOpen = false;
  const close = () => {
    if (isOpen) lines.push('COMMIT;');
    isOpen = false;
  };
  for (const { sql, transactional, breaksBefore } of statements) {
    if (!transactional || breaksBefore) close();
    if (transactional && !isOpen) {
      lines.push('BEGIN;');
      isOpen = true;
    }
    lines.push(`${sql.replace(/[;\s]+$/, '')};`);
  }
  close();
  const left = unresolved.map(
    ({ object, name, detail }) => `-- NOT DONE: ${object} ${name}: ${detail.replaceAll('\n', ' ')}`,
  );
  return [...lines, ...left].join('\n');
}
