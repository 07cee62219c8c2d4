//! `cargo xtask misuse`: programs that misuse their memory, and what each allocator notices of it.

mod allocator;
mod floor;
mod kind;
mod page;
mod verdict;

use anyhow::{Result, ensure};

use crate::process;
use allocator::Allocator;
use floor::Floor;
use kind::Kind;
use verdict::Verdict;

/// Runs programs that misuse their memory on our builds and on others, and shows what is noticed when.
#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Misuse {
    /// Only our own builds, which must notice what they did before.
    #[arg(long, conflicts_with = "write")]
    quick: bool,
    /// Write the table into docs/SECURITY.md, and what our builds must notice from now on.
    #[arg(long)]
    write: bool,
    /// Leave Scudo out, which Debian's package of Clang's runtime has.
    #[arg(long, conflicts_with = "write")]
    without_scudo: bool,
    /// Show every case, not only how many of each kind.
    #[arg(long)]
    cases: bool,
}

/// What the cases of a kind came to, in their order.
struct Row {
    kind: &'static Kind,
    cases: Vec<Case>,
}

struct Case {
    name: String,
    /// One for each allocator.
    verdicts: Vec<Verdict>,
}

impl Misuse {
    pub(crate) fn quick() -> Self {
        Self { quick: true, write: false, without_scudo: false, cases: false }
    }

    pub(crate) fn run(self) -> Result<()> {
        let allocators = self.allocators()?;
        let rows: Vec<_> = process::step_checked("programs that misuse memory", || {
            kind::KINDS.iter().map(|kind| row(kind, &allocators)).collect()
        })?;
        if self.cases {
            println!("{}", page::cases(&rows, &allocators));
        }
        println!("{}", page::table(&rows, &allocators));
        let now = Floor::of(&rows, &allocators);
        if self.write {
            page::write(&rows, &allocators)?;
            return now.write();
        }
        let floor = Floor::read()?;
        let (worse, better) = (floor.worse(&now), now.worse(&floor));
        for case in &better {
            eprintln!("     noticed better than before, see --write: {case}");
        }
        ensure!(worse.is_empty(), "noticed worse than before:\n{}", worse.join("\n"));
        Ok(())
    }

    fn allocators(&self) -> Result<Vec<Allocator>> {
        let mut allocators = allocator::ours()?;
        if self.quick {
            return Ok(allocators);
        }
        allocators.push(allocator::c_library()?);
        if self.without_scudo {
            eprintln!("     Scudo is left out");
        } else {
            allocators.push(allocator::scudo()?);
        }
        Ok(allocators)
    }
}

fn row(kind: &'static Kind, allocators: &[Allocator]) -> Result<Row> {
    let program = kind.build()?;
    let judge = |name: String| {
        let verdicts = allocators.iter().map(|it| verdict::of(kind, &program, &name, it));
        Ok(Case { verdicts: verdicts.collect::<Result<_>>()?, name })
    };
    Ok(Row { kind, cases: kind.cases(&program)?.into_iter().map(judge).collect::<Result<_>>()? })
}
