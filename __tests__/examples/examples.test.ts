import { execFile } from 'node:child_process';
import { resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');

// The fleet's example takes a Redis of the environment's, where there is one.
const env = { ...process.env, REDIS_URL: '' };

function run(...args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((ended) => {
    execFile(process.execPath, ['scripts/example.mjs', ...args], { cwd: ROOT, env }, (error, stdout, stderr) =>
      ended({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
    );
  });
}

/** What each example must tell: in this order, whatever stands between. */
const TOLD: Readonly<Record<string, readonly string[]>> = {
  quickstart: [
    'replayed: send after error 40102: succeeded',
    'replayed: send after error 40103: succeeded',
    'domain 200 × 1, sentinel 200 × 2, idp 201 × 3, conversation 200 × 2, send 200 × 6, send 401 × 2',
    'Messages delivered: 6 of 6.',
  ],
  connector: [
    'the agent reads: Are you open today?',
    '4915550001 reads: Until six.',
    'The gateway brings the first message again, and LivePerson its reply\nLivePerson revokes the AppJWT',
    'replayed after error 40102: succeeded\n  the agent reads: And on Sunday?',
    '4915550001 reads: The way to us (with a file)',
    'The connector restarts in the middle of the conversation',
    '4915550001 reads: Are you still there?',
    'in the same conversation: true',
    '4915550001 reads: From ten to two.\n  delivered at attempt 2',
    'answered 401',
    '4915550001 reads: How was it, from 1 to 5?',
    'the agent reads: 5',
    'in a new conversation: true',
  ],
  fleet: [
    'The tokens are shared through Keyv.',
    'first: fetched from Sentinel: appJwt',
    'second: reused: ',
    'What the cloud saw: sentinel × 1, idp × 2, send × 4',
  ],
  'existing-codebase': [
    'once the AppJWT is over: AxiosError: Request failed with status code 401',
    'on behalf of sms-1: Hello',
    'on behalf of sms-1: Still there?',
    'on behalf of sms-2: Anybody?',
    'on behalf of sms-2: Good morning',
  ],
  'many-brands': [
    'new appJwt of account 70012345',
    'new appJwt of account 70067890',
    'ERR_UNKNOWN_ACCOUNT: There are no credentials for account 70099999.',
    'send × 3, sentinel × 2',
  ],
  'messaging-rest-api': ['PUT /messaging/v1/consumers/', 'lp-on-behalf: a JWT', 'What it cost: domain, sentinel, idp.'],
  metrics: [
    'A message failed: ERR_CONSUMER_JWS',
    'liveperson.token.duration appJwt 70012345 refused: 1',
    'liveperson.replays 70012345 40102 succeeded: 1',
    'liveperson_token_seconds_count{kind="consumerJws",account="70012345",cause="initial",source="service"} 2',
    'liveperson_token_seconds_count{kind="consumerJws",account="70012345",cause="initial",source="store"} 1',
    'liveperson_replays_total{account="70012345",code="40102",outcome="succeeded"} 1',
    'liveperson_failures_total{stage="idp",account="70012345",code="ERR_CONSUMER_JWS"} 1',
    'liveperson_store_errors_total{account="70012345",operation="get",reason="failed"} 1',
  ],
  nestjs: ['message 0 was sent', 'message 1 was sent, with a new AppJWT', 'delivered: 2 of 2'],
  observability: [
    "name: 'liveperson.send'",
    'The trace of the message that was refused once:',
    'webhook\n    liveperson.send liveperson.error.code=40102 liveperson.outcome=succeeded http.request.resend_count=1',
    'http.response.status_code=401',
    'liveperson.token liveperson.token.kind=appJwt liveperson.token.cause=refused liveperson.outcome=succeeded',
    'POST url.path=/sentinel/',
    'http.response.status_code=200',
    '/conversation/send http.response.status_code=200',
  ],
  testing: ['a message reaches the agent', 'a revoked AppJWT costs no message', 'Tests:       5 passed, 5 total'],
  'with-axios-retry': [
    'answered: 200; retries counted: 0',
    'answered: 503, 503, 200; retries counted: 2',
    'answered: 401, 200; retries counted: 0',
    'answered: 429, 401, 200; retries counted: 1',
  ],
};

it.concurrent.each(Object.entries(TOLD))(
  '%s tells what happened, prints no token and no secret, and ends well',
  async (name, told) => {
    const { code, output } = await run(name);
    const inOrder = told.map((line) => line.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('[^]*');
    expect(output).toMatch(new RegExp(inOrder));
    expect(output).not.toMatch(/eyJ|-secret|secret-of/);
    expect(code).toBe(0);
  },
);

it('a wrong name gives the names that there are, each of which is tested here', async () => {
  const { code, output } = await run('nothing');
  const names = Object.keys(TOLD).sort().join('\n  ');
  expect(output).toMatch(/^There is no example "nothing"\./);
  expect(output).toContain(`There are:\n\n  ${names}\n`);
  expect(code).toBe(2);
});
