//! pprof's format: a message of protocol buffers, compressed.
//!
//! The messages and their numbers are those of `profile.proto` (github.com/google/pprof). Strings are numbers in a
//! table whose first is empty.

mod messages;

use std::{
    collections::HashMap,
    io::{self, Write},
};

use flate2::{Compression, write::GzEncoder};
use prost::Message;

use crate::{
    model::{Mapping, Profile, Quantity, Site},
    pprof::messages as proto,
    symbols::{Frame, Symbols},
};

/// The names by which readers know what a profile has of each quantity.
const NAMES: [(&str, &str); Quantity::ALL.len()] = [
    ("inuse_objects", "inuse_space"),
    ("peak_objects", "peak_space"),
    ("alloc_objects", "alloc_space"),
];

/// Writes a profile in pprof's format: blocks and bytes of each quantity, with the names of functions and lines.
///
/// # Errors
///
/// Those of `out`.
pub fn write_pprof(profile: &Profile, symbols: &mut Symbols, out: impl Write) -> io::Result<()> {
    let mut encoder = GzEncoder::new(out, Compression::default());
    encoder.write_all(&encode(profile, symbols).encode_to_vec())?;
    encoder.finish().map(drop)
}

fn encode(profile: &Profile, symbols: &mut Symbols) -> proto::Profile {
    let mut tables = Tables::default();
    tables.string("");
    tables.message.sample_type = NAMES
        .iter()
        .flat_map(|&(blocks, bytes)| [(blocks, "count"), (bytes, "bytes")])
        .map(|(kind, unit)| tables.value_type(kind, unit))
        .collect();
    tables.message.period_type = Some(tables.value_type("space", "bytes"));
    tables.message.period = signed(profile.interval);
    tables.message.default_sample_type = tables.string(NAMES[Quantity::Live as usize].1);
    for mapping in &profile.mappings {
        tables.add_mapping(mapping);
    }
    for site in &profile.sites {
        let sample = tables.sample(site, symbols, &profile.mappings);
        tables.message.sample.push(sample);
    }
    tables.message
}

/// As the format has it.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A message that grows, and what of it is known already.
#[derive(Default)]
struct Tables {
    message: proto::Profile,
    strings: HashMap<String, i64>,
    functions: HashMap<(String, Option<String>), u64>,
    /// By the call, and how many functions that were inlined there are the allocator's.
    locations: HashMap<(u64, usize), u64>,
}

impl Tables {
    fn string(&mut self, text: &str) -> i64 {
        if let Some(&known) = self.strings.get(text) {
            return known;
        }
        let number = signed(self.message.string_table.len() as u64);
        self.message.string_table.push(text.to_owned());
        self.strings.insert(text.to_owned(), number);
        number
    }

    fn value_type(&mut self, kind: &str, unit: &str) -> proto::ValueType {
        proto::ValueType { kind: self.string(kind), unit: self.string(unit) }
    }

    fn add_mapping(&mut self, mapping: &Mapping) {
        let filename = self.string(&mapping.path);
        let id = self.message.mapping.len() as u64 + 1;
        self.message.mapping.push(proto::Mapping {
            id,
            memory_start: mapping.start,
            memory_limit: mapping.end,
            file_offset: mapping.offset,
            filename,
            has_functions: true,
            has_filenames: true,
            has_line_numbers: true,
            has_inline_frames: true,
        });
    }

    fn sample(
        &mut self,
        site: &Site,
        symbols: &mut Symbols,
        mappings: &[Mapping],
    ) -> proto::Sample {
        let trace = symbols.trace(site);
        let calls = trace.chunk_by(|(one, _), (other, _)| one == other);
        let location_id = calls.map(|frames| self.location(frames, symbols, mappings)).collect();
        let values = |quantity| {
            let figures = site.figures(quantity);
            [signed(figures.blocks), signed(figures.bytes)]
        };
        proto::Sample { location_id, value: Quantity::ALL.into_iter().flat_map(values).collect() }
    }

