/**
 * Which functions must pay for stack and test the instruction limit, so that the others need not.
 *
 * Depth: every cycle of calls has a function that pays: those that call indirectly, and those where
 * a cycle of direct calls closes. It pays for itself and for the highest stack of functions that do
 * not pay which it may start; where such a stack passes `UNPAID_SLOTS_MAX`, its bottom pays too.
 * So at most that much goes unpaid at the entry of a message.
 *
 * Limit: functions that pay test it, and those that would let `UNTESTED_COST_MAX` pass without a
 * test in calls below them. Loops test on their own.
 */
import type { FunctionPlan } from './function-plan.ts';

/** Fixed part of a frame: what the engine keeps besides locals and operands. */
const FRAME_SLOTS = 8;
const UNPAID_SLOTS_MAX = 2_048;
const UNTESTED_COST_MAX = 500;

export interface FunctionDuty {
  /** Stack slots to pay at entry; 0 for none. */
  readonly slots: number;
  readonly tests: boolean;
}

export interface CallList {
  readonly count: number;
  /** Function indices called directly. */
  readonly callee: Int32Array;
}

const STATE = { new: 0, open: 1, done: 2 };

export function assignDuties(
  plans: readonly FunctionPlan[],
  calls: CallList,
  importCount: number,
): FunctionDuty[] {
  return new CallGraph(plans, calls, importCount).duties();
}

class CallGraph {
  readonly #plans: readonly FunctionPlan[];
  readonly #calls: CallList;
  readonly #importCount: number;
  readonly #state: Uint8Array;
  readonly #pays: Uint8Array;
  readonly #tests: Uint8Array;
  /** Slots of the highest unpaid stack from here, and the cost of all code from here, once. */
  readonly #slots: Float64Array;
  readonly #cost: Float64Array;

  constructor(plans: readonly FunctionPlan[], calls: CallList, importCount: number) {
    this.#plans = plans;
    this.#calls = calls;
    this.#importCount = importCount;
    this.#state = new Uint8Array(plans.length);
    this.#pays = Uint8Array.from(plans, (plan) => (plan.callsIndirectly ? 1 : 0));
    this.#tests = new Uint8Array(plans.length);
    this.#slots = new Float64Array(plans.length);
    this.#cost = new Float64Array(plans.length);
  }

  duties(): FunctionDuty[] {
    for (let root = 0; root < this.#plans.length; root++) this.#visit(root);
    return this.#plans.map((_plan, at) => ({
      slots: this.#pays[at] === 1 ? (this.#slots[at] as number) : 0,
      tests: this.#tests[at] === 1,
    }));
  }

  /** Depth first, without recursion: chains of calls may have 50,000 links. */
  #visit(root: number): void {
    if (this.#state[root] !== STATE.new) return;
    const path: number[] = [root];
    const next: number[] = [this.#plans[root]?.callFrom ?? 0];
    this.#state[root] = STATE.open;
    while (path.length > 0) {
      const at = path[path.length - 1] as number;
      const call = next[next.length - 1] as number;
      if (call === this.#plans[at]?.callTo) {
        this.#finish(at);
        path.pop();
        next.pop();
        continue;
      }
      next[next.length - 1] = call + 1;
      const callee = (this.#calls.callee[call] as number) - this.#importCount;
      if (callee < 0) continue;
      if (this.#state[callee] === STATE.open) this.#pays[callee] = 1;
      if (this.#state[callee] !== STATE.new) continue;
      this.#state[callee] = STATE.open;
      path.push(callee);
      next.push(this.#plans[callee]?.callFrom ?? 0);
    }
  }

  #finish(at: number): void {
    const plan = this.#plans[at] as FunctionPlan;
    let slots = plan.callsIndirectly ? UNPAID_SLOTS_MAX : 0;
    let { cost } = plan;
    for (let call = plan.callFrom; call < plan.callTo; call++) {
      const callee = (this.#calls.callee[call] as number) - this.#importCount;
      // Those still open close a cycle, and pay.
      if (callee < 0 || this.#state[callee] === STATE.open) continue;
      if (this.#pays[callee] === 0) slots = Math.max(slots, this.#slots[callee] as number);
      if (this.#tests[callee] === 0) cost += this.#cost[callee] as number;
    }
    this.#state[at] = STATE.done;
    this.#slots[at] = FRAME_SLOTS + plan.localCount + plan.heightMax + slots;
    this.#cost[at] = cost;
    if ((this.#slots[at] as number) > UNPAID_SLOTS_MAX) this.#pays[at] = 1;
    if (this.#pays[at] === 1 || cost > UNTESTED_COST_MAX) this.#tests[at] = 1;
  }
}
