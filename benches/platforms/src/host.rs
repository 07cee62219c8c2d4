//! What a program asks of the host that it runs in.

/// Prints a line.
pub fn say(line: &str) {
    #[cfg(target_family = "wasm")]
    // SAFETY: the host reads these bytes.
    unsafe {
        print(line.as_ptr(), line.len());
    };
    #[cfg(not(target_family = "wasm"))]
    println!("{line}");
}

#[cfg(target_family = "wasm")]
#[link(wasm_import_module = "host")]
unsafe extern "C" {
    fn print(start: *const u8, length: usize);
}
