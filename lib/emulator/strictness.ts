/** What the emulator refuses with 400. Each rule that is off accepts the request and warns in the request log. */
export interface StrictRules {
  /** `type` of an item is a documented one. */
  type?: boolean;
  /** `event` of a message is there, and its `type` and values are documented ones. */
  event?: boolean;
  /** `id` of an item has 1 to 64 characters. */
  id?: boolean;
  /** `brandId` is the account of the path. */
  brandId?: boolean;
  /** CONVERSATION has the profile item first, and then the conversation item. */
  profile?: boolean;
  /** `dialogId` of a message and `conversationId` of a change are there. */
  dialogId?: boolean;
}

export const STRICT_FIELDS = {
  type: 'flag',
  event: 'flag',
  id: 'flag',
  brandId: 'flag',
  profile: 'flag',
  dialogId: 'flag',
} as const;

export type StrictRule = keyof StrictRules;

/** A doubt about a request. */
export interface Finding {
  /** `always`: refused in any case. `never`: documents are silent, so it is only a warning. */
  readonly rule: StrictRule | 'always' | 'never';
  /** One sentence. */
  readonly sentence: string;
  /** LivePerson's own words, where they are documented. */
  readonly isMissingBrand?: boolean;
}

export interface Judgement {
  readonly refusal: Finding | undefined;
  readonly warnings: readonly string[];
}

export function judge(findings: readonly Finding[], strict: Required<StrictRules>): Judgement {
  const refusal = findings.find(({ rule }) => rule === 'always' || (rule !== 'never' && strict[rule]));
  return { refusal, warnings: findings.map(({ sentence }) => `${sentence} A real server might refuse this.`) };
}

/** A received value in a sentence: short, and on one line. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
