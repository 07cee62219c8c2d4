//! Meshes read from text and turned into an edge table (tobj).

use std::collections::HashMap;
use std::fmt::Write;

use tobj::{GPU_LOAD_OPTIONS, MTLLoadResult};

use crate::plan::{Outcome, Plan};
use crate::workload::Workload;

/// What an importer of models does.
pub const ALL: &[Workload] =
    &[Workload::program("mesh", "parse OBJ files of 3,200 triangles and count their edges", run)];

/// Quads along one side of a mesh.
const SIDE: usize = 40;

fn run(plan: &Plan) -> Outcome {
    plan.on_pool(60, |rng| edges(&object(rng)))
}

/// A bumpy sheet as OBJ text.
fn object(rng: &mut fastrand::Rng) -> String {
    let mut text = String::from("o sheet\n");
    for vertex in 0..(SIDE + 1) * (SIDE + 1) {
        let _ =
            writeln!(text, "v {} {} {:.3}", vertex % (SIDE + 1), vertex / (SIDE + 1), rng.f32());
    }
    for quad in 0..SIDE * SIDE {
        let corner = quad / SIDE * (SIDE + 1) + quad % SIDE + 1;
        let (right, below) = (corner + 1, corner + SIDE + 1);
        let _ = writeln!(text, "f {corner} {right} {below}\nf {right} {} {below}", below + 1);
    }
    text
}

fn edges(text: &str) -> Outcome {
    let no_materials = |_: &std::path::Path| -> MTLLoadResult { Ok(Default::default()) };
    let (models, _) = tobj::load_obj_buf(&mut text.as_bytes(), &GPU_LOAD_OPTIONS, no_materials)
        .expect("valid OBJ");
    let mesh = &models[0].mesh;
    let mut table: HashMap<(u32, u32), Vec<usize>> = HashMap::new();
    for (triangle, corners) in mesh.indices.chunks_exact(3).enumerate() {
        for (from, to) in [(0, 1), (1, 2), (2, 0)] {
            let (from, to) = (corners[from], corners[to]);
            table.entry((from.min(to), from.max(to))).or_default().push(triangle);
        }
    }
    let border = table.values().filter(|triangles| triangles.len() == 1).count();
    let heights: f32 = mesh.positions.iter().skip(2).step_by(3).sum();
    Outcome { ops: table.len() as u64, checksum: border as u64 + u64::from(heights.to_bits()) }
}
