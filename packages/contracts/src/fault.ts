/** Expected faults are thrown inside this package only: the door (contract.ts) turns them into a Verdict. */
export class WireFault extends Error {}
