// What of a subnet stands in files as bytes: its record and its summary.
import {
  contract,
  decodeSubnetRecord,
  decodeSummary,
  encodeSubnetRecord,
  encodeSummary,
} from '@internode/contracts';

export const RECORD = contract(
  'SubnetRecord',
  'types',
  'record',
  encodeSubnetRecord,
  decodeSubnetRecord,
);
export const SUMMARY = contract('Summary', 'types', 'summary', encodeSummary, decodeSummary);
