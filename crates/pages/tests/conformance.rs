//! Every provider, held to the contract.

use std::mem::MaybeUninit;

use stratalloc_pages::FixedRegion;
use stratalloc_testkit::check_pages;

#[test]
#[cfg(feature = "hosted")]
fn mmap_conforms() {
    check_pages(&stratalloc_pages::Mmap);
}

#[test]
fn a_fixed_region_conforms_at_any_page_size() {
    for page_size in [64, 4096, 16 << 10] {
        let mut memory = vec![MaybeUninit::uninit(); 800 * page_size];
        check_pages(&FixedRegion::new(&mut memory, page_size).unwrap());
    }
}
