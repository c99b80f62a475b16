/** A script without what stands behind `//`, where that is no part of a URL. */
export function withoutComments(text: string): string {
  return text.replace(/(^|[\s,;{}])\/\/.*$/gm, '$1');
}
