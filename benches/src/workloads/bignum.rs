//! Symbolic arithmetic: every sum and product is a number on the heap.

use num_bigint::BigUint;

use crate::plan::{Outcome, Plan};
use crate::workload::{Level, Size, Workload};

/// The kind of cfrac.
pub const ALL: &[Workload] = &[Workload {
    name: "continued-fractions",
    level: Level::Kind,
    about: "least solutions of Pell's equation by continued fractions of big numbers (cfrac)",
    threads: &[1, 2],
    size: Size::Quick,
    run,
}];

fn run(plan: &Plan) -> Outcome {
    plan.on_threads(|index| {
        let mut rng = plan.rng(index);
        (0..plan.share(60_000)).map(|_| Outcome::one(pell(rng.u64(2..5_000)))).sum()
    })
}

/// The low digit of the least `x` with `x² − d·y² = 1`, or of a square's root.
fn pell(d: u64) -> u64 {
    let root = d.isqrt();
    if root * root == d {
        return root;
    }
    // The complete quotient is (√d + offset) / divisor, and `term` its whole part.
    let (mut offset, mut divisor, mut term) = (0, 1, root);
    let (mut x, mut x_last) = (BigUint::from(root), BigUint::from(1_u32));
    let (mut y, mut y_last) = (BigUint::from(1_u32), BigUint::from(0_u32));
    while &x * &x != &y * &y * d + 1_u32 {
        offset = divisor * term - offset;
        divisor = (d - offset * offset) / divisor;
        term = (root + offset) / divisor;
        (x, x_last) = (&x * term + x_last, x);
        (y, y_last) = (&y * term + y_last, y);
    }
    x.iter_u64_digits().next().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn least_solutions_are_the_known_ones() {
        assert_eq!([2, 7, 61].map(super::pell), [3, 8, 1_766_319_049]);
    }
}
