;; A wasm32 canister that means harm: what it can do must stay its own trouble.
(module
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
  (import "ic0" "canister_self_size" (func $self_size (result i32)))
  (import "ic0" "canister_self_copy" (func $self_copy (param i32 i32 i32)))
  (import "ic0" "stable64_grow" (func $stable_grow (param i64) (result i64)))
  (import "ic0" "stable64_write" (func $stable_write (param i64 i64 i64)))
  (import "ic0" "call_new" (func $call_new (param i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "ic0" "call_perform" (func $perform (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 256) "nonebomb")
  (table funcref (elem $ignore))
  (type $callback (func (param i32)))

  (func $ignore (param i32))
  (func $reply_i64 (param $value i64)
    (i64.store (i32.const 64) (local.get $value))
    (call $append (i32.const 64) (i32.const 8))
    (call $reply))
  ;; One-way calls of this very canister until the system takes no more.
  (func $call_all (param $name i32) (result i64) (local $count i64)
    (call $self_copy (i32.const 0) (i32.const 0) (call $self_size))
    (loop $next
      (call $call_new (i32.const 0) (call $self_size) (local.get $name) (i32.const 4)
        (i32.const -1) (i32.const 0) (i32.const -1) (i32.const 0))
      (if (i32.eqz (call $perform))
        (then (local.set $count (i64.add (local.get $count) (i64.const 1))) (br $next))))
    (local.get $count))

  (func (export "canister_update none") (call $reply))
  (func (export "canister_query peek") (call $reply_i64 (i64.load (i32.const 8192))))
  ;; Each turn is charged for what it fills, so that the limit is reached in a moment on any machine.
  (func (export "canister_update loop")
    (i64.store (i32.const 8192) (i64.const 7))
    (loop $l (memory.fill (i32.const 16384) (i32.const 0) (i32.const 49152)) (br $l)))
  (func (export "canister_query loop_query")
    (loop $l (memory.fill (i32.const 0) (i32.const 0) (i32.const 65536)) (br $l)))
  (func $deep (param i64) (result i64)
    (i64.store (i32.const 8192) (i64.const 7))
    (i64.add (call $deep (i64.add (local.get 0) (i64.const 1))) (i64.const 1)))
  (func (export "canister_update recurse") (call $reply_i64 (call $deep (i64.const 0))))

  ;; All the heap there is, a word on each page of it.
  (func (export "canister_update grow") (local $at i64)
    (loop $grow (br_if $grow (i32.ne (memory.grow (i32.const 1024)) (i32.const -1))))
    (local.set $at (i64.const 65536))
    (loop $touch
      (i64.store (i32.wrap_i64 (local.get $at)) (i64.const 1))
      (local.set $at (i64.add (local.get $at) (i64.const 65536)))
      (br_if $touch (i64.lt_u (local.get $at)
        (i64.mul (i64.extend_i32_u (memory.size)) (i64.const 65536)))))
    (call $reply_i64 (i64.extend_i32_u (memory.size))))
  (func (export "canister_update grow_stable")
    (call $reply_i64 (call $stable_grow (i64.const 100000000))))
  (func (export "canister_update fill_stable") (local $page i64)
    (drop (call $stable_grow (i64.const 1000000)))
    (loop $l
      (call $stable_write (i64.mul (local.get $page) (i64.const 65536)) (i64.const 0) (i64.const 1))
      (local.set $page (i64.add (local.get $page) (i64.const 1)))
      (br $l)))

  (func (export "canister_update reply_big")
    (drop (memory.grow (i32.const 64)))
    (call $append (i32.const 0) (i32.const 2097153)) (call $reply))
  (func (export "canister_query reply_big_query")
    (drop (memory.grow (i32.const 64)))
    (call $append (i32.const 0) (i32.const 3145729)) (call $reply))

  (func (export "canister_update fan") (call $reply_i64 (call $call_all (i32.const 256))))
  ;; Every call of this one calls as often as it may: it never ends by itself.
  (func (export "canister_update bomb") (call $reply_i64 (call $call_all (i32.const 260))))
)
