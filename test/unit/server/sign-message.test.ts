import { describe, expect, it } from 'vitest';
import { newSigningSecret, signMessage } from '../../../src/jobs/webhooks/sign-message.js';

describe('the signature of a message', () => {
  it('is the one of the specification’s own example', () => {
    const headers = signMessage('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', {
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      atSeconds: 1_614_265_330,
      body: '{"test": 2432232314}',
    });
    expect(headers).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('has whole seconds', () => {
    const { 'webhook-timestamp': timestamp } = signMessage(newSigningSecret(), {
      ...{ id: 'msg_1', atSeconds: 1_614_265_330.987, body: '{}' },
    });
    expect(timestamp).toBe('1614265330');
  });

  it('has a key of 256 bits, never the same', () => {
    const [one, other] = [newSigningSecret(), newSigningSecret()];
    expect(one).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(one).not.toBe(other);
  });
});
