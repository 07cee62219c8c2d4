//! Allocation traces in the `.rep` format (S3.2).
//!
//! Four header lines (suggested heap size, number of ids, number of requests, weight), then one
//! request a line: `a id size`, `r id size` or `f id`, all numbers decimal.

use std::{
    collections::{HashMap, HashSet},
    str::FromStr,
};

use thiserror::Error;

/// One request of a trace; blocks are named by ids below [`Trace::ids`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// `a id size`: allocate.
    Allocate {
        /// The block's name from here on.
        id: usize,
        /// Bytes.
        size: usize,
    },
    /// `r id size`: reallocate.
    Reallocate {
        /// Which block.
        id: usize,
        /// Its new size in bytes.
        size: usize,
    },
    /// `f id`: free.
    Free {
        /// Which block.
        id: usize,
    },
}

/// A trace that makes sense: every id is allocated before it is reallocated or freed, and not while
/// it is live.
///
/// ```
/// use stratalloc_testkit::{Request, Trace};
///
/// let trace: Trace = "4096\n2\n4\n1\na 0 100\na 1 20\nr 0 300\nf 1\n".parse()?;
/// assert_eq!(trace.requests[2], Request::Reallocate { id: 0, size: 300 });
/// assert_eq!(trace.peak_payload(), 320);
/// # Ok::<(), stratalloc_testkit::TraceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The heap size that the trace suggests, in bytes; most give none that is meant.
    pub suggested_heap: usize,
    /// Ids are below this number.
    pub ids: usize,
    /// The trace's weight in a total; no unit.
    pub weight: usize,
    /// The requests in order.
    pub requests: Vec<Request>,
}

/// Where and why a text is no trace.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("line {line}: {kind}")]
pub struct TraceError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub kind: TraceErrorKind,
}

/// Why a line is none of a trace.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum TraceErrorKind {
    /// The header ends early, or isn't a number a line.
    #[error("not a header of four numbers")]
    Header,
    /// Neither `a id size`, `r id size` nor `f id`.
    #[error("not a request")]
    Request,
    /// An id that isn't below the number of ids.
    #[error("id {0} is out of range")]
    IdOutOfRange(usize),
    /// An id that is allocated while it is live.
    #[error("id {0} is live already")]
    Live(usize),
    /// An id that is freed or reallocated while it isn't live.
    #[error("id {0} is not live")]
    NotLive(usize),
    /// Not as many requests as the header says.
    #[error("{0} requests, not as many as the header says")]
    Count(usize),
}

impl Trace {
    /// Returns the greatest sum of the sizes of blocks that are live at a time (`max P_i`), in bytes; the largest
    /// number if it is more than that.
    pub fn peak_payload(&self) -> usize {
        let mut sizes = HashMap::new();
        let (mut payload, mut peak) = (0_u128, 0);
        for request in &self.requests {
            let (id, size) = match *request {
                Request::Allocate { id, size } | Request::Reallocate { id, size } => {
                    (id, size as u128)
                }
                Request::Free { id } => (id, 0),
            };
            payload += size;
            payload -= sizes.insert(id, size).unwrap_or(0);
            peak = peak.max(payload);
        }
        usize::try_from(peak).unwrap_or(usize::MAX)
    }
}

impl FromStr for Trace {
    type Err = TraceError;

    fn from_str(text: &str) -> Result<Self, TraceError> {
        let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        let mut header = [0; 4];
        for (index, field) in header.iter_mut().enumerate() {
            let (line, text) = lines.next().unwrap_or((index + 1, ""));
            let kind = TraceErrorKind::Header;
            *field = text.parse().map_err(|_| TraceError { line, kind })?;
        }
        let [suggested_heap, ids, count, weight] = header;
        // Nothing is reserved by what the header says: it may say anything.
        let (mut live, mut requests) = (HashSet::new(), Vec::new());
        for (line, text) in lines.filter(|(_, text)| !text.is_empty()) {
            let request = parse_request(text).ok_or(TraceErrorKind::Request);
            let request = request.and_then(|request| check(&mut live, ids, request));
            requests.push(request.map_err(|kind| TraceError { line, kind })?);
        }
        if requests.len() != count {
            return Err(TraceError { line: 3, kind: TraceErrorKind::Count(requests.len()) });
        }
        Ok(Self { suggested_heap, ids, weight, requests })
    }
}

