/** Every bound of this room, with what happens when it is met. */

/** Dealers and receivers of one key generation; a configuration with more is invalid. */
export const DKG_MEMBERS_MAX = 1_000;
