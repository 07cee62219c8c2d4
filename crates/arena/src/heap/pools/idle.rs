//! Giving back memory that served nothing for a while.

use crate::heap::pools::Pools;

impl Pools {
    /// Gives back memory that has served nothing since the last call.
    pub(crate) fn purge_idle(&mut self) {
        let keep = self.figures.start_watch();
        self.purge_to(keep);
        if keep == 0 && self.figures.is_idle() {
            self.strip();
        }
    }
}
