/**
 * What a disk did to us. `full`: no space, worth trying again once there is some; `corrupt`: what is stored is not what
 * was written, never worth trying again; `locked`: another process has it; `broken`: anything else.
 */
export type StorageFaultCode = 'full' | 'corrupt' | 'locked' | 'broken';

/** Thrown by opening, rejected by operations. The message says what to do. */
export class StorageFault extends Error {
  override readonly name = 'StorageFault';
  readonly code: StorageFaultCode;

  constructor(code: StorageFaultCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The fault behind an error of the file system. */
export function faultOf(error: unknown, path: string): StorageFault {
  if (error instanceof StorageFault) return error;
  const code = (error as { code?: unknown }).code;
  const text = error instanceof Error ? error.message : String(error);
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    return new StorageFault(
      'full',
      `${path}: no space left (${text}). Free some space; writing goes on by itself.`,
    );
  }
  return new StorageFault('broken', `${path}: ${text}`);
}
