import { type ReactNode, useEffect, useRef } from 'react';

let isFirst = true;

/**
 * The frame of every page: its heading, which is the title of the window too and takes the focus when one has come here from
 * another page, so that people without a screen know where they are.
 */
export function Page(props: {
  readonly title: string;
  /** Above the heading: where one is, with a way back. */
  readonly above?: ReactNode;
  /** Beside the heading. */
  readonly actions?: ReactNode;
  /** Below the heading: one sentence. */
  readonly lead?: ReactNode;
  readonly children: ReactNode;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${props.title} · Belay`;
  }, [props.title]);
  useEffect(() => {
    if (!isFirst) heading.current?.focus({ preventScroll: true });
    isFirst = false;
  }, []);
  return (
    <>
      {props.above && <p className="page-above">{props.above}</p>}
      <div className="page-head">
        <h1 ref={heading} tabIndex={-1}>
          {props.title}
        </h1>
        {props.actions && <div className="page-actions">{props.actions}</div>}
      </div>
      {props.lead && <p className="page-lead">{props.lead}</p>}
      {props.children}
    </>
  );
}

/** A part of a page under a heading of its own. */
export function Section(props: {
  readonly title: string;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <section className="section" aria-label={props.title}>
      <div className="section-head">
        <h2>{props.title}</h2>
        {props.actions && <div className="page-actions">{props.actions}</div>}
      </div>
      {props.children}
    </section>
  );
}
