import { useSyncExternalStore } from 'react';

let text = '';
const listeners = new Set<() => void>();

/** Says something to people who use a screen reader, without moving the focus. */
export function announce(message: string): void {
  // The same words twice would not be read a second time.
  text = text === message ? `${message}\u00a0` : message;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Where `announce` is heard. Once on the page. */
export function LiveRegion() {
  const message = useSyncExternalStore(subscribe, () => text);
  return (
    <div role="status" aria-live="polite" className="visually-hidden">
      {message}
    </div>
  );
}
