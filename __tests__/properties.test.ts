import fc from 'fast-check';
import { getSendApiError } from '../lib/index.js';
import { refusedToken } from '../lib/request/answer.js';
import { readErrorBodies } from '../lib/send-api-error.js';
import {
  appJwtLifetimeMs,
  consumerJwsLifetimeMs,
  findWrongClaim,
  issuedToken,
  phaseOf,
  readClaims,
} from '../lib/tokens/token.js';
import { effort } from './support/effort.js';

/** The pure rooms, on whatever may come in. */
const envelope = fc.record({
  kind: fc.constantFrom('resp', 'req', undefined),
  body: fc.oneof(
    fc.record({
      errorCode: fc.oneof(fc.constantFrom(40102, 40103, '40102', '40103', 40001, 4e4, 40102.5), fc.anything()),
    }),
    fc.anything(),
  ),
});
const answer = fc.oneof(envelope, fc.array(envelope, { maxLength: 3 }), fc.anything());
/** The forms in which an answer's body may be at hand. */
const form = fc.constantFrom<(value: unknown) => unknown>(
  (value) => value,
  (value) => JSON.stringify(value),
  (value) => Buffer.from(JSON.stringify(value) ?? ''),
  (value) => new Uint8Array(Buffer.from(JSON.stringify(value) ?? '')).buffer,
);

describe('an answer, whatever it is,', () => {
  it('refuses a token only by 40102 or 40103, and only where nothing else is in it', () => {
    const seen = { refused: 0, other: 0 };
    fc.assert(
      fc.property(answer, form, (value, toForm) => {
        let data: unknown;
        try {
          data = toForm(value);
        } catch {
          return; // Not everything has a JSON form.
        }
        const refused = refusedToken(readErrorBodies(data));
        seen[refused ? 'refused' : 'other'] += 1;
        if (!refused) return;
        for (const item of [value].flat()) {
          const { kind, body } = item as { kind?: unknown; body: { errorCode: unknown } };
          expect([undefined, 'resp']).toContain(kind);
          expect(['40102', '40103']).toContain(String(body.errorCode));
        }
      }),
      { numRuns: 20_000 },
    );
    expect(Math.min(seen.refused, seen.other)).toBeGreaterThan(200);
  });

  it('of random bytes or text is read without a throw, and is no refusal', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.string({ unit: 'binary' }), fc.json()), (data) => {
        expect(refusedToken(readErrorBodies(data))).toBeUndefined();
      }),
      { numRuns: effort(5_000) },
    );
  });

  it('or error, or anything else, is understood or not, but never a throw', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.anything(), fc.record({ response: fc.record({ status: fc.anything(), data: answer }) })),
        (error) => {
          const read = getSendApiError(error);
          if (read)
            expect([typeof read.errorCode, typeof read.title, read.replayed]).toEqual(['number', 'string', false]);
        },
      ),
      { numRuns: effort(10_000) },
    );
  });
});

/** As JSON has them. */
const number = fc.oneof(fc.integer(), fc.double({ noNaN: true }), fc.integer({ min: 0, max: 100_000 }));
const claims = fc.record(
  { exp: fc.oneof(number, fc.jsonValue()), iat: fc.oneof(number, fc.jsonValue()) },
  { requiredKeys: [] },
);

describe('a token, whatever it claims,', () => {
  it('is a JWT with claims, or nothing: no text and no value makes the reader throw', () => {
    const part = fc.oneof(
      fc.base64String(),
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
      fc.string(),
    );
    const token = fc.oneof(
      fc.anything(),
      fc.tuple(part, part, part).map((parts) => parts.join('.')),
    );
    fc.assert(
      fc.property(token, (value) => {
        const read = readClaims(value);
        if (read === undefined) return;
        expect(typeof read).toBe('object');
        // Nothing else may get into a header.
        expect(value).toMatch(/^[\w.-]+$/);
      }),
      { numRuns: effort(10_000) },
    );
  });

  it('has a life that is a number, and is never over before it began', () => {
    fc.assert(
      fc.property(claims, fc.oneof(number, fc.jsonValue()), number, (said, expiresIn, now) => {
        expect(appJwtLifetimeMs(said, expiresIn)).toBeGreaterThan(0);
        const lifetimeMs = consumerJwsLifetimeMs(said, Number.isFinite(now) ? now : 0);
        if (lifetimeMs !== undefined) expect(lifetimeMs).toBeGreaterThan(0);
      }),
      { numRuns: effort(10_000) },
    );
  });

  it('is of the account that was asked for, or claims nothing of it', () => {
    const claim = fc.oneof(fc.constantFrom('70012345', 70012345, ['70012345'], ['x', '70012345'], ''), fc.jsonValue());
    fc.assert(
      fc.property(claim, (aud) => {
        const isOurs = [aud].flat().some((one) => one === '70012345') || aud === 70012345;
        expect(findWrongClaim({ aud }, { aud: '70012345' })).toBe(isOurs ? undefined : 'aud');
      }),
      { numRuns: effort(10_000) },
    );
  });

  it('is neither stale nor expired on arrival, and expired at its end: no windows make a loop of renewals', () => {
    const ms = fc.oneof(fc.integer({ min: 1, max: 10_000_000 }), fc.integer({ min: 1, max: 1_000 }));
    const window = fc.oneof(fc.constant(0), ms);
    fc.assert(
      fc.property(ms, window, window, fc.nat(), (lifetimeMs, refreshAheadMs, expiryMarginMs, receivedAt) => {
        const token = issuedToken('', receivedAt, lifetimeMs);
        const windows = { refreshAheadMs, expiryMarginMs };
        expect(phaseOf(token, receivedAt, windows)).toBe('fresh');
        expect(phaseOf(token, receivedAt + lifetimeMs, windows)).toBe('expired');
      }),
      { numRuns: effort(20_000) },
    );
  });
});
