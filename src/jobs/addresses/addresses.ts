/** An address that was found to be one that the server may call, with what its name resolved to. */
export interface CheckedAddress {
  readonly url: URL;
  /** What connections go to, whatever the name resolves to later. */
  readonly ips: readonly { readonly address: string; readonly family: 4 | 6 }[];
}

export interface OutgoingRequest {
  readonly method: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
  /** For everything together; default 15 s. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface OutgoingAnswer {
  readonly status: number;
  /** The first 16 KB as text. */
  readonly body: string;
}

/**
 * What a server may call because somebody typed a URL into it. Without this, whoever may add a webhook could reach what only
 * the server reaches: its own machine, the inner network, the metadata of a cloud.
 */
export interface Addresses {
  /** @throws BelayError ADDRESS_REFUSED with why, BAD_URL */
  check(url: string): Promise<CheckedAddress>;
  /**
   * Calls a URL at the address that was checked just before. Redirects are not followed: they are answers.
   * @throws BelayError ADDRESS_REFUSED, BAD_URL; SERVER_UNREACHABLE where no answer came
   */
  send(url: string, request: OutgoingRequest): Promise<OutgoingAnswer>;
}
