//! What else the machine does: what others use while we measure is noise.

use std::{fs, thread, time::Duration};

use anyhow::{Context, Result};
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};

use super::record::Noise;

/// A tick of `/proc/stat`, in microseconds: the kernel's `USER_HZ` is 100 on every architecture of today.
const TICK: f64 = 10_000.0;

/// Others that use more than this share of the machine deserve a warning.
pub(crate) const BUSY: f64 = 0.03;

/// Processor time since the machine was started, in microseconds over all processors.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Processors {
    all: f64,
    busy: f64,
    /// Taken by the hypervisor for other machines.
    stolen: f64,
    /// Used by this process and by the children that it has waited for.
    own: f64,
}

/// A measurement of what others use, from its start to its end.
pub(crate) struct Meter(Processors);

impl Meter {
    pub(crate) fn start() -> Result<Self> {
        Ok(Self(Processors::now()?))
    }

    /// What was used by others since the start.
    pub(crate) fn stop(self) -> Result<Noise> {
        Ok(Processors::now()?.since(&self.0))
    }
}

/// Where the kernel lists what it can count, when its tracing is mounted and we may look.
const COUNTED: &str = "/sys/kernel/tracing/events/syscalls/sys_enter_madvise/id";

/// Says so when calls of `madvise` will not be counted.
pub(crate) fn warn_if_uncounted() {
    if fs::read(COUNTED).is_err() {
        eprintln!(
            "calls of madvise aren't counted: not root, or `mount -t tracefs none /sys/kernel/tracing`"
        );
    }
}

/// Looks for half a second at what others do, and warns when it is too much.
pub(crate) fn warn_if_busy() -> Result<()> {
    let meter = Meter::start()?;
    thread::sleep(Duration::from_millis(500));
    let noise = meter.stop()?;
    if noise.others + noise.stolen > BUSY {
        eprintln!("warning: {}: expect noise", noise.words());
    }
    Ok(())
}

impl Noise {
    /// What it is, in words.
    pub(crate) fn words(&self) -> String {
        let [others, stolen] = [self.others, self.stolen].map(|share| 100.0 * share);
        format!("other programs use {others:.0} % of the machine, and its host {stolen:.0} %")
    }
}

impl Processors {
    fn now() -> Result<Self> {
        let text = fs::read_to_string("/proc/stat")?;
        let own = own(UsageWho::RUSAGE_SELF)? + own(UsageWho::RUSAGE_CHILDREN)?;
        Self::parse(text.lines().next().unwrap_or_default(), own).context("/proc/stat")
    }

    /// Reads the line `cpu USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL …`.
    fn parse(line: &str, own: f64) -> Option<Self> {
        let ticks = line.strip_prefix("cpu ")?.split_whitespace();
        let ticks: Vec<f64> = ticks.map(str::parse).collect::<Result<_, _>>().ok()?;
        let [user, nice, system, idle, wait, irq, soft, stolen] = *ticks.first_chunk()?;
        let busy = user + nice + system + irq + soft;
        let all = busy + idle + wait + stolen;
        Some(Self { all: TICK * all, busy: TICK * busy, stolen: TICK * stolen, own })
    }

    fn since(&self, start: &Self) -> Noise {
        // The kernel counts in ticks, and takes some idle ones back: a short time may sum up to anything.
        let all = (self.all - start.all).max(TICK);
        let share = |time: f64| (time / all).clamp(0.0, 1.0);
        let others = self.busy - start.busy - (self.own - start.own);
        Noise { others: share(others), stolen: share(self.stolen - start.stolen) }
    }
}

/// Processor time of this process or of its children, in microseconds.
fn own(who: UsageWho) -> Result<f64> {
    let usage = getrusage(who)?;
    Ok((usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64)
}

#[cfg(test)]
mod tests {
    use super::{Noise, Processors};

    #[test]
    fn what_is_busy_and_not_ours_is_others() {
        let start = Processors::parse("cpu  100 0 0 900 0 0 0 0 0 0", 0.0).unwrap();
        let end = Processors::parse("cpu  140 10 10 920 10 0 0 10 0 0", 300_000.0).unwrap();
        assert_eq!(end.since(&start), Noise { others: 0.3, stolen: 0.1 });
        assert_eq!(Processors::parse("cpu 1 2", 0.0), None);
        let idle_taken_back = Processors::parse("cpu  140 0 0 861 0 0 0 0 0 0", 0.0).unwrap();
        assert_eq!(idle_taken_back.since(&start), Noise { others: 1.0, stolen: 0.0 });
    }

    #[test]
    fn what_the_kernel_tells_can_be_read() {
        let meter = super::Meter::start().unwrap();
        let noise = meter.stop().unwrap();
        assert!((0.0..=1.0).contains(&noise.others) && (0.0..=1.0).contains(&noise.stolen));
    }
}
