//! Two-level logic minimisation: sets of cubes that merge until no pair of them differs in one literal.

use std::collections::BTreeSet;

use crate::plan::{Outcome, Plan, hash};
use crate::workload::{Level, Size, Workload};

/// The kind of espresso.
pub const ALL: &[Workload] = &[Workload {
    name: "cubes",
    level: Level::Kind,
    about: "prime implicants of random functions of 9 variables (espresso)",
    threads: &[1, 2],
    size: Size::Quick,
    run,
}];

const VARIABLES: usize = 9;

/// A product term: for each variable `0`, `1` or `-`.
type Cube = Box<[u8]>;

fn run(plan: &Plan) -> Outcome {
    plan.on_threads(|index| {
        let mut rng = plan.rng(index);
        let primes = (0..plan.share(160)).flat_map(|_| primes(minterms(&mut rng)));
        primes.map(|prime| Outcome::one(hash(&prime))).sum()
    })
}

/// Two fifths of all minterms.
fn minterms(rng: &mut fastrand::Rng) -> BTreeSet<Cube> {
    let chosen = (0..1_usize << VARIABLES).filter(|_| rng.u32(..5) < 2);
    chosen
        .map(|bits| (0..VARIABLES).map(|variable| b'0' + (bits >> variable & 1) as u8).collect())
        .collect()
}

/// The method of Quine and `McCluskey`: merges until nothing merges; what never merged is prime.
fn primes(mut cubes: BTreeSet<Cube>) -> Vec<Cube> {
    let mut primes = Vec::new();
    while !cubes.is_empty() {
        let (mut merged, mut used) = (BTreeSet::new(), BTreeSet::new());
        for cube in &cubes {
            for (variable, _) in cube.iter().enumerate().filter(|(_, literal)| **literal == b'0') {
                let partner = with(cube, variable, b'1');
                if cubes.contains(&partner) {
                    merged.insert(with(cube, variable, b'-'));
                    used.extend([cube.clone(), partner]);
                }
            }
        }
        primes.extend(cubes.difference(&used).cloned());
        cubes = merged;
    }
    primes
}

fn with(cube: &Cube, variable: usize, literal: u8) -> Cube {
    let mut cube = cube.clone();
    cube[variable] = literal;
    cube
}

#[cfg(test)]
mod tests {
    use super::{Cube, primes};

    #[test]
    fn a_square_is_one_prime_and_a_line_another() {
        let cubes = [b"000", b"001", b"010", b"011", b"111"].map(|cube| Cube::from(&cube[..]));
        let found = primes(cubes.into_iter().collect());
        assert_eq!(found, [Cube::from(&b"-11"[..]), Cube::from(&b"0--"[..])]);
    }
}
