import {
  type Attributes,
  type Context,
  context,
  createContextKey,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import {
  detailsOf,
  REQUEST_CHANNEL,
  type RequestTraceMessage,
  TOKEN_CHANNEL,
  type TokenTraceMessage,
  type TraceDetails,
} from '../diagnostics.js';
import { accountOf, SCOPE, subscribeTo } from './subscribe.js';

export interface SpanOptions {
  readonly tracerProvider: TracerProvider | undefined;
  readonly accounts: boolean;
}

/** The package's own span that is active: that of a message or of a token. */
interface OwnSpan {
  readonly kind: 'message' | 'token';
  readonly span: Span;
}

const OWN_SPAN = createContextKey('axios-liveperson-auth span');

const ownSpanIn = (active: Context): OwnSpan | undefined => active.getValue(OWN_SPAN) as OwnSpan | undefined;

/** Records spans for messages and token fetches. @returns a function that ends it */
export function recordSpans({ tracerProvider, accounts }: SpanOptions): () => void {
  const tracer = (tracerProvider ?? trace).getTracer(SCOPE);
  const spans = new WeakMap<object, Span>();

  /** Makes a span active for the work of a message, so that the spans of HTTP instrumentations are its children. */
  function activate(message: object, details: TraceDetails, own: OwnSpan): void {
    spans.set(message, own.span);
    const inside = trace.setSpan(context.active(), own.span).setValue(OWN_SPAN, own);
    details.run = (work) => context.with(inside, work);
  }

  const endMessages = subscribeTo<RequestTraceMessage>(REQUEST_CHANNEL, {
    start(message) {
      const details = detailsOf(message);
      if (!details) return;
      const attributes = accountOf(accounts, message.accountId);
      const span = tracer.startSpan(`liveperson.${message.endpoint}`, { kind: SpanKind.INTERNAL, attributes });
      activate(message, details, { kind: 'message', span });
    },
    asyncEnd(message) {
      const { outcome, errorCode, replays, waitedMs } = message;
      endSpan(spans.get(message), message, outcome !== 'succeeded' && typeOfMessageError(message), {
        ...(errorCode !== undefined && { 'liveperson.error.code': errorCode }),
        ...(replays > 0 && { 'http.request.resend_count': replays }),
        'liveperson.waited_ms': waitedMs,
      });
    },
  });

  const endTokens = subscribeTo<TokenTraceMessage>(TOKEN_CHANNEL, {
    start(message) {
      const details = detailsOf(message);
      if (!details) return;
      const { kind, cause, accountId } = message;
      const active = context.active();
      const caller = ownSpanIn(active);
      // A renewal in the background belongs to no request. An AppJWT that is fetched for it belongs to it.
      const isRoot = details.isBackground && caller?.kind !== 'token';
      const trigger = isRoot ? trace.getSpanContext(active) : undefined;
      const span = tracer.startSpan('liveperson.token', {
        kind: SpanKind.INTERNAL,
        root: isRoot,
        links: trigger ? [{ context: trigger }] : [],
        attributes: {
          'liveperson.token.kind': kind,
          'liveperson.token.cause': cause,
          ...accountOf(accounts, accountId),
        },
      });
      activate(message, details, { kind: 'token', span });
      details.onJoin = () => {
        const joining = ownSpanIn(context.active())?.span;
        if (joining !== caller?.span || isRoot) joining?.addLink?.({ context: span.spanContext() });
      };
    },
    asyncEnd(message) {
      const { source, attempts, outcome, error } = message;
      const hasFailed = outcome !== 'succeeded' && error?.code !== 'ERR_CANCELED';
      endSpan(spans.get(message), message, hasFailed && typeOf(message), {
        'liveperson.token.source': source,
        ...(attempts > 1 && { 'http.request.resend_count': attempts - 1 }),
      });
    },
  });

  return () => {
    endMessages();
    endTokens();
  };
}

/** @param errorType the value of `error.type`, or false */
function endSpan(
  span: Span | undefined,
  message: RequestTraceMessage | TokenTraceMessage,
  errorType: string | false,
  attributes: Attributes,
): void {
  if (!span) return;
  span.setAttributes({ 'liveperson.outcome': message.outcome, ...attributes, ...addressOf(detailsOf(message)?.host) });
  if (errorType !== false) {
    span.setAttribute('error.type', errorType);
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}

/** The code of the Send API says more than Axios's code, unless no token could be had. */
function typeOfMessageError(message: RequestTraceMessage): string {
  const { outcome, errorCode } = message;
  return errorCode !== undefined && outcome !== 'no-token' ? String(errorCode) : typeOf(message);
}

const typeOf = ({ error }: RequestTraceMessage | TokenTraceMessage): string => error?.code ?? error?.name ?? '_OTHER';

function addressOf(host: string | undefined): Attributes {
  if (host === undefined || !URL.canParse(`http://${host}`)) return {};
  const { hostname, port } = new URL(`http://${host}`);
  return {
    'server.address': hostname.replace(/^\[|\]$/g, ''),
    ...(port !== '' && { 'server.port': Number(port) }),
  };
}
