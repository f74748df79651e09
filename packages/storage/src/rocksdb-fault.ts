// What RocksDB's errors mean to whoever uses the store.
import { StorageFault, type StorageFaultCode } from './fault.ts';

export interface PlainFault {
  readonly code: StorageFaultCode;
  readonly message: string;
}

/** No error itself: of those a message between threads carries the text and not the code. */
export function plainFault(error: unknown, path: string): PlainFault {
  if (error instanceof StorageFault && error.code !== 'corrupt') {
    const { code, message } = error;
    return { code, message };
  }
  const texts: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) texts.push(cause.message);
  const text = texts.join(': ');
  if (/no space left|file too large|quota/i.test(text)) {
    const remedy = 'Free some space; writing goes on by itself.';
    return { code: 'full', message: `${path}: no space left (${text}). ${remedy}` };
  }
  if (/lock hold by|lock file/i.test(text)) {
    return { code: 'locked', message: `${path} is in use by another process (${text}).` };
  }
  const remedy =
    'Check the disk. Restore the data directory from a backup, or start over with --clean.';
  const isIo = /io error/i.test(text) && !/no such file/i.test(text);
  return isIo
    ? { code: 'broken', message: `${path}: ${text}` }
    : { code: 'corrupt', message: `${path} is damaged (${text}). ${remedy}` };
}
