//! Words with numbers in them, put together while a program is compiled.

/// The longest message, in bytes; a longer one is cut.
const MAX: usize = 160;

/// A message, as long as it is short.
#[derive(Clone, Copy)]
pub(crate) struct Message {
    bytes: [u8; MAX],
    len: usize,
}

impl Message {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; MAX], len: 0 }
    }

    /// With this text added, which is ASCII.
    pub(crate) const fn text(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        let mut at = 0;
        while at < text.len() && self.len < MAX {
            self.bytes[self.len] = text[at];
            self.len += 1;
            at += 1;
        }
        self
    }

    /// With this number added, in decimal.
    pub(crate) const fn number(self, number: usize) -> Self {
        self.wide_number(number as u64)
    }

    /// As [`number`](Self::number), of 64 bits on every machine.
    pub(crate) const fn wide_number(mut self, number: u64) -> Self {
        let mut power = 1_u64;
        while number / power >= 10 {
            power *= 10;
        }
        while power > 0 && self.len < MAX {
            self.bytes[self.len] = b'0' + (number / power % 10) as u8;
            self.len += 1;
            power /= 10;
        }
        self
    }

    pub(crate) const fn as_str(&self) -> &str {
        match core::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "a message that isn't ASCII",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{format, string::ToString};

    use super::*;

    #[test]
    fn numbers_are_as_the_standard_library_has_them() {
        for number in
            [0, 1, 9, 10, 11, 99, 100, 4096, 65_535, u64::MAX / 10, u64::MAX - 1, u64::MAX]
        {
            assert_eq!(Message::new().wide_number(number).as_str(), number.to_string());
        }
        assert_eq!(Message::new().text("of ").number(64).text(" bytes").as_str(), "of 64 bytes");
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let long = "x".repeat(MAX - 2);
        assert_eq!(Message::new().text(&long).number(123_456).as_str(), format!("{long}12"));
    }
}
