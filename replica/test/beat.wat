;; A heartbeat with all that could differ between machines: floats, a NaN, growing memory, stable memory, a trap every tenth time.
(module
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
  (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
  (import "ic0" "stable64_write" (func $write (param i64 i64 i64)))
  (memory 1)
  (func (export "canister_init") (drop (call $grow (i64.const 1))) (f64.store (i32.const 8) (f64.const 2)))
  (func (export "canister_heartbeat")
    (i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (i64.const 1)))
    (f64.store (i32.const 8) (f64.sqrt (f64.sub (f64.mul (f64.load (i32.const 8)) (f64.const 1.7)) (f64.const 0.9))))
    (call $write (i64.and (i64.mul (i64.load (i32.const 0)) (i64.const 520)) (i64.const 0xffef)) (i64.const 0) (i64.const 16))
    (if (i64.eqz (i64.rem_u (i64.load (i32.const 0)) (i64.const 16))) (then (drop (memory.grow (i32.const 1)))))
    (if (i64.eqz (i64.rem_u (i64.load (i32.const 0)) (i64.const 7))) (then
      (f64.store (i32.const 16) (f64.div (f64.sub (f64.const inf) (f64.const inf)) (f64.load (i32.const 8)))) ))
    (if (i64.eqz (i64.rem_u (i64.load (i32.const 0)) (i64.const 10))) (then
      (i64.store (i32.const 24) (i64.const 1)) unreachable)))
  (func (export "canister_update read") (call $append (i32.const 0) (i32.const 24)) (call $reply)))
