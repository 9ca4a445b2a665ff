import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * The part of `npm sbom` that users get: the runtime dependencies and the bundled packages. It has no serial number and no
 * time, so that two builds are equal.
 */
export function createBillOfMaterials(bundled) {
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'];
  const bill = JSON.parse(execFileSync('npm', args, { encoding: 'utf8', maxBuffer: 2 ** 26 }));
  const shipped = new Set([...runtimeDependencies(), ...bundled.map(({ name, version }) => `${name}@${version}`)]);
  const root = bill.metadata.component['bom-ref'];
  // npm takes the name from the folder.
  const { name } = JSON.parse(readFileSync('package.json', 'utf8'));
  const result = {
    ...bill,
    serialNumber: undefined,
    metadata: { ...bill.metadata, timestamp: undefined, component: { ...bill.metadata.component, name } },
    components: bill.components.filter((component) => shipped.has(component['bom-ref'])),
    dependencies: bill.dependencies
      .filter(({ ref }) => ref === root || shipped.has(ref))
      .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((other) => shipped.has(other)) })),
  };
  return `${JSON.stringify(result, undefined, 2)}\n`;
}

/** As `name@version`. `npm sbom --omit dev` forgets lru-cache, because a development dependency has another version of it. */
function runtimeDependencies() {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
  return Object.entries(packages)
    .filter(([path, { dev, peer }]) => path !== '' && !dev && !peer)
    .map(([path, { name, version }]) => `${name ?? path.replace(/^.*node_modules\//, '')}@${version}`);
}
