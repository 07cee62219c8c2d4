//! Parsing the values of settings: sizes, times, and yes or no.
//!
//! This file uses no other part of the library; `crates/fuzz` has it too.

use core::time::Duration;

use stratalloc_arena::Config;

pub(crate) fn limit_of(text: &[u8]) -> Option<usize> {
    size(text).filter(|&bytes| bytes >= Config::LEAST_LIMIT)
}

/// Bytes: a number, with `K`, `M`, `G` or `T` for the powers of 1024.
pub(crate) fn size(text: &[u8]) -> Option<usize> {
    let (number, unit) = number(text)?;
    let shift = match unit {
        b"" => 0,
        b"K" | b"k" => 10,
        b"M" | b"m" => 20,
        b"G" | b"g" => 30,
        b"T" | b"t" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

/// A time: a number with `ms`, `s`, `min` or `h`.
pub(crate) fn decay(text: &[u8]) -> Option<Duration> {
    let (number, unit) = number(text)?;
    let milliseconds = match unit {
        b"ms" => 1,
        b"s" => 1000,
        b"min" => 60_000,
        b"h" => 3_600_000,
        b"" if number == 0 => 0,
        _ => return None,
    };
    let time = Duration::from_millis(number.checked_mul(milliseconds)? as u64);
    (time <= Config::LONGEST_DECAY).then_some(time)
}

pub(crate) fn yes_or_no(text: &[u8]) -> Option<bool> {
    match text {
        b"yes" => Some(true),
        b"no" => Some(false),
        _ => None,
    }
}

/// One block in how many, and how many at a time, if that is said.
pub(crate) fn guards(text: &[u8]) -> Option<(usize, Option<usize>)> {
    let plain = |text| number(text).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number);
    let Some(comma) = text.iter().position(|&byte| byte == b',') else {
        return Some((plain(text)?, None));
    };
    let slots = plain(&text[comma + 1..])?;
    (1..=Config::MOST_GUARD_SLOTS).contains(&slots).then_some((plain(&text[..comma])?, Some(slots)))
}

/// The digits that a text begins with, as a number, and the rest.
fn number(text: &[u8]) -> Option<(usize, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(digits);
    let number = core::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_and_never_overflow() {
        for (text, bytes) in [("0", 0), ("17", 17), ("64K", 64 << 10), ("2g", 2 << 30)] {
            assert_eq!(size(text.as_bytes()), Some(bytes), "{text}");
        }
        for text in
            ["", "M", "-1", "12 M", "12Mb", "1e3", "99999999999999999999", "18014398509481984K"]
        {
            assert_eq!(size(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn guards_are_one_number_or_two() {
        for (text, parsed) in [
            ("0", (0, None)),
            ("1000", (1000, None)),
            ("1,64", (1, Some(64))),
            ("5,1024", (5, Some(1024))),
        ] {
            assert_eq!(guards(text.as_bytes()), Some(parsed), "{text}");
        }
        for text in ["", "x", "1K", "1,", ",1", "1,0", "1,1025", "1,2,3", "-1"] {
            assert_eq!(guards(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn times_have_units_and_end_at_a_day() {
        for (text, time) in [("0", 0), ("500ms", 500), ("10s", 10_000), ("24h", 86_400_000)] {
            assert_eq!(decay(text.as_bytes()), Some(Duration::from_millis(time)), "{text}");
        }
        for text in ["", "10", "s", "25h", "1d", "18446744073709551615s"] {
            assert_eq!(decay(text.as_bytes()), None, "{text}");
        }
    }
}
