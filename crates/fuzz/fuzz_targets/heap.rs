//! Programs of requests on the heap: see `stratalloc_fuzz::heap`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stratalloc_fuzz::heap(data));
