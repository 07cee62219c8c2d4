//! What a profile says.

/// What was sampled until one moment.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Profile {
    /// The bytes between samples on average.
    pub interval: u64,
    /// Samples that are missing, since there was no memory to note them.
    pub lost: u64,
    /// What all sites have together.
    pub total: [Figures; Quantity::ALL.len()],
    /// Where blocks were allocated.
    pub sites: Vec<Site>,
    /// The files that the process had mapped.
    pub mappings: Vec<Mapping>,
}

/// Where blocks were allocated.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Site {
    /// What it has, by quantity.
    pub figures: [Figures; Quantity::ALL.len()],
    /// The return addresses of the calls that lead there, innermost first.
    pub calls: Vec<u64>,
}

/// What is estimated of one quantity.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Figures {
    /// Bytes that blocks hold.
    pub bytes: u64,
    /// Blocks.
    pub blocks: u64,
    /// How many samples the estimate is made of.
    pub samples: u64,
    /// The standard error of the bytes.
    pub error: f64,
}

/// What a profile has of every site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// What is live.
    Live,
    /// What was live when there was most.
    Peak,
    /// What was allocated in all.
    Allocated,
}

impl Quantity {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Live, Self::Peak, Self::Allocated];
}

/// A file that was mapped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mapping {
    /// The first address.
    pub start: u64,
    /// The address behind the last.
    pub end: u64,
    /// Where in the file it begins, in bytes.
    pub offset: u64,
    /// The file.
    pub path: String,
}

impl Profile {
    /// Returns what all sites have of a quantity.
    pub const fn total(&self, quantity: Quantity) -> Figures {
        self.total[quantity as usize]
    }
}

impl Site {
    /// Returns what it has of a quantity.
    pub const fn figures(&self, quantity: Quantity) -> Figures {
        self.figures[quantity as usize]
    }
}
