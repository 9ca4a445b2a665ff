const EFFORT = Number(process.env.TEST_EFFORT ?? 1);

/** How many of something a test takes: the matrix and mutation testing, which run it many times, are content with a part. */
export const effort = (count: number): number => Math.ceil(count * EFFORT);
