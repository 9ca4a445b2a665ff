import type { RequestDetails } from '../lib/emulator/desk/rows.js';

/** What the emulator answered to a button: it is done, or a sentence says why not. */
export type Outcome =
  | { readonly isDone: true; readonly answer: Record<string, unknown> }
  | { readonly isDone: false; readonly why: string };

/** Calls the control API, or the desk's own part of it. */
export async function post(path: string, body: object): Promise<Outcome> {
  try {
    const response = await fetch(`/emulator/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as Record<string, unknown>;
    return response.ok ? { isDone: true, answer } : { isDone: false, why: String(answer.error) };
  } catch {
    return {
      isDone: false,
      why: 'This was not done, because the emulator cannot be reached. Try again when it is back.',
    };
  }
}

/** @throws Error with a sentence for the reader */
export async function getRequest(epoch: string, id: number): Promise<RequestDetails> {
  const response = await fetch(`/emulator/desk/request?${new URLSearchParams({ epoch, id: String(id) })}`);
  const answer = await response.json();
  if (!response.ok) throw new Error(String(answer.error));
  return answer as RequestDetails;
}
