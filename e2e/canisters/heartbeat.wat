;; A heartbeat that works hard, for ever: four hundred million turns each time, and it never rests.
(module
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
  (memory 1)
  (func (export "canister_heartbeat") (local $turns i32)
    (i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (i64.const 1)))
    (local.set $turns (i32.const 400000000))
    (loop $l (br_if $l (local.tee $turns (i32.sub (local.get $turns) (i32.const 1))))))
  (func (export "canister_query beats") (call $append (i32.const 0) (i32.const 8)) (call $reply)))
