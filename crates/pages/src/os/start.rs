//! What is done at a program's start, before it has threads.

/// Has a function run when the program is loaded, or the library that it is linked into.
///
/// Handlers of forks are noted so: a fork that another thread is in the midst of doesn't run those that are noted
/// meanwhile, and its child would find locks held that nobody gives back. A library that is loaded by one thread
/// while another one forks is left with that.
///
/// The C library is set up by then, but other libraries may not be.
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// static BEGUN: AtomicBool = AtomicBool::new(false);
///
/// stratalloc_pages::at_start!({
///     BEGUN.store(true, Ordering::Relaxed);
/// });
///
/// assert!(BEGUN.load(Ordering::Relaxed));
/// ```
#[macro_export]
macro_rules! at_start {
    ($act:block) => {
        const _: () = {
            unsafe extern "C" fn act() {
                $act
            }

            // SAFETY: the section holds the addresses of such functions, which the loader calls one by one.
            #[used]
            #[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
            #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
            static AT_START: unsafe extern "C" fn() = act;
        };
    };
}
