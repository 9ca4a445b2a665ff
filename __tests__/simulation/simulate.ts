import { createChecks } from './checks/index.js';
import { createCloud } from './cloud.js';
import type { Happening, History, Message } from './history.js';
import { createNetwork } from './network.js';
import { type ProcessParts, SimulatedProcess } from './process.js';
import { createRandom } from './random.js';
import { planScenario, type Scenario, type Step } from './scenario.js';
import { createScheduler } from './scheduler.js';
import { createSharedStore } from './store.js';
import { describeScenario, printed } from './trace.js';

export interface Run {
  readonly seed: number;
  /** The broken guarantee; `undefined` if the run passed. */
  readonly violation: string | undefined;
  /** What happened, line by line. Empty unless it was asked for. */
  readonly trace: readonly string[];
}

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
/** Longer than every cool-down, so that a probe after it is not answered from memory. */
const RECOVERY_MS = 200 * SECOND;

/** Simulates what a seed decides. The process must be virtual: see `virtualiseProcess`. */
export async function simulate(seed: number, wantsTrace = false): Promise<Run> {
  const random = createRandom(seed);
  const scenario = planScenario(random.fork('scenario'));
  const scheduler = createScheduler(random.fork('scheduler'));
  const start = scheduler.now;
  const cloud = createCloud(scheduler, scenario);
  const checks = createChecks(scenario, cloud);
  const trace: string[] = wantsTrace ? describeScenario(seed, scenario) : [];
  let violation: string | undefined;
  const note = (line: string) =>
    void (wantsTrace && trace.push(`${((scheduler.now - start) / SECOND).toFixed(3)}  ${line}`));
  const history: History = {
    record(happening: Happening) {
      if (violation !== undefined) return;
      if (wantsTrace) note(printed(happening));
      for (const check of checks) {
        const wrong = check.see(happening, scheduler.now);
        if (wrong !== undefined) return history.fail(wrong);
      }
    },
    fail(wrong) {
      if (violation !== undefined) return;
      violation = wrong;
      note(`BROKEN: ${wrong}`);
    },
  };

  const messages: Message[] = [];
  const network = createNetwork({
    scheduler,
    cloud,
    history,
    random: random.fork('network'),
    latenciesMs: scenario.latenciesMs,
    messageOf: (number) => messages[number],
  });
  const store =
    scenario.store === 'none'
      ? undefined
      : createSharedStore({
          scheduler,
          history,
          random: random.fork('store'),
          canLock: scenario.store === 'with lock',
          tellsTtl: scenario.storeTellsTtl,
        });
  const user = random.fork('user');
  let credentialFaults = 0;

  function credentials(accountId: string, process: SimulatedProcess): Promise<unknown> {
    const given = { clientId: `app-${accountId}`, clientSecret: cloud.secretOf(accountId) };
    const fault = user.chance(credentialFaults) ? user.pick(['rejects', 'hangs'] as const) : undefined;
    return new Promise((resolve, reject) => {
      if (fault === 'hangs') return;
      scheduler.after(user.pick([0, 2, 30]), process, () =>
        fault ? reject(new Error('simulated: no credentials now')) : resolve(given),
      );
    });
  }

  const [onlyAccount = ''] = scenario.accountIds;
  const parts: ProcessParts = {
    scheduler,
    history,
    network,
    store,
    skewMs: 0,
    options: (process) => ({
      ...scenario.options,
      ...(scenario.looksCredentialsUp
        ? { credentials: (accountId: string) => credentials(accountId, process) }
        : { accountId: onlyAccount, clientId: `app-${onlyAccount}`, clientSecret: cloud.secretOf(onlyAccount) }),
    }),
  };
  const processes: SimulatedProcess[] = [];
  const everyProcess: SimulatedProcess[] = [];
  const hazards = scenario.hazards;

  function startProcess(place: number): void {
    const skewMs = hazards.has('wrong clocks') ? user.pick([-5 * HOUR, -90 * SECOND, 90 * SECOND, 5 * HOUR]) : 0;
    const process = new SimulatedProcess(`p${place + 1}`, { ...parts, skewMs });
    processes[place] = process;
    everyProcess.push(process);
    history.record({ type: 'process', process, what: 'starts' });
  }

  function send(process: SimulatedProcess, accountId: string, consumerId: string, isProbe: boolean): Message {
    const timeoutMs =
      !isProbe && hazards.has('timeouts') && user.chance(0.3) ? user.pick([50, 2 * SECOND, 12 * SECOND]) : 0;
    const abortAfterMs =
      !isProbe && hazards.has('aborts') && user.chance(0.3) ? user.pick([0, 1, 5, 100, 3 * SECOND]) : undefined;
    const number = messages.length;
    const message: Message = {
      number,
      process,
      accountId,
      consumerId,
      isProbe,
      timeoutMs,
      isAborted: false,
      outcome: undefined,
    };
    messages.push(message);
    process.send(message, abortAfterMs);
    return message;
  }

  function perform(step: Step): void {
    const process = 'process' in step ? processes[step.process] : undefined;
    const accountId = 'account' in step ? (scenario.accountIds[step.account] as string) : '';
    if (step.do === 'send' && process?.state !== 'crashed')
      send(process as SimulatedProcess, accountId, consumerOf(step.consumer), false);
    if (step.do === 'weather') network.setWeather(step.service, step.weather);
    if (step.do === 'limit') network.setLimit(step.service, step.limit);
    if (step.do === 'revoke') for (const kind of step.kinds) cloud.revoke(kind, accountId);
    if (step.do === 'rotate') cloud.rotateSecret(accountId);
    if (!process?.isUp) return;
    if (step.do === 'step clock') process.stepClock(step.ms);
    if (step.do === 'freeze') process.freeze(step.ms);
    if (step.do === 'invalidate') process.invalidate(accountId);
    if (step.do === 'crash' || step.do === 'close') {
      if (step.do === 'crash') process.crash();
      else process.close();
      scheduler.after(step.restartAfterMs, undefined, () => startProcess(step.process));
    }
  }

  /** Runs a step as the work of the process that it is about. */
  function performAt({ atMs, step }: Scenario['plan'][number]): void {
    scheduler.after(atMs, undefined, () => {
      const process = 'process' in step ? processes[step.process] : undefined;
      if (step.do === 'send' || step.do === 'invalidate' || step.do === 'close')
        scheduler.after(0, process, () => perform(step));
      else perform(step);
      if (!('process' in step)) history.record({ type: 'scenario', what: JSON.stringify(step) });
    });
  }

  function endFaults(): void {
    for (const service of ['domain', 'sentinel', 'idp', 'send'] as const) {
      network.setWeather(service, 'fine');
      network.setLimit(service, undefined);
    }
    network.setLoss(0);
    network.setStragglers(0);
    store?.setFaults(0);
    credentialFaults = 0;
    history.record({ type: 'scenario', what: 'all faults are over' });
  }

  const isBroken = () => violation !== undefined;
  const isOpen = (message: Message) => !message.outcome && message.process.state !== 'crashed';
  const runFor = (ms: number) => scheduler.run(isBroken, scheduler.now + ms);
  const haveEnded = () => isBroken() || !messages.some(isOpen);

  async function act(): Promise<void> {
    scenario.plan.forEach(performAt);
    await runFor(Math.max(scenario.horizonMs, ...scenario.plan.map(({ atMs }) => atMs)) + 3 * SECOND);
    endFaults();
    await scheduler.run(haveEnded, scheduler.now + HOUR);
    const left = messages.find(isOpen);
    if (left) history.fail(`message ${left.number} has not ended an hour after the last fault`);
  }

  /** Every consumer of every process gets a message through when all faults are over. */
  async function probe(): Promise<void> {
    await runFor(RECOVERY_MS);
    for (const process of processes) {
      if (!process.isUp) continue;
      scheduler.after(0, process, () => {
        for (const accountId of scenario.accountIds)
          for (let consumer = 0; consumer < scenario.consumersPerAccount; consumer++)
            send(process, accountId, consumerOf(consumer), true);
      });
    }
    await runFor(RECOVERY_MS);
    const left = messages.find(isOpen);
    if (left) history.fail(`message ${left.number} has not ended after ${RECOVERY_MS} ms without a fault`);
  }

  async function close(): Promise<void> {
    for (const process of processes) {
      const timers = scheduler.timersOf(process);
      if (timers > 0) history.fail(`${process.name} does nothing and has ${timers} timers`);
      scheduler.after(0, process, () => process.close());
    }
    await runFor(60 * SECOND);
    for (const process of everyProcess) {
      if (process.state === 'crashed') continue;
      const { name } = process;
      if (process.state !== 'closed') history.fail(`close() of ${name} has not resolved after a minute`);
      const [timers, calls] = [scheduler.timersOf(process), network.openCalls(process).length];
      if (timers + calls > 0) history.fail(`${name} is closed and has ${timers} timers and ${calls} open calls`);
    }
    for (const check of checks) {
      const wrong = check.end?.(messages);
      if (wrong !== undefined) history.fail(wrong);
    }
  }

  if (hazards.has('lost calls')) network.setLoss(0.05);
  if (hazards.has('stragglers')) network.setStragglers(0.2);
  if (hazards.has('store faults')) store?.setFaults(0.1);
  if (hazards.has('credential faults')) credentialFaults = 0.3;
  const onUnhandled = (error: unknown) => history.fail(`an unhandled rejection: ${error}`);
  process.on('unhandledRejection', onUnhandled);
  try {
    for (let place = 0; place < scenario.processes; place++) startProcess(place);
    for (const phase of [act, probe, close]) if (!isBroken()) await phase();
  } catch (error) {
    history.fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    process.off('unhandledRejection', onUnhandled);
  }
  return { seed, violation, trace };
}

const consumerOf = (number: number): string => `c${number + 1}`;
