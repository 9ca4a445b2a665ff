// The connector as a process of its own: npx tsx examples/connector/server.ts
import { createConnector } from './connector.js';

const { LP_ACCOUNT_ID, LP_CLIENT_ID, LP_CLIENT_SECRET, LP_DOMAIN_API, CHANNEL_URL, PORT = '3000' } = process.env;
if (!LP_ACCOUNT_ID || !LP_CLIENT_ID || !LP_CLIENT_SECRET || !CHANNEL_URL) {
  console.error('Set LP_ACCOUNT_ID, LP_CLIENT_ID, LP_CLIENT_SECRET and CHANNEL_URL; LP_DOMAIN_API for the emulator.');
  process.exit(2);
}

const { app } = createConnector({
  accountId: LP_ACCOUNT_ID,
  clientId: LP_CLIENT_ID,
  clientSecret: LP_CLIENT_SECRET,
  domainApi: LP_DOMAIN_API,
  channelUrl: CHANNEL_URL,
  logger: console,
});
app.listen(Number(PORT), (error) => {
  if (error) {
    console.error(`Port ${PORT} cannot be used (${error.message}): set PORT to another one.`);
    process.exit(1);
  }
  console.log(`Messages from the channel go to http://127.0.0.1:${PORT}/channel, LivePerson's to /liveperson.`);
});
