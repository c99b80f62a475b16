/**
 * The text of a schema object's definition: one `key: value` per attribute, longer values indented
 * below their key. Writing and reading are exact inverses, so the text is all that has to be stored.
 */

/** A text (empty and several lines allowed) or a list of texts. */
export type AttributeValue = string | readonly string[];

/** Attributes in the order in which they are written. What has its default is left out. */
export type Attributes = Readonly<Record<string, AttributeValue>>;

function formatAttribute(key: string, value: AttributeValue): string {
  if (typeof value !== 'string') {
    const items = value.map((item) => `\n  - ${item.replaceAll('\n', '\n    ')}`);
    return `${key}:${items.join('')}`;
  }
  if (!value.includes('\n')) return `${key}: ${value}`;
  return `${key}: |\n  ${value.replaceAll('\n', '\n  ')}`;
}

/**
 * Writes attributes as a definition. Empty lists are left out: they say the same as no list.
 *
 * @example
 * formatDefinition({ type: 'integer', grants: ['bob: SELECT'] });
 * // type: integer
 * // grants:
 * //   - bob: SELECT
 */
export function formatDefinition(attributes: Attributes): string {
  // Of a large schema there are tens of thousands: no lists in between.
  let text = '';
  for (const key in attributes) {
    const value = attributes[key];
    if (value === undefined || (typeof value !== 'string' && value.length === 0)) continue;
    text += `${text === '' ? '' : '\n'}${formatAttribute(key, value)}`;
  }
  return text;
}

/** Reads the lines below a key: items of a list, or the lines of one text. */
function parseBlock(inline: string | undefined, below: readonly string[]): AttributeValue {
  if (inline !== undefined) {
    return below.length === 0 ? inline : below.map((line) => line.slice(2)).join('\n');
  }
  const items: string[] = [];
  for (const line of below) {
    if (line.startsWith('  - ')) items.push(line.slice(4));
    else items.push(`${items.pop() ?? ''}\n${line.slice(4)}`);
  }
  return items;
}

/** Reads what {@link formatDefinition} wrote. Lines that are no attribute are ignored. */
export function parseDefinition(definition: string): Attributes {
  const attributes: [string, AttributeValue][] = [];
  const lines = definition.split('\n');
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] ?? '';
    let end = at + 1;
    while (lines[end]?.startsWith('  ')) end += 1;
    const match = /^([^ :][^:]*):(?: (.*))?$/s.exec(line);
    if (match?.[1]) attributes.push([match[1], parseBlock(match[2], lines.slice(at + 1, end))]);
    at = end;
  }
  return Object.fromEntries(attributes);
}
