// One bidirectional stream of frames per pair of peers, as gRPC sees it. Messages are frames as they are.
import {
  type Client,
  type ClientDuplexStream,
  Metadata,
  type ServerDuplexStream,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { FRAME_LIMITS, LINK_LIMITS } from '../limits.ts';

const PATH = '/internode.p2p.v1.Peers/Exchange';
const asIs = (frame: Buffer): Buffer => frame;

export const PEERS_SERVICE: ServiceDefinition = {
  exchange: {
    path: PATH,
    requestStream: true,
    responseStream: true,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  },
};

export type FrameStream = ClientDuplexStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>;

export const GRPC_OPTIONS = {
  'grpc.max_receive_message_length': FRAME_LIMITS.frameBytesMax,
  'grpc.max_send_message_length': FRAME_LIMITS.frameBytesMax,
  'grpc.keepalive_time_ms': LINK_LIMITS.pingEveryMs,
  'grpc.keepalive_timeout_ms': LINK_LIMITS.pingTimeoutMs,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.max_concurrent_streams': 1,
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.enable_channelz': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.use_local_subchannel_pool': 1,
  'grpc-node.flow_control_window': LINK_LIMITS.windowBytes,
} as const;

export function openStream(client: Client): ClientDuplexStream<Buffer, Buffer> {
  return client.makeBidiStreamRequest(PATH, asIs, asIs, new Metadata(), {});
}
