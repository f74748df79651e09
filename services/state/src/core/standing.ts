/**
 * Whether what we show can be trusted to be no older than what we showed before a restart.
 *
 * What was certified was final, and final blocks are durable in the journal of consensus and executed again. So the
 * certified version is shown from the height on that consensus had when we started. The height of the stored
 * certification is a second witness, in case the journal of consensus was lost.
 */
import type { Message, Readiness } from '@internode/contracts';
import type { Outbox } from './outbox.ts';

export class Standing {
  readonly #out: Outbox;
  #certifiedBefore = 0;
  #finalBefore: number | undefined = undefined;
  #certifiedHeight: number | undefined = undefined;
  #isOpened = false;
  /** The disk refuses for now. */
  fault: string | undefined = undefined;
  /** The store is refused for good. */
  refusal: string | undefined = undefined;
  /** What is being fetched from peers; nothing is shown meanwhile. */
  syncing: string | undefined = undefined;
  /** The newest StateCertified, also when it may not be said yet. */
  lastCertified: Message | undefined = undefined;

  constructor(out: Outbox) {
    this.#out = out;
  }

  opened(certifiedBefore: number): void {
    this.#isOpened = true;
    this.#certifiedBefore = certifiedBefore;
  }

  get knowsConsensus(): boolean {
    return this.#finalBefore !== undefined;
  }

  /** The first word of consensus counts: later heights are not from before our start. */
  consensusAt(height: number): void {
    this.#finalBefore ??= height;
  }

  /** The store is about to hold another state. */
  forget(): void {
    this.#certifiedHeight = undefined;
    this.lastCertified = undefined;
  }

  certifiedAt(height: number): void {
    this.#certifiedHeight = height;
  }

  /** There is a certified version that may be shown. Once true, true until the store is refused or replaced. */
  get isShowable(): boolean {
    if (this.refusal !== undefined || this.#finalBefore === undefined) return false;
    if (this.syncing !== undefined) return false;
    const height = this.#certifiedHeight;
    return height !== undefined && height >= Math.max(this.#finalBefore, this.#certifiedBefore);
  }

  get isReady(): boolean {
    return this.isShowable && this.fault === undefined;
  }

  /** Changes the standing and says so when that makes us ready or not. */
  change(change: () => void): void {
    const wasReady = this.isReady;
    change();
    const { isReady } = this;
    if (isReady === wasReady) return;
    this.say();
    if (isReady) this.sayCertified();
  }

  say(): void {
    this.#out.say(this.readiness());
  }

  sayCertified(): void {
    if (this.isShowable && this.lastCertified !== undefined) this.#out.say(this.lastCertified);
  }

  /** What consensus had reached when this life began, once it has said so. */
  get finalBefore(): number | undefined {
    return this.#finalBefore;
  }

  readiness(): Readiness {
    const height = this.isShowable ? (this.#certifiedHeight ?? 0) : 0;
    const ready = this.isReady;
    return { kind: 'Readiness', service: 'state', ready, height, detail: this.#detail };
  }

  get #detail(): string {
    if (this.refusal !== undefined) return this.refusal;
    if (this.fault !== undefined) return `the state store cannot be written: ${this.fault}`;
    if (this.syncing !== undefined) return this.syncing;
    if (!this.#isOpened) return 'reading the state store';
    if (this.#finalBefore === undefined) return 'waiting for consensus to say its height';
    if (this.isShowable) return '';
    const height = Math.max(this.#finalBefore, this.#certifiedBefore, 1);
    return `waiting for the certification of height ${height}`;
  }
}
