// Measures one thing in a fresh process: child.ts <task> <argument> …; the last line of its output is the result as JSON.

const [task = '', argument = '', effort = ''] = process.argv.slice(2);

async function createConnector() {
  const { startCloud } = await import('./cloud-process.js');
  const { SUBJECTS, noopAdapter } = await import('./subjects.js');
  const cloud = await startCloud();
  const defaults = { baseURL: cloud.origin, adapter: noopAdapter, proxy: false as const };
  return { SUBJECTS, cloud, setting: { origin: cloud.origin, defaults } };
}

/** The bytes that one request allocates. The young generation must be large enough for a batch. */
async function allocationOf(name: string): Promise<number> {
  const { SUBJECTS, cloud, setting } = await createConnector();
  const connector = await SUBJECTS[name as keyof typeof SUBJECTS](setting);
  const batches: number[] = [];
  for (let batch = 0; batch < 60; batch += 1) {
    const before = process.memoryUsage().heapUsed;
    for (let count = 0; count < 500; count += 1) await connector.send('sms-4915550001');
    const bytes = process.memoryUsage().heapUsed - before;
    // A collection in the middle of a batch makes its figure useless.
    if (bytes > 0) batches.push(bytes / 500);
  }
  await connector.close();
  cloud.close();
  return batches.sort((a, b) => a - b)[batches.length >> 1] ?? Number.NaN;
}

const heap = (): number => {
  for (let times = 0; times < 4; times += 1) globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};

async function startOurs(): Promise<(from: number, to: number) => Promise<void>> {
  const { SUBJECTS, setting } = await createConnector();
  const { send } = await SUBJECTS['axios-liveperson-auth'](setting);
  return async (from, to) => {
    let next = from;
    const worker = async () => {
      while (next < to) await send(`sms-49155${next++}`);
    };
    await Promise.all(Array.from({ length: 16 }, worker));
  };
}

async function heapOfCached(count: number): Promise<number> {
  const sendTo = await startOurs();
  await sendTo(-100, 0);
  const before = heap();
  await sendTo(0, count);
  return heap() - before;
}

const CAP = 10_000;

/** The bytes that each consumer past the cap leaves on the heap, and the cost of the last consumers against the first. */
async function pastCap(count: number): Promise<number[]> {
  const sendTo = await startOurs();
  const slice = Math.min(2 * CAP, count / 10);
  await sendTo(-2 * slice, 0);
  const before = heap();
  const times: number[] = [];
  for (let from = 0; from < count; from += slice) {
    const startedAt = process.cpuUsage();
    await sendTo(from, from + slice);
    const { user, system } = process.cpuUsage(startedAt);
    times.push(user + system);
  }
  const left = Math.max(0, heap() - before) / count;
  const middle = (some: number[]) => some.sort((a, b) => a - b)[some.length >> 1] ?? 1;
  const tenth = Math.ceil(times.length / 10);
  return [left, middle(times.slice(-tenth)) / middle(times.slice(0, tenth))];
}

async function samplesOf(name: string): Promise<object> {
  const { SAMPLERS } = await import('./measures.js');
  const sample = SAMPLERS[name];
  if (!sample) throw new Error(`There are no samples of ${name}.`);
  return sample(JSON.parse(effort));
}

const TASKS: Readonly<Record<string, () => Promise<object | number>>> = {
  allocation: () => allocationOf(argument),
  cached: () => heapOfCached(Number(argument)),
  samples: () => samplesOf(argument),
  distinct: () => pastCap(Number(argument)),
};

const run = TASKS[task];
if (!run) throw new Error(`There is no task ${task}; there are ${Object.keys(TASKS).join(', ')}.`);
console.log(JSON.stringify(await run()));
process.exit();
