import { type AgentDesk, createAgentDesk } from './agent-desk.js';
import { type ChangeFeed, createChangeFeed } from './changes.js';
import { type Chaos, createChaos } from './chaos.js';
import { createClock, type EmulatorClock } from './clock.js';
import { type ConversationBook, createConversationBook } from './conversations.js';
import { answerDomainApi } from './domain-api.js';
import { createFaults, type FaultEffect, type Faults } from './faults.js';
import { createFileStore, type FileStore } from './files.js';
import { answerIdp } from './idp.js';
import { createLimits, type Limits } from './limits.js';
import type { ResolvedOptions } from './options.js';
import { type Incoming, notFound, type Reply } from './reply.js';
import type { ServiceName } from './request-log.js';
import { createSendApi, type SendApi } from './send-api.js';
import { answerSentinel } from './sentinel.js';
import { plantSeeds } from './state.js';
import { createTokenBook, type TokenBook } from './tokens.js';
import { createTranscript, type Transcript } from './transcript.js';
import { createWebhook, type Webhook } from './webhook.js';

/** LivePerson's services and what tests do to them, without a port. */
export interface Services {
  readonly clock: EmulatorClock;
  readonly changes: ChangeFeed;
  readonly tokens: TokenBook;
  readonly conversations: ConversationBook;
  readonly transcript: Transcript;
  readonly files: FileStore;
  readonly webhook: Webhook;
  readonly desk: AgentDesk;
  readonly sendApi: SendApi;
  readonly faults: Faults;
  readonly limits: Limits;
  readonly chaos: Chaos;
  answer(service: ServiceName, incoming: Incoming): Reply | Promise<Reply>;
  /** The fault of the next answer: one that waits, a limit that is exceeded, or one at random. */
  nextFault(service: ServiceName): FaultEffect | undefined;
}

/** @throws TypeError for a seed that is wrong */
export function createServices(options: ResolvedOptions): Services {
  const clock = createClock();
  const changes = createChangeFeed();
  const tokens = createTokenBook(clock, changes);
  const conversations = createConversationBook(clock, changes);
  const transcript = createTranscript(changes);
  const files = createFileStore(clock);
  const webhook = createWebhook(options, clock, changes);
  const desk = createAgentDesk(options, conversations, transcript, webhook, clock, changes);
  const sendApi = createSendApi(options, tokens, conversations, files, desk.listener);
  const faults = createFaults();
  const limits = createLimits(clock);
  const chaos = createChaos();
  plantSeeds(conversations, options.accounts, options);

  const services: Readonly<Record<ServiceName, (incoming: Incoming) => Reply | Promise<Reply>>> = {
    domain: (incoming) => answerDomainApi(incoming, options),
    sentinel: (incoming) => answerSentinel(incoming, options, tokens),
    idp: (incoming) => answerIdp(incoming, options, tokens, conversations),
    conversation: sendApi.answer,
    send: sendApi.answer,
    swift: files.answer,
    unknown: () => notFound,
  };

  return {
    clock,
    changes,
    tokens,
    conversations,
    transcript,
    files,
    webhook,
    desk,
    sendApi,
    faults,
    limits,
    chaos,
    answer: (service, incoming) => services[service](incoming),
    nextFault(service) {
      // Each counts every request, whichever of them has the fault.
      const [waiting, refused, random] = [faults.take(service), limits.take(service), chaos.take(service)];
      return waiting ?? refused ?? random;
    },
  };
}
