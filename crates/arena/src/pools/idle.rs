//! Giving back what served nothing for a while.

use super::Pools;

impl Pools {
    /// Gives back what has served nothing since the last call.
    pub(crate) fn purge_idle(&mut self) {
        self.purge_to(self.dirty_bytes - self.idle_bytes.min(self.dirty_bytes));
        self.idle_bytes = self.dirty_bytes;
    }

    /// Notes that memory that served nothing serves something again.
    pub(super) fn reuse(&mut self, bytes: usize) {
        self.dirty_bytes -= bytes;
        self.idle_bytes = self.idle_bytes.min(self.dirty_bytes);
        crate::dirty::remove(bytes);
    }
}
