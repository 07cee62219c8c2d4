//! The names of functions, from the files that were mapped.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    rc::Rc,
};

use addr2line::Loader;
use object::{Object, ObjectSegment, ObjectSymbol};

use crate::model::{Mapping, Profile, Site};

/// A function that a call leads through.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame {
    /// Its name, demangled where that is known; or the file and the place in it.
    pub function: String,
    /// The source file, if the program tells.
    pub file: Option<String>,
    /// The line there; zero if it isn't known.
    pub line: u32,
    /// Whether it is this allocator's own, or what a compiler puts between it and the program.
    pub is_allocator: bool,
}

/// Names by address. Files are read as they are needed, and kept.
pub struct Symbols {
    mappings: Vec<Mapping>,
    files: HashMap<String, Option<Rc<Code>>>,
    known: HashMap<u64, Rc<[Frame]>>,
}

/// A file with code.
struct Code {
    loader: Option<Loader>,
    /// Where its pieces lie: the place in the file, the size, and the address that it was linked for.
    segments: Vec<(u64, u64, u64)>,
    /// What other files may call, with its size, by address: what is left of a stripped library.
    exported: BTreeMap<u64, (u64, String)>,
}

impl Code {
    fn read(path: &str) -> Option<Self> {
        let data = fs::read(path).ok()?;
        let file = object::File::parse(&*data).ok()?;
        let place = |segment: object::Segment<'_, '_>| {
            let (offset, size) = segment.file_range();
            (offset, size, segment.address())
        };
        let name = |symbol: object::Symbol<'_, '_>| {
            let is_function = symbol.kind() == object::SymbolKind::Text && symbol.is_definition();
            let name = symbol.name().ok().filter(|_| is_function)?;
            Some((symbol.address(), (symbol.size(), name.to_owned())))
        };
        Some(Self {
            segments: file.segments().map(place).collect(),
            exported: file.dynamic_symbols().filter_map(name).collect(),
            loader: Loader::new(path).ok(),
        })
    }

    /// Returns the address that a place in the file was linked for.
    fn linked(&self, offset: u64) -> Option<u64> {
        let segment =
            |&&(start, size, _): &&(u64, u64, u64)| (start..start + size).contains(&offset);
        self.segments.iter().find(segment).map(|(start, _, address)| offset - start + address)
    }

    /// Returns the functions at a linked address: what was inlined first.
    fn frames(&self, address: u64) -> Vec<Frame> {
        let mut found = Vec::new();
        if let Some(Ok(mut frames)) = self.loader.as_ref().map(|loader| loader.find_frames(address))
        {
            while let Ok(Some(frame)) = frames.next() {
                let Some(name) =
                    frame.function.and_then(|name| Some(name.raw_name().ok()?.into_owned()))
                else {
                    continue;
                };
                let location = frame.location.as_ref();
                let file = location.and_then(|location| location.file).map(str::to_owned);
                let line = location.and_then(|location| location.line).unwrap_or(0);
                found.push(Frame::new(&name, file, line));
            }
        }
        if found.is_empty() {
            let symbol = self.loader.as_ref().and_then(|loader| loader.find_symbol(address));
            let exported = || {
                let (start, (size, name)) = self.exported.range(..=address).next_back()?;
                (address - start < *size).then_some(name.as_str())
            };
            found.extend(symbol.or_else(exported).map(|name| Frame::new(name, None, 0)));
        }
        found
    }
}

impl Frame {
    fn new(name: &str, file: Option<String>, line: u32) -> Self {
        let function = format!("{:#}", rustc_demangle::demangle(name));
        let is_allocator = is_of_allocator(&function);
        Self { function, file, line, is_allocator }
    }
}

/// Returns whether a function allocates for others: ours, and those of Rust's library that lead to it.
///
/// What has the program's own work done in a scope or in a tag isn't: the program calls it, and is called by it.
fn is_of_allocator(function: &str) -> bool {
    let calls_back = ["stratalloc_arena::face::scope::", "stratalloc_arena::face::tag::"];
    if calls_back.iter().any(|begin| function.starts_with(begin)) {
        return false;
    }
    let begins = [
        "stratalloc_arena::",
        "stratalloc::",
        "<stratalloc::",
        "alloc::alloc::",
        "<alloc::alloc::Global",
    ];
    let is = [
        "__rust_alloc",
        "__rust_alloc_zeroed",
        "__rust_realloc",
        "malloc",
        "calloc",
        "realloc",
        "backtrace",
    ];
    begins.iter().any(|begin| function.starts_with(begin))
        || is.contains(&function.trim_start_matches("__rustc::"))
}

impl Symbols {
    /// Those of a profile's files, which are still where they were.
    pub fn new(profile: &Profile) -> Self {
        let mappings = profile.mappings.clone();
        Self { mappings, files: HashMap::new(), known: HashMap::new() }
    }

    /// Returns the functions that a call leads through, given its return address: what was inlined first.
    pub fn frames(&mut self, call: u64) -> Rc<[Frame]> {
        if let Some(known) = self.known.get(&call) {
            return Rc::clone(known);
        }
        let frames: Rc<[Frame]> = self.look_up(call).into();
        self.known.insert(call, Rc::clone(&frames));
        frames
    }

    fn look_up(&mut self, call: u64) -> Vec<Frame> {
        // The call itself is before the address that it returns to.
        let address = call.wrapping_sub(1);
        let Some(mapping) =
            self.mappings.iter().find(|map| (map.start..map.end).contains(&address))
        else {
            return vec![Frame::new(&format!("{call:#x}"), None, 0)];
        };
        let offset = address - mapping.start + mapping.offset;
        let path = mapping.path.as_str();
        let code =
            self.files.entry(path.to_owned()).or_insert_with(|| Code::read(path).map(Rc::new));
        let linked = code.as_ref().and_then(|code| Some((code, code.linked(offset)?)));
        let mut frames = linked.map(|(code, address)| code.frames(address)).unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or(path);
        if frames.is_empty() {
            frames.push(Frame::new(&format!("{name}+{offset:#x}"), None, 0));
        }
        if name.starts_with("libstratalloc.so") {
            for frame in &mut frames {
                frame.is_allocator = true;
            }
        }
        frames
    }

    /// Returns the functions that lead to a site, innermost first, without the allocator's own; with each the call
    /// that it is of.
    pub fn trace(&mut self, site: &Site) -> Vec<(u64, Frame)> {
        let mut trace = Vec::new();
        for &call in &site.calls {
            trace.extend(self.frames(call).iter().map(|frame| (call, frame.clone())));
        }
        let own = trace.iter().take(64).rposition(|(_, frame)| frame.is_allocator);
        trace.split_off(own.map_or(0, |last| last + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_the_programs_work_is_not_of_the_allocator() {
        assert!(is_of_allocator("stratalloc_arena::face::global::allocation::allocate_slow"));
        assert!(is_of_allocator("__rustc::__rust_alloc"));
        assert!(!is_of_allocator("stratalloc_arena::face::tag::run"));
        assert!(!is_of_allocator("stratalloc_arena::face::scope::run"));
        assert!(!is_of_allocator("service::run"));
    }
}
