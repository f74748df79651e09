/** What replicas ask each other. */
import {
  contract,
  decodeSyncAnswer,
  decodeSyncQuestion,
  encodeSyncAnswer,
  encodeSyncQuestion,
} from '@internode/contracts';

export const QUESTION = contract(
  'SyncQuestion',
  'types',
  'sync_question',
  encodeSyncQuestion,
  decodeSyncQuestion,
);
export const ANSWER = contract(
  'SyncAnswer',
  'types',
  'sync_answer',
  encodeSyncAnswer,
  decodeSyncAnswer,
);
