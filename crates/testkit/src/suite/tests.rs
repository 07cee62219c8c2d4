//! The suite passes what is right, and finds each fault.

use super::*;
use crate::{
    Faulty, Plan, System, Violation,
    broken::{Broken, Fault},
};

fn suite<'s>(fault: Fault) -> Suite<'s, Broken> {
    Suite::new(move || Broken::new(fault))
        .max_size(40_000)
        .max_align(4096)
        .owns()
        .usable_size()
        .resize_in_place()
        .free_unsized()
        .bounded()
        .programs(20)
}

fn found(fault: Fault) -> Violation {
    let failure = suite(fault).check().expect_err(&format!("{fault:?} must be found"));
    failure.violation
}

#[test]
fn the_system_conforms() {
    Suite::new(|| System).threads().run();
}

#[test]
fn a_watched_base_conforms_and_gets_all_back() {
    let base = Faulty::new(System, Plan::Never);
    Suite::new(|| &base).max_size(100_000).max_align(4096).threads().run();
    base.assert_all_released();
}

#[test]
fn without_a_fault_nothing_is_found() {
    suite(Fault::None).run();
}

#[test]
fn each_fault_is_found() {
    type Is = fn(&Violation) -> bool;
    let faults: [(Fault, Is); 15] = [
        (Fault::Misaligns, |v| matches!(v, Violation::Misaligned { .. })),
        (Fault::Overlaps, |v| matches!(v, Violation::Overlap { .. })),
        (Fault::TooSmall, |v| matches!(v, Violation::TooSmall { .. })),
        (Fault::Dirty, |v| matches!(v, Violation::NotZeroed { .. })),
        (Fault::GrowsDirty, |v| matches!(v, Violation::NotZeroed { .. })),
        (Fault::Forgets, |v| matches!(v, Violation::ContentLost { .. })),
        (Fault::Scribbles, |v| matches!(v, Violation::ContentLost { .. })),
        (Fault::SpoilsOnFailure, |v| matches!(v, Violation::ContentLost { .. })),
        (Fault::Refuses, |v| matches!(v, Violation::Refused { .. })),
        (Fault::RefusesEmpty, |v| matches!(v, Violation::Refused { .. })),
        (Fault::Overflows, |v| matches!(v, Violation::Served { .. } | Violation::TooSmall { .. })),
        (Fault::Shrinks, |v| matches!(v, Violation::Shrunk { .. })),
        (Fault::OwnsAll, |v| matches!(v, Violation::Owns { expected: false, .. })),
        (Fault::UnderstatesSize, |v| matches!(v, Violation::UsableSize { .. })),
        (Fault::PretendsToGrow, |v| matches!(v, Violation::ContentLost { .. })),
    ];
    for (fault, is_right) in faults {
        let violation = found(fault);
        assert!(is_right(&violation), "{fault:?}: {violation:?}");
    }
}

/// The random programs find such a fault on their own, and show it in a few lines.
#[test]
fn a_failing_program_is_cut_down() {
    let failure = programs::run(&suite(Fault::Forgets)).expect_err("the suite must find it");
    assert!(failure.program.len() <= 3, "{failure}");
    assert!(failure.to_string().contains("Resize"), "{failure}");
}
