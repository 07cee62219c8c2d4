# z3: a product of sums multiplied out, and queens placed on a board, by rules
# needs: z3=z3
# used: asked demo
{
    for number in 1 2 3 4 5 6; do echo "(declare-const x$number Real)"; done
    echo '(simplify (*'
    for number in 1 2 3 4 5 6 7; do echo "(+ x1 x2 (* $number x3) x4 (* 2 x5) x6)"; done
    echo ') :som true :som_blowup 10000000)'
} >product.smt2
z3 product.smt2 | sha256sum
size=26
{
    for row in $(seq 1 $size); do
        echo "(declare-const q$row Int) (assert (and (<= 1 q$row) (<= q$row $size)))"
        for other in $(seq 1 $((row - 1))); do
            echo "(assert (distinct q$row q$other)) (assert (distinct (- q$row q$other) $((row - other)) $((other - row))))"
        done
    done
    echo '(check-sat)'
} >queens.smt2
z3 queens.smt2
