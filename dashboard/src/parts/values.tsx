import { type ReactNode, useEffect, useState } from 'react';
import { formatAge, formatBytes, formatCount, formatDuration, formatTime } from '../format';

/** A moment as how long ago it was, with the exact time at hand. */
export function Time({ at, now: fixed }: { readonly at: string; readonly now?: number }) {
  const now = useNow(fixed === undefined);
  return (
    <time dateTime={at} title={formatTime(at)}>
      {formatAge(Date.parse(at), fixed ?? now)}
    </time>
  );
}

/** The present moment, renewed every 20 seconds. */
function useNow(isRunning: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!isRunning) return;
    const timer = setInterval(() => setNow(Date.now()), 20_000);
    return () => clearInterval(timer);
  }, [isRunning]);
  return now;
}

/** A size in units that people read, with the exact number at hand. */
export function Bytes({ bytes }: { readonly bytes: number }) {
  return <span title={`${formatCount(bytes)} bytes`}>{formatBytes(bytes)}</span>;
}

export function Duration({ ms }: { readonly ms: number }) {
  return <span title={`${formatCount(Math.round(ms))} ms`}>{formatDuration(ms)}</span>;
}

export function Count({ value }: { readonly value: number }) {
  return <span>{formatCount(value)}</span>;
}

export type BadgeLook = 'neutral' | 'ok' | 'warn' | 'danger' | 'info';

/** A short mark. Its words carry the meaning; the colour only helps. */
export function Badge(props: {
  readonly look?: BadgeLook;
  readonly title?: string;
  readonly children: ReactNode;
}) {
  return (
    <span className={`badge badge-${props.look ?? 'neutral'}`} title={props.title}>
      {props.children}
    </span>
  );
}

/** Names and values, one below the other. */
export function Facts(props: { readonly facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts">
      {props.facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
