//! The bytes that are left of a block from an address on.

use crate::{
    books::{
        fenced,
        guard::{self, SEAL},
    },
    inspect::address::{State, What, what_is},
    process::whose::bin_of_thread,
};

/// The bytes from an address, which may be any, to the end of the block that it lies in, at most; zero if it lies in none
/// that is in use, or is null. `None` where that is unknown: outside of this allocator, or while another thread changes the
/// heap.
///
/// It doesn't wait or allocate. Complexity as of [`what_is`]. The hardened build ends the process with a report over an address
/// among small blocks that is in none in use, and the paranoid build whichever thread has it.
///
/// ```
/// use stratalloc_arena::global;
/// let block = global::allocate(100, 8);
/// assert!(matches!(global::object_size(block.wrapping_add(40)), Some(60..=72) | None));
/// // SAFETY: just allocated.
/// unsafe { global::deallocate(block) };
/// ```
pub fn object_size(address: *const u8) -> Option<usize> {
    if guard::PARANOID {
        object_size_in_slab(address);
    }
    match what_is(address).what {
        _ if address.is_null() => Some(0),
        What::Foreign | What::Busy => None,
        What::Books | What::Vacant => Some(0),
        What::Block(block) if !matches!(block.state, State::Live | State::Sampled) => {
            if let Some(bin) = bin_of_thread(address.cast_mut()).filter(|_| guard::ON) {
                guard::not_held(bin, address.cast_mut().with_addr(block.start));
            }
            Some(0)
        }
        What::Block(block) => {
            let left = block.start + block.size - address.addr();
            Some(object_size_in_slab(address).map_or(left, |most| most.min(left)))
        }
    }
}

/// The same for an address in a slab of a thread's heap, or in a fenced block, without a look at whether the block there is in use; `None`
/// elsewhere. O(1): some loads.
pub fn object_size_in_slab(address: *const u8) -> Option<usize> {
    let Some(bin) = bin_of_thread(address.cast_mut()) else {
        return fenced::left_of(address.cast_mut());
    };
    let shape = bin.shape_at(address.cast_mut());
    let offset = shape.offset_in_block(address.cast_mut());
    if guard::PARANOID {
        guard::check_held(bin, address.cast_mut().wrapping_sub(offset));
    }
    let used = SEAL + offset;
    Some((shape.block_size as usize).saturating_sub(used))
}
