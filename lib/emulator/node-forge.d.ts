// The parts of node-forge that the certificate needs. The whole library would be twice as long.
declare module 'node-forge/lib/forge.js' {
  import forge from 'node-forge';
  export default forge;
}
declare module 'node-forge/lib/pki.js' {
  import { pki } from 'node-forge';
  export default pki;
}
