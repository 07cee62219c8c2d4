//! Reading what the allocator wrote (`Snapshot::write` of `stratalloc-arena`).

use std::str::{FromStr, Lines, SplitWhitespace};

use thiserror::Error;

use crate::model::{Figures, Mapping, Profile, Quantity, Site};

/// Why there is no profile.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// The text isn't one that this version reads.
    #[error("not a profile of version 1")]
    NoProfile,
    /// A line isn't what it should be.
    #[error("not understood: {0}")]
    Line(String),
    /// The text ends in the middle.
    #[error("the profile ends in the middle")]
    Short,
    /// The process has no memory for a profile.
    #[error("there is no memory for a profile")]
    NoMemory,
}

impl FromStr for Profile {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut lines = text.lines();
        if lines.next() != Some("stratalloc profile 1") {
            return Err(ParseError::NoProfile);
        }
        let mut profile = Self {
            interval: number(&mut words(&mut lines, "interval")?)?,
            lost: number(&mut words(&mut lines, "lost")?)?,
            total: figures(&mut lines)?,
            ..Self::default()
        };
        loop {
            match lines.next() {
                Some("site") => profile.sites.push(site(&mut lines)?),
                Some("maps") => break,
                Some(line) => return Err(ParseError::Line(line.to_owned())),
                None => return Err(ParseError::Short),
            }
        }
        profile.mappings = lines.filter_map(mapping).collect();
        Ok(profile)
    }
}

/// Returns the words of the next line behind its name.
fn words<'a>(lines: &mut Lines<'a>, name: &str) -> Result<SplitWhitespace<'a>, ParseError> {
    let line = lines.next().ok_or(ParseError::Short)?;
    let mut words = line.split_whitespace();
    if words.next() == Some(name) { Ok(words) } else { Err(ParseError::Line(line.to_owned())) }
}

fn number<T: FromStr>(words: &mut SplitWhitespace<'_>) -> Result<T, ParseError> {
    let word = words.next().ok_or(ParseError::Short)?;
    word.parse().map_err(|_| ParseError::Line(word.to_owned()))
}

fn figures(lines: &mut Lines<'_>) -> Result<[Figures; Quantity::ALL.len()], ParseError> {
    let mut all = [Figures::default(); Quantity::ALL.len()];
    for (figures, name) in all.iter_mut().zip(["live", "peak", "allocated"]) {
        let mut words = words(lines, name)?;
        *figures = Figures {
            bytes: number(&mut words)?,
            blocks: number(&mut words)?,
            samples: number(&mut words)?,
            error: number(&mut words)?,
        };
    }
    Ok(all)
}

fn site(lines: &mut Lines<'_>) -> Result<Site, ParseError> {
    let figures = figures(lines)?;
    let calls = words(lines, "calls")?
        .map(|word| hexadecimal(word).ok_or_else(|| ParseError::Line(word.to_owned())))
        .collect::<Result<_, _>>()?;
    Ok(Site { figures, calls })
}

fn hexadecimal(word: &str) -> Option<u64> {
    u64::from_str_radix(word, 16).ok()
}

/// Returns a line of `/proc/PID/maps`, if it is of a file's code: `START-END PERMISSIONS OFFSET DEVICE INODE PATH`.
fn mapping(line: &str) -> Option<Mapping> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let permissions = words.next()?;
    let offset = hexadecimal(words.next()?)?;
    let path = line.splitn(6, ' ').nth(5)?.trim_start();
    let is_code = permissions.contains('x') && !path.is_empty();
    is_code.then_some(Mapping {
        start: hexadecimal(start)?,
        end: hexadecimal(end)?,
        offset,
        path: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "stratalloc profile 1\ninterval 524288\nlost 0\nlive 10 2 1 3\npeak 20 4 2 5\n\
        allocated 30 6 3 7\nsite\nlive 10 2 1 3\npeak 20 4 2 5\nallocated 30 6 3 7\ncalls 5f ffff0\nmaps\n\
        00400000-00452000 r-xp 00001000 08:02 173521      /usr/bin/a name with spaces\n\
        00452000-00453000 rw-p 00052000 08:02 173521      /usr/bin/data\n";

    #[test]
    fn what_was_written_is_read() {
        let profile: Profile = TEXT.parse().unwrap();
        assert_eq!((profile.interval, profile.lost, profile.sites.len()), (524_288, 0, 1));
        let live = profile.total(Quantity::Live);
        assert_eq!((live.bytes, live.blocks, live.samples, live.error), (10, 2, 1, 3.0));
        assert_eq!(profile.sites[0].figures(Quantity::Allocated).bytes, 30);
        assert_eq!(profile.sites[0].calls, [0x5f, 0xf_fff0]);
        let [mapping] = &profile.mappings[..] else { panic!("{:?}", profile.mappings) };
        assert_eq!((mapping.start, mapping.end, mapping.offset), (0x40_0000, 0x45_2000, 0x1000));
        assert_eq!(mapping.path, "/usr/bin/a name with spaces");
    }

    #[test]
    fn what_is_no_profile_or_half_of_one_is_told() {
        assert_eq!("".parse::<Profile>(), Err(ParseError::NoProfile));
        for cut in 30..TEXT.find("maps").unwrap() {
            assert!(TEXT[..cut].parse::<Profile>().is_err(), "{}", &TEXT[..cut]);
        }
        let odd = TEXT.replace("calls 5f", "calls zz");
        assert_eq!(odd.parse::<Profile>(), Err(ParseError::Line("zz".to_owned())));
    }
}
