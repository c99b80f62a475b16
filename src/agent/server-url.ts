import { BelayError } from '../errors.js';

/**
 * Checks the URL of a server that an agent is to call. Its token goes with every call, so another machine is called over TLS.
 * @throws BelayError USAGE
 */
export function checkServerUrl(text: string, { allowHttp }: { readonly allowHttp: boolean }): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    throw new BelayError('USAGE', `"${shown(url) ?? text.slice(0, 100)}" is no URL of a server`, {
      hint: 'Write --server https://belay.example.com.',
    });
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new BelayError('USAGE', `the URL of the server ${url.origin} has more than an address`, {
      hint: 'Leave out user, password, query and fragment. The token comes from BELAY_AGENT_TOKEN or --token-file.',
    });
  }
  if (url.protocol === 'http:' && !allowHttp && !isThisMachine(url.hostname)) {
    throw new BelayError('USAGE', `${url.origin} would get the token without encryption`, {
      hint: 'Use https://. In a network of your own that nobody else listens to, add --allow-http.',
    });
  }
  return url;
}

const shown = (url: URL | undefined): string | undefined => url && `${url.protocol}//${url.host}`;

const isThisMachine = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
