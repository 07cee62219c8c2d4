//! A small program that allocates, zeroes, grows, shrinks and frees, to see how many bytes an allocator adds to it.

#![no_std]

extern crate alloc;

use alloc::{
    boxed::Box, collections::BTreeMap, rc::Rc, string::String, vec, vec::Vec,
};

use stratalloc_wasm as _;

/// Does a bit of everything that asks for memory, and returns a sum that shows it was done.
#[unsafe(no_mangle)]
pub extern "C" fn run(count: u32) -> u32 {
    let mut words: Vec<String> = Vec::new();
    let mut index: BTreeMap<u32, Rc<[u8]>> = BTreeMap::new();
    for number in 0..count {
        let mut word = String::from("word ");
        word.extend((0..number % 20).map(|_| 'x'));
        index.insert(number.wrapping_mul(2_654_435_761), Rc::from(word.as_bytes()));
        words.push(word);
        if number % 3 == 0 {
            index.pop_first();
        }
    }
    words.truncate(count as usize / 2);
    let words: Box<[String]> = words.into_boxed_slice();
    let zeros = vec![0_u8; count as usize * 10];
    let length: usize = words.iter().map(String::len).sum();
    let bytes: usize = index.values().map(|bytes| bytes.len()).sum();
    let zero: u32 = zeros.iter().map(|&byte| u32::from(byte)).sum();
    (length + bytes) as u32 + zero
}
