;; A heartbeat that works as hard as it may, for ever: two hundred million turns each time, and it never rests.
(module
  (memory 1)
  (func (export "canister_heartbeat") (local $turns i32)
    (local.set $turns (i32.const 200000000))
    (loop $l (br_if $l (local.tee $turns (i32.sub (local.get $turns) (i32.const 1)))))))
