// The methods of `aaaaa-aa` that exist here, and who may call them how (interface-spec 6). `who`
// for ingress is checked before a call enters a block and again when it runs, since controllers may
// change in between.

export type ManagementMethod =
  | 'create_canister'
  | 'update_settings'
  | 'install_code'
  | 'uninstall_code'
  | 'start_canister'
  | 'stop_canister'
  | 'delete_canister'
  | 'canister_status'
  | 'deposit_cycles'
  | 'raw_rand'
  | 'provisional_create_canister_with_cycles'
  | 'provisional_top_up_canister'
  | 'internode_set_subnet_record'
  | 'internode_subnet_record';

interface Access {
  readonly ingress: boolean;
  /** `controllers`: of the canister in the argument; `subnet-controller`: named by the subnet record. */
  readonly who: 'anyone' | 'controllers' | 'subnet-controller';
  /** The caller pays nothing for the ingress message itself. */
  readonly free?: true;
}

const ACCESS: { readonly [Name in ManagementMethod]: Access } = {
  create_canister: { ingress: false, who: 'anyone' },
  // Free, because it must reach a frozen canister: a lower threshold is what thaws it.
  update_settings: { ingress: true, who: 'controllers', free: true },
  install_code: { ingress: true, who: 'controllers' },
  uninstall_code: { ingress: true, who: 'controllers' },
  start_canister: { ingress: true, who: 'controllers' },
  stop_canister: { ingress: true, who: 'controllers' },
  delete_canister: { ingress: true, who: 'controllers' },
  canister_status: { ingress: true, who: 'controllers' },
  deposit_cycles: { ingress: false, who: 'anyone' },
  raw_rand: { ingress: false, who: 'anyone' },
  provisional_create_canister_with_cycles: { ingress: true, who: 'anyone', free: true },
  provisional_top_up_canister: { ingress: true, who: 'anyone', free: true },
  internode_set_subnet_record: { ingress: true, who: 'subnet-controller', free: true },
  internode_subnet_record: { ingress: true, who: 'subnet-controller', free: true },
};

export function managementMethod(name: string): ManagementMethod | undefined {
  return Object.hasOwn(ACCESS, name) ? (name as ManagementMethod) : undefined;
}

export function accessOf(method: ManagementMethod): Access {
  return ACCESS[method];
}

export function freeByIngress(name: string): boolean {
  const method = managementMethod(name);
  return method !== undefined && ACCESS[method].free === true;
}
