const EFFORT = Number(process.env.TEST_EFFORT ?? 1);

/** How many of something a test takes: the matrix and mutation testing, which run it many times, are content with a part. */
export const effort = (count: number): number => Math.ceil(count * EFFORT);

/** How long a test waits for something before it fails. Even a busy machine is not that slow. */
export const PATIENCE_MS = Number(process.env.TEST_PATIENCE_MS ?? 60_000);
