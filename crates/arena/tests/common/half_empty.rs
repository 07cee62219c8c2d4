//! What the system would bring to an area, if it found a huge page for each place where one may come and that has a page.

use crate::unasked::come_unasked;

const HUGE_PAGE: usize = 2 << 20;

/// Bytes without memory in the area of a block, where huge pages may come and some of the huge page has memory.
pub(crate) fn half_empty(block: *mut u8) -> usize {
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut bytes = 0;
    let mut range = 0..0;
    for line in maps.lines() {
        let first = line.split(' ').next().unwrap();
        if let Some((start, end)) = first.split_once('-') {
            let number = |text| usize::from_str_radix(text, 16).unwrap();
            range = number(start)..number(end);
        } else if line.starts_with("VmFlags:") && range.start >> 36 == block.addr() >> 36 {
            let has = |wanted| line.split(' ').any(|flag| flag == wanted);
            if !has("hg") && (!come_unasked() || has("nh")) {
                continue;
            }
            let pages = range.start.next_multiple_of(HUGE_PAGE)..range.end / HUGE_PAGE * HUGE_PAGE;
            bytes += pages.step_by(HUGE_PAGE).map(missing).sum::<usize>();
        }
    }
    bytes
}

/// The bytes of a huge page that have no memory; zero if none has.
fn missing(start: usize) -> usize {
    let mut pages = [0_u8; HUGE_PAGE / 4096];
    let start = std::ptr::with_exposed_provenance_mut(start);
    // SAFETY: there is a byte for each page of the range, which is mapped.
    assert_eq!(unsafe { libc::mincore(start, HUGE_PAGE, pages.as_mut_ptr()) }, 0);
    let missing = pages.iter().filter(|&&page| page & 1 == 0).count();
    if missing == pages.len() { 0 } else { missing * 4096 }
}
