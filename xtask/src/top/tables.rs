//! What a reading says, in lines and tables of text.

use std::cmp::Reverse;

use stratalloc_arena::gauges::{Frame, HeapGauges};

use super::reading::Reading;

/// Partitions and their arenas.
const PARTITIONS: usize = stratalloc_arena::PARTITIONS;
const ARENAS: usize = stratalloc_arena::ARENAS;

/// Letters for how much of an arena is in use.
const SHADES: [char; 6] = [' ', '·', '░', '▒', '▓', '█'];

/// A table: what its columns are called, and its rows.
pub(super) struct Table {
    pub(super) title: &'static str,
    pub(super) columns: &'static [&'static str],
    pub(super) rows: Vec<Vec<String>>,
}

/// The figures of the process, and what changed each second since an earlier reading.
pub(super) fn head(reading: &Reading, earlier: Option<&Reading>) -> Vec<String> {
    let (gauges, frame) = (reading.gauges(), reading.frame());
    let stocks = heaps_of(frame).iter().map(|heap| heap.stock).sum();
    let limit = if frame.limit == u64::MAX { "no limit".into() } else { size(frame.limit) };
    let rate = |figure: fn(&Frame) -> u64| {
        let before = earlier.map(Reading::frame).filter(|before| before.at < frame.at);
        before.map_or(String::new(), |before| {
            let more = figure(frame).saturating_sub(figure(before));
            format!(" ({}/s)", more * 1000 / (frame.at - before.at))
        })
    };
    vec![
        format!("process {}, frame {}", gauges.process, reading.frames()),
        format!(
            "in use {} of {} touched, at most {}; in stocks {}; whole segments kept {}",
            size(frame.in_use),
            size(frame.touched),
            size(frame.peak_in_use),
            size(stocks),
            size(frame.vacant),
        ),
        format!(
            "{} huge blocks, {}; counts for the limit {}, {limit}; {} areas",
            frame.huge_blocks,
            size(frame.huge),
            size(frame.held),
            frame.areas,
        ),
        format!(
            "page faults {}{}, from a disk {}; purges {}{} of {}",
            frame.minor_faults,
            rate(|frame| frame.minor_faults),
            frame.major_faults,
            frame.purges,
            rate(|frame| frame.purges),
            size(frame.purged),
        ),
    ]
}

/// The size classes that have something, those with most live bytes first.
pub(super) fn classes(frame: &Frame) -> Table {
    let mut classes: Vec<_> = frame.of_classes.iter().filter(|class| class.segments > 0).collect();
    classes.sort_by_key(|class| Reverse(class.live * class.block_size));
    let row = |class: &&stratalloc_arena::gauges::ClassGauges| {
        vec![
            class.block_size.to_string(),
            class.live.to_string(),
            size(class.live * class.block_size),
            class.peak.to_string(),
            class.free.to_string(),
            size(class.touched),
            class.remote_frees.to_string(),
        ]
    };
    Table {
        title: "Size classes",
        columns: &["class", "live", "bytes", "peak", "free", "touched", "remote frees"],
        rows: classes.iter().map(row).collect(),
    }
}

/// The partitions that have something.
pub(super) fn partitions(frame: &Frame) -> Table {
    let with_memory =
        frame.of_partitions.iter().enumerate().filter(|(_, partition)| partition.touched > 0);
    let row = |(number, partition): (usize, &stratalloc_arena::gauges::PartitionGauges)| {
        vec![
            number.to_string(),
            partition.arenas.to_string(),
            partition.segments.to_string(),
            size(partition.in_use),
            size(partition.touched),
            size(partition.vacant),
        ]
    };
    Table {
        title: "Partitions",
        columns: &["partition", "arenas", "segments", "in use", "touched", "vacant"],
        rows: with_memory.map(row).collect(),
    }
}

/// The heaps that the file has gauges for.
pub(super) fn heaps_of(frame: &Frame) -> &[HeapGauges] {
    let count = usize::try_from(frame.heaps).unwrap_or(usize::MAX);
    &frame.of_heaps[..count.min(frame.of_heaps.len())]
}

/// These heaps.
pub(super) fn heaps(frame: &Frame) -> Table {
    let row = |heap: &HeapGauges| {
        let kind = if heap.kind == 2 { "arena heap" } else { "thread" };
        vec![
            format!("{:#x}", heap.address),
            kind.into(),
            size(heap.in_use),
            size(heap.kept),
            size(heap.stock),
        ]
    };
    Table {
        title: "Heaps",
        columns: &["first area", "of", "in use", "kept", "in stock"],
        rows: heaps_of(frame).iter().map(row).collect(),
    }
}

/// The map of a heap's first area: a line for each partition, and a letter for each arena.
pub(super) fn map(heap: &HeapGauges) -> Vec<String> {
    let levels: Vec<u8> = heap.map.iter().flat_map(|word| word.to_le_bytes()).collect();
    let line = |(number, arenas): (usize, &[u8])| {
        let letters: String = arenas.iter().map(|&level| shade(level)).collect();
        format!("{number} {letters}")
    };
    levels.chunks_exact(ARENAS).take(PARTITIONS).enumerate().map(line).collect()
}

/// Nothing, memory that serves nothing, and four quarters of what is in use.
fn shade(level: u8) -> char {
    match level {
        0 => SHADES[0],
        1 => SHADES[1],
        level => SHADES[2 + (usize::from(level) - 2) / 64],
    }
}

/// Bytes for people.
pub(super) fn size(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units.into_iter().find(|&(_, shift)| bytes >> shift > 0) {
        Some((unit, shift)) => format!("{:.1} {unit}", bytes as f64 / f64::from(1_u32 << shift)),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_tell_nothing_from_kept_and_from_quarters() {
        let shades: String = [0, 1, 2, 65, 66, 129, 130, 193, 194, 255].map(shade).iter().collect();
        assert_eq!(shades, " ·░░▒▒▓▓██");
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!([0, 1023, 1024, 3 << 29].map(size), ["0 B", "1023 B", "1.0 KiB", "1.5 GiB"]);
    }
}
