import { FILE_TYPES, MAX_FILE_BYTES } from './files.js';
import { isRecord, parseJson } from './reply.js';
import { type Finding, type StrictRule, show } from './strictness.js';
import { EVENT_TYPES } from './wire.js';

type Item = Readonly<Record<string, unknown>>;

export const OPENING_TYPE = 'cm.ConsumerRequestConversation';
export const PROFILE_TYPE = 'userprofile.SetUserProfile';
export const PUBLISH_TYPE = 'ms.PublishEvent';
export const UPDATE_TYPE = 'cm.UpdateConversationField';
export const UPLOAD_TYPE = 'ms.GenerateURLForUploadFile';
export const DOWNLOAD_TYPE = 'ms.GenerateURLForDownloadFile';

const SEND_TYPES = [PUBLISH_TYPE, UPDATE_TYPE, PROFILE_TYPE, UPLOAD_TYPE, DOWNLOAD_TYPE];
const CONVERSATION_TYPES = [PROFILE_TYPE, OPENING_TYPE, PUBLISH_TYPE];

const CHAT_STATES = ['ACTIVE', 'INACTIVE', 'GONE', 'COMPOSING', 'PAUSE'];
const ACCEPT_STATUSES = ['ACCEPT', 'READ', 'ACCESS', 'NACK', 'ACTION'];
const MAX_ID_LENGTH = 64;
/** Not documented, but more would be a mistake. */
const MAX_FIELDS = 100;

const finding = (rule: Finding['rule'], sentence: string): Finding => ({ rule, sentence });

/** What is wrong with the body of a SEND request. */
export function examineSend(item: Item): Finding[] {
  const findings = [...examineEnvelope(item, SEND_TYPES)];
  const body = isRecord(item.body) ? item.body : {};
  if (item.type === PUBLISH_TYPE) {
    findings.push(...examineName('dialogId', body.dialogId), ...examineEvent(body.event));
  }
  if (item.type === UPDATE_TYPE) {
    findings.push(...examineName('conversationId', body.conversationId));
    const fields = body.conversationField;
    if (!isRecord(fields) && !(Array.isArray(fields) && fields.length <= MAX_FIELDS)) {
      findings.push(
        finding('always', `conversationField must be an object, or a list of up to ${MAX_FIELDS} objects.`),
      );
    }
  }
  if (item.type === UPLOAD_TYPE) findings.push(...examineUpload(body));
  if (item.type === DOWNLOAD_TYPE && !isPath(body.relativePath)) {
    findings.push(
      finding('always', `relativePath must be a path, as an upload got it; received ${show(body.relativePath)}.`),
    );
  }
  return findings;
}

/** What is wrong with the items of a CONVERSATION request. */
export function examineConversation(items: readonly Item[], accountId: string): Finding[] {
  const findings = items.flatMap((item): Finding[] => [...examineEnvelope(item, CONVERSATION_TYPES)]);
  const opening = items.find(({ type }) => type === OPENING_TYPE);
  const brandId = isRecord(opening?.body) ? opening.body.brandId : undefined;
  if (opening && !brandId) findings.unshift({ ...finding('always', 'Brand Id is missing'), isMissingBrand: true });
  if (opening && brandId && String(brandId) !== accountId) {
    findings.push(
      finding('brandId', `brandId must be ${show(accountId)}, the account of the path; received ${show(brandId)}.`),
    );
  }
  if (items[0]?.type !== PROFILE_TYPE) findings.push(finding('profile', `The first item must be ${PROFILE_TYPE}.`));
  if (items.filter(({ type }) => type === OPENING_TYPE).length !== 1) {
    findings.push(finding('profile', `One item must be ${OPENING_TYPE}.`));
  }
  for (const { type, body } of items) {
    if (type === PUBLISH_TYPE) findings.push(...examineEvent(isRecord(body) ? body.event : undefined));
  }
  return findings;
}

/** What is wrong with the header `Client-Properties`. Documents are silent, and two public clients send an object as text. */
export function examineClientProperties(header: string | string[] | undefined): Finding[] {
  if (header === undefined || isRecord(parseJson(String(header)))) return [];
  return [finding('never', `Client-Properties must be a JSON object as text; received ${show(header)}.`)];
}

function* examineEnvelope({ type, id, body, metadata }: Item, types: readonly string[]): Generator<Finding> {
  if (!types.includes(type as string)) {
    yield finding('type', `type must be one of ${types.join(', ')}; received ${show(type)}.`);
  }
  const length = typeof id === 'string' || typeof id === 'number' ? String(id).length : 0;
  if (length === 0 || length > MAX_ID_LENGTH) {
    yield finding('id', `id must have 1 to ${MAX_ID_LENGTH} characters; received ${show(id)}.`);
  }
  if (!isRecord(body)) yield finding('always', `body must be an object; received ${show(body)}.`);
  if (metadata !== undefined && !(Array.isArray(metadata) && metadata.every(isRecord))) {
    yield finding('never', `metadata must be a list of objects; received ${show(metadata)}.`);
  }
}

function* examineName(name: string, value: unknown): Generator<Finding> {
  const rule: StrictRule = 'dialogId';
  if (typeof value !== 'string' || value === '')
    yield finding(rule, `${name} must be a text; received ${show(value)}.`);
}

function* examineEvent(event: unknown): Generator<Finding> {
  if (!isRecord(event)) {
    yield finding('event', `event must be an object with a type; received ${show(event)}.`);
    return;
  }
  const { type, chatState, status, sequenceList, contentType, message } = event;
  if (!EVENT_TYPES.includes(type as string)) {
    yield finding('event', `event.type must be one of ${EVENT_TYPES.join(', ')}; received ${show(type)}.`);
  }
  if (type === 'ChatStateEvent' && !CHAT_STATES.includes(chatState as string)) {
    yield finding('event', `event.chatState must be one of ${CHAT_STATES.join(', ')}; received ${show(chatState)}.`);
  }
  if (type === 'AcceptStatusEvent') {
    if (!ACCEPT_STATUSES.includes(status as string)) {
      yield finding('event', `event.status must be one of ${ACCEPT_STATUSES.join(', ')}; received ${show(status)}.`);
    }
    if (!(Array.isArray(sequenceList) && sequenceList.every(Number.isInteger))) {
      yield finding('event', `event.sequenceList must be a list of whole numbers; received ${show(sequenceList)}.`);
    }
  }
  if (type === 'ContentEvent' && (typeof contentType !== 'string' || message === undefined)) {
    yield finding('never', 'A ContentEvent has a contentType and a message.');
  }
}

function* examineUpload({ fileSize, fileType }: Item): Generator<Finding> {
  const size = typeof fileSize === 'string' || typeof fileSize === 'number' ? Number(fileSize) : Number.NaN;
  if (!(size > 0 && size <= MAX_FILE_BYTES)) {
    yield finding('always', `fileSize must be from 1 to ${MAX_FILE_BYTES} bytes; received ${show(fileSize)}.`);
  }
  if (typeof fileType !== 'string' || !Object.hasOwn(FILE_TYPES, fileType.toUpperCase())) {
    yield finding(
      'always',
      `fileType must be one of ${Object.keys(FILE_TYPES).join(', ')}; received ${show(fileType)}.`,
    );
  }
}

const isPath = (value: unknown): boolean =>
  typeof value === 'string' && /^\/[^/]/.test(value) && URL.canParse(value, 'http://swift');