fn parse_request(line: &str) -> Option<Request> {
    let mut words = line.split_ascii_whitespace();
    let verb = words.next()?;
    let id = words.next()?.parse().ok()?;
    let request = match verb {
        "a" => Request::Allocate { id, size: words.next()?.parse().ok()? },
        "r" => Request::Reallocate { id, size: words.next()?.parse().ok()? },
        "f" => Request::Free { id },
        _ => return None,
    };
    words.next().is_none().then_some(request)
}

/// Passes a request that makes sense with these ids live, of so many.
fn check(
    live: &mut HashSet<usize>,
    ids: usize,
    request: Request,
) -> Result<Request, TraceErrorKind> {
    let (Request::Allocate { id, .. } | Request::Reallocate { id, .. } | Request::Free { id }) =
        request;
    if id >= ids {
        return Err(TraceErrorKind::IdOutOfRange(id));
    }
    let makes_sense = match request {
        Request::Allocate { .. } => live.insert(id).then_some(()).ok_or(TraceErrorKind::Live(id)),
        Request::Reallocate { .. } => {
            live.contains(&id).then_some(()).ok_or(TraceErrorKind::NotLive(id))
        }
        Request::Free { .. } => live.remove(&id).then_some(()).ok_or(TraceErrorKind::NotLive(id)),
    };
    makes_sense.map(|()| request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> TraceError {
        text.parse::<Trace>().unwrap_err()
    }

    #[test]
    fn each_mistake_is_named_with_its_line() {
        use TraceErrorKind::{Count, Header, IdOutOfRange, Live, NotLive, Request};
        for (text, line, kind) in [
            ("", 1, Header),
            ("1\n2\nx\n1\n", 3, Header),
            ("1\n2\n1\n1\nb 0 1\n", 5, Request),
            ("1\n2\n1\n1\na 0\n", 5, Request),
            ("1\n2\n1\n1\nf 0 1\n", 5, Request),
            ("1\n2\n1\n1\na 2 8\n", 5, IdOutOfRange(2)),
            ("1\n2\n2\n1\na 1 8\na 1 8\n", 6, Live(1)),
            ("1\n2\n2\n1\na 1 8\nr 0 8\n", 6, NotLive(0)),
            ("1\n2\n3\n1\na 1 8\nf 1\nf 1\n", 7, NotLive(1)),
            ("1\n2\n3\n1\na 1 8\n", 3, Count(1)),
        ] {
            assert_eq!(error(text), TraceError { line, kind }, "{text:?}");
        }
    }

    #[test]
    fn ids_may_be_used_again_and_lines_be_blank() {
        let trace: Trace = "1\n1\n4\n7\n\na 0 8\r\nf 0\na 0 24\nf 0\n".parse().unwrap();
        assert_eq!((trace.requests.len(), trace.weight), (4, 7));
        assert_eq!(trace.peak_payload(), 24);
    }

    /// Numbers that no machine has memory for.
    #[test]
    fn what_the_header_says_costs_nothing() {
        let most = usize::MAX;
        let trace: Trace = format!("1\n{most}\n2\n1\na 7 {most}\na 8 {most}\n").parse().unwrap();
        assert_eq!(trace.peak_payload(), most);
        let kind = TraceErrorKind::Count(1);
        assert_eq!(error(&format!("1\n2\n{most}\n1\na 1 8\n")), TraceError { line: 3, kind });
    }
}
