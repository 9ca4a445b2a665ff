import { setMaxListeners } from 'node:events';
import axios, { Axios, AxiosError } from 'axios';

const MOCKED =
  "Axios is mocked (jest.mock('axios')), and createConnectorAuth needs the real one. Mock your own calls instead, such as " +
  "jest.spyOn(http, 'post'), or use axios-liveperson-auth/emulator.";
const BROWSER =
  'This looks like a browser, as a jsdom test does, and connectors run in Node. Put @jest-environment node at the top of the test.';

// A mock may lack the class that the package's errors extend. This module is the first one that runs.
if (typeof AxiosError !== 'function') throw new Error(MOCKED);

/** @throws Error if a test has replaced Axios, or outside Node, as in jsdom */
export function assertAxios(hasAdapter: boolean): void {
  // Mocked classes construct objects without properties.
  if (!works(() => new AxiosError('', 'c').code === 'c' && !!new Axios({}).interceptors.request))
    throw new Error(MOCKED);
  const hasSend = hasAdapter || works(() => axios.getAdapter('http'));
  // Of the classes that jsdom replaces, the package needs Node's AbortSignal.
  const isNode = works(() => setMaxListeners(0, new AbortController().signal));
  if (!hasSend || !isNode) throw new Error(BROWSER);
}

function works(use: () => unknown): boolean {
  try {
    return use() !== false;
  } catch {
    return false;
  }
}
