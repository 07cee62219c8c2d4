//! Sizes and alignments where allocators tend to break.

use stratalloc_core::{CLASS_COUNT, MAX_CLASS_SIZE, SizeClass};

/// Returns the alignments that layers are tested with, in bytes: the powers of two from 1 to 2 MiB that
/// aren't above `max_align`.
pub fn alignments(max_align: usize) -> impl Iterator<Item = usize> {
    (0..=21).map(|shift| 1_usize << shift).take_while(move |&align| align <= max_align)
}

/// Every edge of a size class or of a power of two, one below it and one above, up to `max_size`
/// bytes: ascending, each once, zero left out.
pub fn edges(max_size: usize) -> Vec<usize> {
    let classes = (0..CLASS_COUNT).filter_map(SizeClass::from_index).map(SizeClass::block_size);
    let powers = (0..usize::BITS).map(|shift| 1_usize << shift);
    let mut sizes: Vec<_> = classes
        .chain(powers)
        .chain([max_size])
        .flat_map(|edge| [edge - 1, edge, edge.saturating_add(1)])
        .filter(|&size| (1..=max_size).contains(&size))
        .collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

/// Returns a few sizes from each range of the size classes and past them, up to `max_size` bytes.
pub fn samples(max_size: usize) -> Vec<usize> {
    [1, 8, 9, 16, 40, 64, 65, 100, 128, 256, 1000, 2304, 4096, 5000, MAX_CLASS_SIZE]
        .into_iter()
        .chain([MAX_CLASS_SIZE + 1, 100_000, 1 << 20, (2 << 20) + 1])
        .filter(|&size| size <= max_size)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_have_both_neighbours() {
        let edges = edges(1 << 20);
        for size in [1, 7, 8, 9, 64, 65, 72, 73, 2303, 2304, 2305, 32_768, 32_769, 1 << 20] {
            assert!(edges.contains(&size), "{size}");
        }
        assert!(edges.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(edges.last(), Some(&(1 << 20)));
    }

    #[test]
    fn alignments_end_at_the_limit() {
        assert!(alignments(16).eq([1, 2, 4, 8, 16]));
        assert_eq!(alignments(usize::MAX).last(), Some(2 << 20));
    }
}
