//! A picture of a heap in use.

use core::fmt;

use crate::{Mode, Pool, Word, mode::Guard, state::LAST, tiny::Rows};

/// Blocks a line of the map.
const WIDTH: usize = 64;

/// A map of a heap, for [`Display`](fmt::Display): made by [`Pool::map`].
#[derive(Debug)]
pub struct Map<'p, 'h, M: Mode>(&'p Pool<'h, M>);

impl<'h, M: Mode> Pool<'h, M> {
    /// Returns a map of the heap: a line for each 64 blocks, `#` live, `.` free, and those that were never
    /// handed out as their number. Without checks, what was handed out is `?`: free or live.
    ///
    /// ```
    /// # use core::mem::MaybeUninit;
    /// # use stratalloc_pool::{Config, Pool};
    /// # #[repr(align(8))] struct Heap([MaybeUninit<u8>; 512]);
    /// # let mut heap = Heap([MaybeUninit::uninit(); 512]);
    /// let pool: Pool = Pool::new(&mut heap.0, &Config::new(&[8, 64]))?;
    /// let blocks = [8, 8, 8, 64].map(|size| pool.malloc(size).unwrap());
    /// // SAFETY: the block is ours, and not used again.
    /// unsafe { pool.free(blocks[1]) }.unwrap();
    /// assert_eq!(
    ///     pool.map().to_string(),
    ///     concat!(
    ///         "     0 state, table, unused: 43 bytes\n",
    ///         "    43 8 bytes: 2 of 33 in use\n",
    ///         "         #.# + 30 never used\n",
    ///         "   312 64 bytes: 1 of 3 in use\n",
    ///         "         # + 2 never used\n",
    ///         "   512 end\n",
    ///     ),
    /// );
    /// # Ok::<(), stratalloc_pool::ConfigError>(())
    /// ```
    pub fn map(&self) -> Map<'_, 'h, M> {
        Map(self)
    }
}

impl<M: Mode> Map<'_, '_, M> {
    /// Returns what stands for a block that was handed out at least once.
    fn sign(&self, pool: usize, number: usize) -> char {
        if !M::Guard::<M::Word>::ON {
            return '?';
        }
        let state = self.0.state();
        let live = match Rows::of_pool(state, pool) {
            // SAFETY: the block was handed out.
            Some(rows) => unsafe { rows.is_live(number) },
            // SAFETY: as above.
            None => unsafe { state.is_live(state.low(pool), number) },
        };
        if live { '#' } else { '.' }
    }

    fn pool(&self, formatter: &mut fmt::Formatter<'_>, pool: usize) -> fmt::Result {
        let size = self.0.state().record(pool).size.get();
        let at = self.0.state().before_origin() + self.0.state().low(pool);
        let (blocks, touched) = (self.0.capacity(pool), self.0.touched(pool));
        let used = (0..touched).filter(|&number| self.sign(pool, number) == '#').count();
        write!(formatter, "{at:>6} {size} bytes: ")?;
        if M::Guard::<M::Word>::ON {
            writeln!(formatter, "{used} of {blocks} in use")?;
        } else {
            writeln!(formatter, "{blocks} blocks")?;
        }
        for line in (0..touched).step_by(WIDTH) {
            write!(formatter, "         ")?;
            for number in line..touched.min(line + WIDTH) {
                write!(formatter, "{}", self.sign(pool, number))?;
            }
            if line + WIDTH < touched {
                writeln!(formatter)?;
            }
        }
        let lead = if touched == 0 { "        " } else { "" };
        writeln!(formatter, "{lead} + {} never used", blocks - touched)
    }
}

impl<M: Mode> fmt::Display for Map<'_, '_, M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.state();
        let unused = state.before_origin() + state.low(state.first());
        writeln!(formatter, "{:>6} state, table, unused: {unused} bytes", 0)?;
        state.pools().try_for_each(|pool| self.pool(formatter, pool))?;
        writeln!(formatter, "{:>6} end", state.before_origin() + state.end(LAST))
    }
}
