/** Facts for observers; they change nothing. */
export type ExecutionEvent =
  | { readonly kind: 'TipOpened'; readonly height: number; readonly canisters: number }
  | {
      readonly kind: 'BatchApplied';
      readonly height: number;
      readonly ingress: number;
      readonly executions: number;
      readonly instructions: bigint;
    }
  /** By a follower. */
  | { readonly kind: 'HeightFollowed'; readonly height: number; readonly canisters: number }
  | { readonly kind: 'QueryDone'; readonly instructions: bigint; readonly refused: boolean }
  | { readonly kind: 'WaitingForState'; readonly height: number };
