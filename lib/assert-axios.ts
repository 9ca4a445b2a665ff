import axios, { Axios, AxiosError } from 'axios';

const MOCKED =
  "Axios is mocked (jest.mock('axios')), and createConnectorAuth needs the real one. Mock your own calls instead, such as " +
  "jest.spyOn(http, 'post'), or use axios-liveperson-auth/emulator.";
const BROWSER =
  'This is the browser build of Axios, as in a jsdom test, and connectors run in Node. Put @jest-environment node at the top of the ' +
  'test, or give the option axiosConfig.adapter.';

// A mock may lack the class that the package's errors extend. This module is the first one that runs.
if (typeof AxiosError !== 'function') throw new Error(MOCKED);

/** @throws Error if a test has replaced Axios, or if it is Axios's browser build and no adapter is given */
export function assertAxios(hasAdapter: boolean): void {
  // Mocked classes construct objects without properties.
  if (!works(() => new AxiosError('', 'c').code === 'c' && !!new Axios({}).interceptors.request))
    throw new Error(MOCKED);
  if (!hasAdapter && !works(() => axios.getAdapter('http'))) throw new Error(BROWSER);
}

function works(use: () => unknown): boolean {
  try {
    return use() !== false;
  } catch {
    return false;
  }
}
