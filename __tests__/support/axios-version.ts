import axios from 'axios';

/** Whether the Axios under test is this one of the 1.x or a newer one: the matrix runs the flow tests on several. */
export function isAxiosAtLeast(minor: number, patch = 0): boolean {
  const [, itsMinor = 0, itsPatch = 0] = axios.VERSION.split('.').map(Number);
  return itsMinor > minor || (itsMinor === minor && itsPatch >= patch);
}
