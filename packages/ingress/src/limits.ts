/** Bounds of requests from outside (interface spec 1.4 and 1.10). */
export const NONCE_BYTES_MAX = 32;
export const PRINCIPAL_BYTES_MAX = 29;
export const METHOD_NAME_BYTES_MAX = 20_000;
export const DELEGATIONS_MAX = 20;
export const DELEGATION_TARGETS_MAX = 1_000;
export const PATHS_MAX = 1_000;
export const PATH_LABELS_MAX = 127;
export const SENDER_INFO_BYTES_MAX = 16_384;

/** A public key in DER. The largest honest ones are RSA keys of WebAuthn. */
export const PUBLIC_KEY_BYTES_MAX = 2_048;

/** Items of CBOR in one envelope: paths, labels and targets at their limits fit. */
export const ENVELOPE_ITEMS_MAX = 150_000;
export const ENVELOPE_DEPTH_MAX = 16;

/** How far ahead an ingress expiry may lie, and by how much clocks may differ. */
export const INGRESS_TTL_NANOS = 300_000_000_000n;
export const CLOCK_DRIFT_NANOS = 30_000_000_000n;

/** Delegation signatures known to be good: two hashes and some overhead each. */
export const KNOWN_SIGNATURES_MAX = 10_000;
