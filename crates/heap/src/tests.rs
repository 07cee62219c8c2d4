//! The heap under the conformance suite, faults, and the seeds' lines.

mod programs;
mod seeds;
mod suite;
mod traces;
