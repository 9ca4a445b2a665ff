const SLOTS = 16_384;

/** A cluster of either client: `slots` has an entry for each of the 16,384 hash slots. */
interface ClusterLike {
  readonly slots: readonly unknown[];
  readonly options?: { readonly keyPrefix?: unknown };
}

/** Returns a function that names the shard of a key. `undefined` if the client is not a cluster. */
export function createShardFinder(client: object): ((key: string) => string) | undefined {
  if (!isCluster(client)) return undefined;
  return (key) => {
    const slot = slotOf(`${client.options?.keyPrefix ?? ''}${key}`);
    const shard = client.slots[slot];
    return shard === undefined ? String(slot) : nameOf(shard);
  };
}

/** ioredis: `isCluster`. node-redis: `masters` next to `slots`. */
function isCluster(client: object): client is ClusterLike {
  const { isCluster, masters, slots } = client as Record<string, unknown>;
  return Array.isArray(slots) && (isCluster === true || Array.isArray(masters));
}

/** ioredis lists the addresses of a slot's nodes, the master first. node-redis has `{ master: { id } }`. */
function nameOf(shard: unknown): string {
  if (Array.isArray(shard)) return String(shard[0]);
  const { master } = shard as { master?: { id?: unknown; address?: unknown } };
  return String(master?.id ?? master?.address);
}

/** The hash slot of a key: CRC16 (XMODEM) of the text in the first braces, or of the whole key. */
export function slotOf(key: string): number {
  const tag = /^[^{]*\{([^}]+)\}/.exec(key)?.[1] ?? key;
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  return crc % SLOTS;
}
