// The other end of a bare connection to a broker (latency.ts): answers every question with its own bytes.
import { connect } from '@nats-io/transport-node';

const connection = await connect({ servers: process.argv[2] ?? '' });
connection.subscribe('question', {
  callback: (_fault, { data }) => connection.publish('answer', data),
});
await connection.flush();
process.send?.('ready');
