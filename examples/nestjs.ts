// Installed into the Axios instance of NestJS's HttpModule: npm run example nestjs
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { HttpModule, HttpService } from '@nestjs/axios';
import { Inject, Injectable, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type ConnectorAuth, createConnectorAuth } from 'axios-liveperson-auth';
import { startEmulator } from 'axios-liveperson-auth/emulator';
import { firstValueFrom } from 'rxjs';

const account = { accountId: '70012345', clientId: 'nest-app', clientSecret: 'nest-secret' };
const cloud = await startEmulator({ accounts: [account] });

const CONNECTOR_AUTH = Symbol('ConnectorAuth');

// @Inject() may be left out where the compiler writes decorator metadata (emitDecoratorMetadata); the one of this example does not.
@Injectable()
class LivePersonService {
  constructor(@Inject(HttpService) private readonly http: HttpService) {}

  async send(consumer: string, dialogId: string, message: string): Promise<number> {
    const event = { type: 'ContentEvent', contentType: 'text/plain', message };
    const item = { kind: 'req', id: '1', type: 'ms.PublishEvent', body: { dialogId, event } };
    const url = `/api/account/${account.accountId}/messaging/consumer/conversation/send?v=3`;
    const { data } = await firstValueFrom(this.http.post(url, item, { onBehalfOf: consumer }));
    return data.body.sequence;
  }
}

@Module({
  imports: [HttpModule],
  providers: [
    LivePersonService,
    { provide: CONNECTOR_AUTH, useFactory: () => createConnectorAuth({ ...account, domainApi: cloud.origin }) },
  ],
})
class LivePersonModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    @Inject(HttpService) private readonly http: HttpService,
    @Inject(CONNECTOR_AUTH) private readonly auth: ConnectorAuth,
  ) {}

  onModuleInit(): void {
    this.auth.install(this.http.axiosRef);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.auth.close();
  }
}

const app = await NestFactory.createApplicationContext(LivePersonModule, { logger: ['error'] });
const livePerson = app.get(LivePersonService);
console.log(`message ${await livePerson.send('sms-4915550001', 'd', 'Hello')} was sent`);
cloud.revokeAppJwts();
console.log(
  `message ${await livePerson.send('sms-4915550001', 'd', 'Are you open today?')} was sent, with a new AppJWT`,
);
await app.close();
console.log(`delivered: ${cloud.messages.length} of 2`);
assert.equal(cloud.messages.length, 2);
await cloud.close();
