/**
 * Keeps what the catalog must not show to everybody who can read it: URLs of databases, secrets of webhooks.
 */
export interface Secrets {
  /**
   * @param about what it belongs to, e.g. "database shop": a sealed text opens only as what it was sealed
   * @returns text that says nothing without the key
   */
  seal(text: string, about: string): string;
  /** @throws BelayError SECRET_UNREADABLE where it was sealed with another key, about something else, or was changed */
  open(sealed: string, about: string): string;
}
