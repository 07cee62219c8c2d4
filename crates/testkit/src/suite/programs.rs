//! Programs of random requests.

use quickcheck::{Arbitrary, Gen};
use stratalloc_core::Allocator;

use super::subject::{Failure, Limits, Suite};
use crate::{Action, Program, Violation, Watched};

/// Requests in the longest program.
const LENGTH: usize = if cfg!(miri) { 60 } else { 600 };

/// A failing program is cut down in at most this many trials.
const MAX_TRIALS: usize = 3000;

pub(super) fn run<A: Allocator>(suite: &Suite<'_, A>) -> Result<(), Failure> {
    for seed in 0..suite.programs {
        let program = Program::arbitrary(&mut Gen::from_size_and_seed(LENGTH, seed));
        if let Err(violation) = execute(suite, &program) {
            let (violation, program) = cut_down(suite, violation, program);
            return Err(Failure { check: "random requests", violation, program });
        }
    }
    Ok(())
}

/// Runs a program on a new allocator.
fn execute<A: Allocator>(suite: &Suite<'_, A>, program: &[Action]) -> Result<(), Violation> {
    let allocator = suite.make();
    let mut watched = suite.watch(&allocator);
    for action in program {
        perform(suite.limits, &mut watched, action)?;
        expect_served(suite, &watched, action)?;
    }
    watched.verify()?;
    watched.clear()
}

/// After an allocation something is live, unless the allocator may refuse.
fn expect_served<A: Allocator>(
    suite: &Suite<'_, A>,
    watched: &Watched<'_, A>,
    action: &Action,
) -> Result<(), Violation> {
    if let Action::Allocate { size, align, .. } = *action {
        let layout = suite.limits.clip(size, align);
        if watched.live().is_empty() && suite.must_serve(layout) {
            return Err(Violation::Refused { layout, live: 0 });
        }
    }
    Ok(())
}

/// Makes one request.
pub(super) fn perform<A: Allocator>(
    limits: Limits,
    watched: &mut Watched<'_, A>,
    action: &Action,
) -> Result<(), Violation> {
    let live = watched.live().len();
    match *action {
        Action::Allocate { size, align, zeroed } => {
            watched.allocate(limits.clip(size, align), zeroed)?;
        }
        _ if live == 0 => {}
        Action::Deallocate { index, sized: true } => watched.deallocate(index % live)?,
        Action::Deallocate { index, sized: false } => watched.free_unsized(index % live)?,
        Action::Resize { index, size, align, zeroed } => {
            watched.resize(index % live, limits.clip(size, align), zeroed)?;
        }
        Action::ResizeInPlace { index, size } => {
            watched.resize_in_place(index % live, limits.clip(size, 1).size())?;
        }
        Action::Verify => watched.verify()?,
    }
    Ok(())
}

/// Returns the shortest failing program that can be reached by leaving requests out and making them
/// simpler, one step at a time.
fn cut_down<A: Allocator>(
    suite: &Suite<'_, A>,
    mut violation: Violation,
    mut program: Program,
) -> (Violation, Program) {
    let mut trials = 0;
    while trials < MAX_TRIALS {
        let simpler = program.shrink().take(MAX_TRIALS - trials).find_map(|candidate| {
            trials += 1;
            Some((execute(suite, &candidate).err()?, candidate))
        });
        match simpler {
            Some(found) => (violation, program) = found,
            None => break,
        }
    }
    (violation, program)
}
