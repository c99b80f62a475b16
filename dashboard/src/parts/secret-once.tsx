import { useRef, useState } from 'react';
import { announce } from '../announce';
import { Button } from './button';
import { Field } from './form';
import { Notice } from './states';
import '../styles/reports.css';

/** Copies a text. Browsers allow the newer way on HTTPS and on this device only. */
async function copyText(text: string, from: HTMLInputElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    from?.select();
    return document.execCommand('copy');
  }
}

/** A text with a button that copies it. */
export function CopyField(props: {
  readonly label: string;
  readonly text: string;
  readonly hint?: string | undefined;
}) {
  const input = useRef<HTMLInputElement>(null);
  const [state, setState] = useState<'copied' | 'failed'>();
  const copy = async () => {
    const isCopied = await copyText(props.text, input.current);
    setState(isCopied ? 'copied' : 'failed');
    announce(isCopied ? `${props.label}: copied` : 'It could not be copied: select it and copy it');
  };
  return (
    <Field label={props.label} hint={props.hint}>
      {(control) => (
        <div className="copy-field">
          <input
            {...control}
            ref={input}
            readOnly
            value={props.text}
            onFocus={(event) => event.target.select()}
          />
          <Button onClick={() => void copy()}>
            {state === 'copied' ? 'Copied' : state === 'failed' ? 'Select and copy it' : 'Copy'}
          </Button>
        </div>
      )}
    </Field>
  );
}

/** A secret that the server does not know any more once this page is left. */
export function SecretOnce(props: {
  readonly title: string;
  readonly label: string;
  readonly secret: string;
  readonly children?: React.ReactNode;
  readonly onDone: () => void;
}) {
  return (
    <Notice look="warn" title={props.title}>
      <p>It is shown this one time only: keep it where secrets are kept.</p>
      <CopyField label={props.label} text={props.secret} />
      {props.children}
      <Button onClick={props.onDone}>I have kept it</Button>
    </Notice>
  );
}
