//! The parsers of the values that the C library's settings have.

use std::time::Duration;

use stratalloc_arena::Config;

#[path = "../../../malloc/src/parse.rs"]
mod parse;

/// Each parser of a text says what a plainer one does, with numbers that have room.
pub(crate) fn run(data: &[u8]) {
    let bytes =
        scaled(data, &[("", 1), ("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30), ("T", 1 << 40)])
            .or_else(|| {
                scaled(data, &[("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30), ("t", 1 << 40)])
            })
            .and_then(|bytes| usize::try_from(bytes).ok());
    assert_eq!(parse::size(data), bytes, "{data:?}");
    let limit = bytes.filter(|&bytes| bytes >= Config::LEAST_LIMIT);
    assert_eq!(parse::limit_of(data), limit, "{data:?}");
    let time = scaled(data, &[("ms", 1), ("s", 1000), ("min", 60_000), ("h", 3_600_000)])
        .or_else(|| scaled(data, &[("", 1)]).filter(|&none| none == 0))
        .filter(|&time| time <= Config::LONGEST_DECAY.as_millis());
    let time = time.map(|time| Duration::from_millis(time as u64));
    assert_eq!(parse::decay(data), time, "{data:?}");
    let answer = [(&b"yes"[..], true), (b"no", false)].into_iter().find(|word| word.0 == data);
    assert_eq!(parse::yes_or_no(data), answer.map(|word| word.1), "{data:?}");
    assert_eq!(parse::guards(data), guards(data), "{data:?}");
}

/// One number, or two with a comma between them, of which the second is one of slots.
fn guards(text: &[u8]) -> Option<(usize, Option<usize>)> {
    let number = |text| usize::try_from(scaled(text, &[("", 1)])?).ok();
    let mut parts = text.split(|&byte| byte == b',').map(number);
    let first = parts.next()??;
    match (parts.next(), parts.next()) {
        (None, _) => Some((first, None)),
        (Some(slots), None) => {
            let slots = slots.filter(|slots| (1..=Config::MOST_GUARD_SLOTS).contains(slots))?;
            Some((first, Some(slots)))
        }
        _ => None,
    }
}

/// Returns a number with one of the units, if the number alone has no more than 64 bits.
fn scaled(text: &[u8], units: &[(&str, u128)]) -> Option<u128> {
    units.iter().find_map(|&(unit, factor)| {
        let digits = text.strip_suffix(unit.as_bytes())?;
        let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        let value = |value: u128, digit: &u8| {
            value.saturating_mul(10).saturating_add(u128::from(digit - b'0'))
        };
        let number = is_number.then(|| digits.iter().fold(0, value))?;
        u64::try_from(number).is_ok().then_some(number * factor)
    })
}
