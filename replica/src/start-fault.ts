/** Why a replica cannot start, in words for the person who started it, and what to do about it. */
export class StartFault extends Error {
  readonly remedy: string | undefined;

  constructor(message: string, remedy?: string) {
    super(message);
    this.remedy = remedy;
  }
}
