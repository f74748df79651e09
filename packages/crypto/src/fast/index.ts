export { loadFastBls } from './bls-mcl.ts';
export { nodeHashEngine } from './hash-node.ts';
export { nodeSignatures, signOnPool, verifyOnPool } from './signatures-node.ts';
export { openVerifier, type Verifier } from './verifier.ts';
