import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** A busy machine does not reach it. */
const PATIENCE_MS = 120_000;

let browser: Browser | undefined;
const contexts: BrowserContext[] = [];

/** A browser profile of its own: its tabs share nothing with others. */
export async function openProfile(options: BrowserContextOptions = {}): Promise<BrowserContext> {
  browser ??= await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    // Chromium's own sandbox does not work for root in a container.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  contexts.push(context);
  return context;
}

/** What went wrong in a page, such as a refusal by the Content-Security-Policy. */
export const troubles: string[] = [];

/** The desk of an emulator in a new tab. */
export async function openDesk(origin: string, profile?: BrowserContext): Promise<Desk> {
  const page = await (profile ?? (await openProfile())).newPage();
  page.on('pageerror', (error) => troubles.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/ERR_CONNECTION|ERR_EMPTY|status of 4/.test(message.text())) {
      troubles.push(message.text());
    }
  });
  page.on('dialog', (dialog) => {
    troubles.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(`${origin}/emulator/desk`);
  return describe(page);
}

/** The desk by its roles and names. */
export type Desk = ReturnType<typeof describe>;

function describe(page: Page) {
  const table = (name: string) => page.getByRole('table', { name });
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  return {
    page,
    conversations: page.getByRole('list', { name: 'Conversations' }).getByRole('button'),
    messages: page.getByRole('log', { name: 'Messages' }),
    reply: page.getByRole('textbox', { name: 'Reply as agent' }),
    requests: table('Requests').getByRole('row'),
    tokens: table('Tokens').getByRole('row'),
    deliveries: table('Deliveries').getByRole('row'),
    faults: page.getByRole('form', { name: 'Inject a fault' }),
    status: page.getByRole('status'),
    button,
    async say(text: string) {
      await page.getByRole('textbox', { name: 'Reply as agent' }).fill(text);
      await button('Send').click();
    },
  };
}

/** Writes a picture of the page, if `npm run test:desk` was asked for it with DESK_PICTURES=1. */
export async function paint({ page }: Desk, file: string): Promise<void> {
  if (process.env.DESK_PICTURES) await page.screenshot({ path: file });
}

/** Waits until a check of a page holds. */
export async function eventually(check: () => Promise<boolean>): Promise<void> {
  const endsAt = Date.now() + PATIENCE_MS;
  while (!(await check())) {
    if (Date.now() > endsAt) throw new Error(`It did not come true: ${check}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function closeProfiles(): Promise<void> {
  await Promise.all(contexts.splice(0).map((context) => context.close()));
}

export async function closeBrowser(): Promise<void> {
  await browser?.close();
  browser = undefined;
}
