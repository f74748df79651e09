export const SECOND_NANOS = 1_000_000_000n;
export const DAY_SECONDS = 86_400n;
