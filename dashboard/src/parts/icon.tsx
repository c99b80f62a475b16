/** Small drawings beside words; never alone, so they are hidden from who hears the page. */
const shapes = {
  snapshot: 'M8 3.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9Z',
  proven: 'M8 2 3 4v4c0 3 2.2 5 5 6 2.8-1 5-3 5-6V4L8 2Zm-2.2 6 1.6 1.7L10.4 6.5',
  migrations: 'M5 13V3m0 0L2.5 5.5M5 3l2.5 2.5M11 3v10m0 0 2.5-2.5M11 13l-2.5-2.5',
  restores: 'M3 8a5 5 0 1 0 1.6-3.7M3 2.5v3h3',
  branches:
    'M4.5 4.5v7m0-7a1.4 1.4 0 1 0 0-.1Zm0 8.4a1.4 1.4 0 1 0 0-.1Zm7-8.4a1.4 1.4 0 1 0 0-.1Zm0 0c0 3-7 2.500-7 5',
  deletions: 'M3 4.500h10M6 4.500V3h4v1.500M4.500 4.500 5 13h6l.500-8.500',
  other: 'M8 7v4M8 4.500v.100M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Z',
  live: 'M2 8h3l2-4.500 2.500 9L11.500 8H14',
} as const;

export type IconName = keyof typeof shapes;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" className="icon">
      <path
        d={shapes[name]}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.6"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
