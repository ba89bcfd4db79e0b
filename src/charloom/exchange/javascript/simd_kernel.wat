;; The inner loops of the network in WebAssembly with SIMD. They do what plain_kernel.js does, in
;; the same order.
;;
;; Lanes are independent, and each lane does what a float32 does in IEEE 754. No relaxed
;; instructions: they may fuse a product and a sum, which has other bits. Pointers are in bytes.
;;
;; simd_bytes.js holds this module, compiled. After a change run
;;     python tests/webassembly.py
(module
  (import "charloom" "memory" (memory 1))

  ;; e**x for x clipped to [-87, 88]; see network/exact.py.
  (func $exp (param $x v128) (result v128)
    (local $n v128) (local $r v128) (local $q v128)
    (local.set $x (f32x4.min (f32x4.max (local.get $x)
      (v128.const f32x4 -87 -87 -87 -87)) (v128.const f32x4 88 88 88 88)))
    (local.set $n (f32x4.sub
      (f32x4.add
        (f32x4.mul (local.get $x) (v128.const i32x4 0x3fb8aa3b 0x3fb8aa3b 0x3fb8aa3b 0x3fb8aa3b))
        (v128.const f32x4 12582912 12582912 12582912 12582912))
      (v128.const f32x4 12582912 12582912 12582912 12582912)))
    (local.set $r (f32x4.sub (local.get $x) (f32x4.mul (local.get $n)
      (v128.const f32x4 0.693359375 0.693359375 0.693359375 0.693359375))))
    (local.set $r (f32x4.sub (local.get $r) (f32x4.mul (local.get $n)
      (v128.const i32x4 0xb95e8083 0xb95e8083 0xb95e8083 0xb95e8083))))
    (local.set $q (f32x4.add
      (f32x4.mul (v128.const i32x4 0x3ab6a18d 0x3ab6a18d 0x3ab6a18d 0x3ab6a18d) (local.get $r))
      (v128.const i32x4 0x3c0905b3 0x3c0905b3 0x3c0905b3 0x3c0905b3)))
    (local.set $q (f32x4.add (f32x4.mul (local.get $q) (local.get $r))
      (v128.const i32x4 0x3d2aaa75 0x3d2aaa75 0x3d2aaa75 0x3d2aaa75)))
    (local.set $q (f32x4.add (f32x4.mul (local.get $q) (local.get $r))
      (v128.const i32x4 0x3e2aaa6e 0x3e2aaa6e 0x3e2aaa6e 0x3e2aaa6e)))
    (local.set $q (f32x4.add (f32x4.mul (local.get $q) (local.get $r))
      (v128.const f32x4 0.5 0.5 0.5 0.5)))
    (f32x4.mul
      (f32x4.add
        (f32x4.add (f32x4.mul (f32x4.mul (local.get $q) (local.get $r)) (local.get $r))
          (local.get $r))
        (v128.const f32x4 1 1 1 1))
      (i32x4.shl
        (i32x4.add (i32x4.trunc_sat_f32x4_s (local.get $n)) (v128.const i32x4 127 127 127 127))
        (i32.const 23))))

  (func $sigmoid (param $x v128) (result v128)
    (f32x4.div (v128.const f32x4 1 1 1 1)
      (f32x4.add (v128.const f32x4 1 1 1 1) (call $exp (f32x4.neg (local.get $x))))))

  (func $tanh (param $x v128) (result v128)
    (f32x4.sub (v128.const f32x4 1 1 1 1)
      (f32x4.div (v128.const f32x4 2 2 2 2)
        (f32x4.add (call $exp (f32x4.add (local.get $x) (local.get $x)))
          (v128.const f32x4 1 1 1 1)))))

  ;; Add inputs (rows) times weights (panels, rows, 32) to sums (panels, 32), in order of the rows.
  (func (export "accumulate") (param $sums i32) (param $inputs i32) (param $weights i32)
    (param $rows i32) (param $panels i32)
    (local $input i32) (local $end i32) (local $x v128)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local $e v128) (local $f v128) (local $g v128) (local $h v128)
    (local.set $end (i32.add (local.get $inputs) (i32.shl (local.get $rows) (i32.const 2))))
    (loop $panel
      (local.set $a (v128.load (local.get $sums)))
      (local.set $b (v128.load offset=16 (local.get $sums)))
      (local.set $c (v128.load offset=32 (local.get $sums)))
      (local.set $d (v128.load offset=48 (local.get $sums)))
      (local.set $e (v128.load offset=64 (local.get $sums)))
      (local.set $f (v128.load offset=80 (local.get $sums)))
      (local.set $g (v128.load offset=96 (local.get $sums)))
      (local.set $h (v128.load offset=112 (local.get $sums)))
      (local.set $input (local.get $inputs))
      (loop $row
        (local.set $x (v128.load32_splat (local.get $input)))
        (local.set $a (f32x4.add (local.get $a)
          (f32x4.mul (local.get $x) (v128.load (local.get $weights)))))
        (local.set $b (f32x4.add (local.get $b)
          (f32x4.mul (local.get $x) (v128.load offset=16 (local.get $weights)))))
        (local.set $c (f32x4.add (local.get $c)
          (f32x4.mul (local.get $x) (v128.load offset=32 (local.get $weights)))))
        (local.set $d (f32x4.add (local.get $d)
          (f32x4.mul (local.get $x) (v128.load offset=48 (local.get $weights)))))
        (local.set $e (f32x4.add (local.get $e)
          (f32x4.mul (local.get $x) (v128.load offset=64 (local.get $weights)))))
        (local.set $f (f32x4.add (local.get $f)
          (f32x4.mul (local.get $x) (v128.load offset=80 (local.get $weights)))))
        (local.set $g (f32x4.add (local.get $g)
          (f32x4.mul (local.get $x) (v128.load offset=96 (local.get $weights)))))
        (local.set $h (f32x4.add (local.get $h)
          (f32x4.mul (local.get $x) (v128.load offset=112 (local.get $weights)))))
        (local.set $weights (i32.add (local.get $weights) (i32.const 128)))
        (local.set $input (i32.add (local.get $input) (i32.const 4)))
        (br_if $row (i32.lt_u (local.get $input) (local.get $end))))
      (v128.store (local.get $sums) (local.get $a))
      (v128.store offset=16 (local.get $sums) (local.get $b))
      (v128.store offset=32 (local.get $sums) (local.get $c))
      (v128.store offset=48 (local.get $sums) (local.get $d))
      (v128.store offset=64 (local.get $sums) (local.get $e))
      (v128.store offset=80 (local.get $sums) (local.get $f))
      (v128.store offset=96 (local.get $sums) (local.get $g))
      (v128.store offset=112 (local.get $sums) (local.get $h))
      (local.set $sums (i32.add (local.get $sums) (i32.const 128)))
      (br_if $panel (local.tee $panels (i32.sub (local.get $panels) (i32.const 1))))))

  ;; Each function below reads and writes whole vectors: the last one may reach up to three values
  ;; beyond the units, into the next gate (read only) or the padding of the states.

  (func (export "lstm") (param $gates i32) (param $cell i32) (param $hidden i32) (param $units i32)
    (local $stride i32) (local $end i32) (local $new v128)
    (local.set $stride (i32.shl (local.get $units) (i32.const 2)))
    (local.set $end (i32.add (local.get $gates) (local.get $stride)))
    (loop $next
      (local.set $new (f32x4.add
        (f32x4.mul
          (call $sigmoid (v128.load (i32.add (local.get $gates) (local.get $stride))))
          (v128.load (local.get $cell)))
        (f32x4.mul
          (call $sigmoid (v128.load (local.get $gates)))
          (call $tanh (v128.load
            (i32.add (local.get $gates) (i32.shl (local.get $stride) (i32.const 1))))))))
      (v128.store (local.get $cell) (local.get $new))
      (v128.store (local.get $hidden) (f32x4.mul
        (call $sigmoid (v128.load
          (i32.add (local.get $gates) (i32.mul (local.get $stride) (i32.const 3)))))
        (call $tanh (local.get $new))))
      (local.set $cell (i32.add (local.get $cell) (i32.const 16)))
      (local.set $hidden (i32.add (local.get $hidden) (i32.const 16)))
      (br_if $next (i32.lt_u
        (local.tee $gates (i32.add (local.get $gates) (i32.const 16))) (local.get $end)))))

  (func (export "gru") (param $gates i32) (param $sums i32) (param $hidden i32) (param $units i32)
    (local $stride i32) (local $twice i32) (local $end i32) (local $update v128)
    (local.set $stride (i32.shl (local.get $units) (i32.const 2)))
    (local.set $twice (i32.shl (local.get $units) (i32.const 3)))
    (local.set $end (i32.add (local.get $gates) (local.get $stride)))
    (loop $next
      (local.set $update
        (call $sigmoid (v128.load (i32.add (local.get $sums) (local.get $stride)))))
      (v128.store (local.get $hidden) (f32x4.add
        (f32x4.mul
          (f32x4.sub (v128.const f32x4 1 1 1 1) (local.get $update))
          (call $tanh (f32x4.add
            (v128.load (i32.add (local.get $gates) (local.get $twice)))
            (f32x4.mul
              (call $sigmoid (v128.load (local.get $sums)))
              (v128.load (i32.add (local.get $sums) (local.get $twice)))))))
        (f32x4.mul (local.get $update) (v128.load (local.get $hidden)))))
      (local.set $sums (i32.add (local.get $sums) (i32.const 16)))
      (local.set $hidden (i32.add (local.get $hidden) (i32.const 16)))
      (br_if $next (i32.lt_u
        (local.tee $gates (i32.add (local.get $gates) (i32.const 16))) (local.get $end)))))

  (func (export "rnn") (param $gates i32) (param $hidden i32) (param $units i32)
    (local $end i32)
    (local.set $end
      (i32.add (local.get $gates) (i32.shl (local.get $units) (i32.const 2))))
    (loop $next
      (v128.store (local.get $hidden) (call $tanh (v128.load (local.get $gates))))
      (local.set $hidden (i32.add (local.get $hidden) (i32.const 16)))
      (br_if $next (i32.lt_u
        (local.tee $gates (i32.add (local.get $gates) (i32.const 16))) (local.get $end)))))

  (func (export "weigh") (param $logits i32) (param $weights i32) (param $count i32)
    (param $best f32) (param $divisor f32)
    (local $end i32)
    (local.set $end (i32.add (local.get $logits) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (v128.store (local.get $weights) (call $exp (f32x4.div
        (f32x4.sub (v128.load (local.get $logits)) (f32x4.splat (local.get $best)))
        (f32x4.splat (local.get $divisor)))))
      (local.set $weights (i32.add (local.get $weights) (i32.const 16)))
      (br_if $next (i32.lt_u
        (local.tee $logits (i32.add (local.get $logits) (i32.const 16))) (local.get $end))))))
