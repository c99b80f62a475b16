import { useEffect, useState } from 'react';
import { Redirect, useLocation } from 'wouter';
import { ApiError, call } from '../api';
import { Button } from '../parts/button';
import { Choice, Choices, Field, Form } from '../parts/form';
import { Page } from '../parts/page';
import { ErrorState, Loading } from '../parts/states';
import { type Session, useSetSession } from '../session';

type Credentials =
  | { readonly name: string; readonly password: string }
  | { readonly token: string }
  | { readonly code: string };

/** The code of a link that `belay serve` prints where nobody can sign in yet. It works once. */
function takeCode(): string | undefined {
  const code = new URLSearchParams(window.location.hash.slice(1)).get('code') ?? undefined;
  // Out of the address at once, so that it stays in no history and on no screen.
  if (code !== undefined) {
    window.history.replaceState(null, '', window.location.pathname + window.location.search);
  }
  return code;
}

let code = takeCode();

const isSignInAddress = (location: string): boolean => ['/sign-in', '/signin'].includes(location);

/** Signs in; where one was going stays in the address and comes next. */
export function SignInPage() {
  const [location, goTo] = useLocation();
  const setSession = useSetSession();
  const [isBusy, setBusy] = useState(code !== undefined);
  const [error, setError] = useState<ApiError>();

  const signIn = async (credentials: Credentials) => {
    setBusy(true);
    setError(undefined);
    try {
      const session = await call<Session>('POST', '/api/session', { body: credentials });
      if (isSignInAddress(location)) goTo('/', { replace: true });
      setSession(session);
    } catch (thrown) {
      setError(thrown instanceof ApiError ? thrown : undefined);
      setBusy(false);
    }
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: the code works once, so it is sent once.
  useEffect(() => {
    if (code === undefined) return;
    const sent = { code };
    code = undefined;
    void signIn(sent);
  }, []);

  return (
    <main className="alone">
      <p className="alone-brand">
        <img src="/icon.svg" alt="" width="32" height="32" /> Belay
      </p>
      <div className="card stack">
        <Page title="Sign in">
          {isBusy && !error ? <Loading what="Signing in" /> : null}
          <SignInForm isBusy={isBusy} error={error} onSignIn={(sent) => void signIn(sent)} />
        </Page>
      </div>
    </main>
  );
}

function SignInForm(props: {
  readonly isBusy: boolean;
  readonly error: ApiError | undefined;
  readonly onSignIn: (credentials: Credentials) => void;
}) {
  const [way, setWay] = useState<'password' | 'token'>('password');
  const [name, setName] = useState('');
  const [secret, setSecret] = useState('');
  const [isChecked, setChecked] = useState(false);
  const isPassword = way === 'password';
  const submit = () => {
    setChecked(true);
    if (secret === '' || (isPassword && name === '')) return;
    props.onSignIn(isPassword ? { name, password: secret } : { token: secret.trim() });
  };
  return (
    <Form label="Sign in" onSubmit={submit}>
      <Choices legend="How">
        <Choice
          type="radio"
          name="way"
          label="With a name and a password"
          isChecked={isPassword}
          onChange={() => setWay('password')}
        />
        <Choice
          type="radio"
          name="way"
          label="With a token"
          isChecked={!isPassword}
          onChange={() => setWay('token')}
        />
      </Choices>
      {isPassword && (
        <Field label="Name" error={isChecked && name === '' ? 'Type your name.' : undefined}>
          {(control) => (
            <input
              {...control}
              value={name}
              autoComplete="username"
              autoCapitalize="none"
              spellCheck={false}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
      )}
      <Field
        label={isPassword ? 'Password' : 'Token'}
        hint={
          isPassword ? undefined : (
            <>
              Make one where the server runs: <code>belay token create --scope admin</code>
            </>
          )
        }
        error={
          isChecked && secret === ''
            ? isPassword
              ? 'Type your password.'
              : 'Paste the token.'
            : undefined
        }
      >
        {(control) => (
          <input
            {...control}
            type="password"
            value={secret}
            autoComplete={isPassword ? 'current-password' : 'off'}
            onChange={(event) => setSecret(event.target.value)}
          />
        )}
      </Field>
      {props.error && <ErrorState error={props.error} title="You are not signed in" />}
      <div className="form-actions">
        <Button type="submit" look="primary" isBusy={props.isBusy}>
          Sign in
        </Button>
      </div>
    </Form>
  );
}

/** Under the address of the sign-in page, for who is signed in already. */
export function SignedInAlready() {
  return <Redirect to="/" replace />;
}