    /// Returns the location of a call, with the functions that were inlined there.
    fn location(
        &mut self,
        frames: &[(u64, Frame)],
        symbols: &mut Symbols,
        mappings: &[Mapping],
    ) -> u64 {
        let call = frames[0].0;
        let left_out = symbols.frames(call).len().saturating_sub(frames.len());
        if let Some(&known) = self.locations.get(&(call, left_out)) {
            return known;
        }
        let line = frames.iter().map(|(_, frame)| self.line(frame)).collect();
        let mapping = mappings.iter().position(|map| (map.start..map.end).contains(&call));
        let id = self.message.location.len() as u64 + 1;
        let mapping_id = mapping.map_or(0, |index| index as u64 + 1);
        self.message.location.push(proto::Location { id, mapping_id, address: call, line });
        self.locations.insert((call, left_out), id);
        id
    }

    fn line(&mut self, frame: &Frame) -> proto::Line {
        let key = (frame.function.clone(), frame.file.clone());
        let known = self.functions.get(&key).copied();
        let function_id = known.unwrap_or_else(|| {
            let name = self.string(&frame.function);
            let filename = self.string(frame.file.as_deref().unwrap_or_default());
            let id = self.message.function.len() as u64 + 1;
            self.message.function.push(proto::Function { id, name, system_name: name, filename });
            self.functions.insert(key, id);
            id
        });
        proto::Line { function_id, line: i64::from(frame.line) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use stratalloc_arena::{global, profile};

    use super::*;

    #[inline(never)]
    fn keeper(count: usize) -> Vec<*mut u8> {
        (0..count).map(|_| global::allocate(1 << 20, 8)).collect()
    }

    fn decoded(profile: &Profile) -> proto::Profile {
        let mut file = Vec::new();
        write_pprof(profile, &mut Symbols::new(profile), &mut file).unwrap();
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(&*file).read_to_end(&mut bytes).unwrap();
        proto::Profile::decode(&*bytes).unwrap()
    }

    #[test]
    fn what_is_decoded_has_the_figures_and_the_names() {
        profile::start(1 << 10).unwrap();
        let kept = keeper(30);
        let taken = Profile::take().unwrap();
        profile::stop();
        let message = decoded(&taken);
        let text = |number: i64| message.string_table[usize::try_from(number).unwrap()].as_str();
        let kinds: Vec<_> =
            message.sample_type.iter().map(|kind| (text(kind.kind), text(kind.unit))).collect();
        assert_eq!(kinds[..2], [("inuse_objects", "count"), ("inuse_space", "bytes")]);
        assert_eq!((text(message.default_sample_type), message.period), ("inuse_space", 1024));
        let names = |sample: &proto::Sample| -> Vec<&str> {
            let locations = sample.location_id.iter().map(|&id| &message.location[id as usize - 1]);
            let lines = locations.flat_map(|location| &location.line);
            lines.map(|line| text(message.function[line.function_id as usize - 1].name)).collect()
        };
        let is_keepers = |sample: &&proto::Sample| {
            names(sample).iter().any(|name| name.contains("tests::keeper"))
        };
        let keepers: Vec<_> = message.sample.iter().filter(is_keepers).collect();
        assert_eq!(keepers.iter().map(|sample| sample.value[1]).sum::<i64>(), 30 << 20);
        assert_eq!(keepers.iter().map(|sample| sample.value[0]).sum::<i64>(), 30);
        // The allocator's own functions are left out.
        assert!(names(keepers[0])[0].contains("keeper"), "{:?}", names(keepers[0]));
        let folded = crate::folded(&taken, &mut Symbols::new(&taken), Quantity::Live);
        let line = folded.lines().find(|line| line.contains("tests::keeper")).unwrap();
        assert!(line.ends_with(&format!(" {}", 30 << 20)), "{line}");
        for block in kept {
            // SAFETY: live, and not used any more.
            unsafe { global::deallocate(block) };
        }
    }
}
