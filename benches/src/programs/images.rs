//! Images that pass through a pipeline: blurred, shrunk, and packed, each step into a buffer of its own.

use crate::plan::{Outcome, Plan, hash};
use crate::workload::Workload;

/// Large buffers of many sizes, used once.
pub const ALL: &[Workload] =
    &[Workload::program("images", "blur, shrink and pack images of 256 to 700 pixels a side", run)];

struct Image {
    width: usize,
    pixels: Vec<u8>,
}

fn run(plan: &Plan) -> Outcome {
    plan.on_pool(100, |rng| {
        let side = rng.usize(256..700);
        let pixels = (0..side * side).map(|at| (at / 7) as u8 ^ rng.u8(..16)).collect();
        let mut image = Image { width: side, pixels };
        let mut packed = Vec::new();
        while image.width > 32 {
            image = half(&blurred(&image));
            packed.extend(runs(&image.pixels));
        }
        Outcome { ops: (side * side) as u64, checksum: hash(&packed) }
    })
}

/// Each pixel becomes the mean of itself and its right and lower neighbours.
fn blurred(image: &Image) -> Image {
    let at = |index: usize| u16::from(image.pixels[index % image.pixels.len()]);
    let mean = |index| ((2 * at(index) + at(index + 1) + at(index + image.width)) / 4) as u8;
    Image { width: image.width, pixels: (0..image.pixels.len()).map(mean).collect() }
}

/// Every other pixel of every other line.
fn half(image: &Image) -> Image {
    let lines = image.pixels.chunks_exact(image.width).step_by(2);
    let pixels: Vec<u8> = lines.flat_map(|line| line.iter().copied().step_by(2)).collect();
    Image { width: image.width.div_ceil(2), pixels }
}

/// Values and how often they repeat.
fn runs(pixels: &[u8]) -> Vec<u8> {
    let runs = pixels.chunk_by(|a, b| a / 8 == b / 8);
    runs.flat_map(|run| [run[0], run.len().min(255) as u8]).collect()
}

#[cfg(test)]
mod tests {
    use super::{Image, half, runs};

    #[test]
    fn an_image_shrinks_to_a_quarter_and_packs_its_runs() {
        let image = half(&Image { width: 4, pixels: (0..16).collect() });
        assert_eq!((image.width, image.pixels), (2, vec![0, 2, 8, 10]));
        assert_eq!(runs(&[1, 2, 3, 100]), [1, 3, 100, 1]);
    }
}
