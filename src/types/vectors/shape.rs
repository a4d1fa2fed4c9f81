//! What the vectors of a set are like: their size, what is kept of them, and how much they are linked.

/// What is kept of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantization {
    /// Numbers of 32 bits.
    None,
    /// A byte per dimension, and the range of the vector.
    Q8,
    /// The sign of each dimension.
    Binary,
}

impl Quantization {
    /// All of them, in the order of the numbers by which files name them.
    pub const ALL: [Quantization; 3] = [Quantization::None, Quantization::Q8, Quantization::Binary];

    /// The name VINFO and VEMB RAW answer with.
    pub fn name(self) -> &'static str {
        match self {
            Quantization::None => "f32",
            Quantization::Q8 => "int8",
            Quantization::Binary => "bin",
        }
    }

    /// The option of VADD that asks for it.
    pub fn option(self) -> &'static str {
        match self {
            Quantization::None => "NOQUANT",
            Quantization::Q8 => "Q8",
            Quantization::Binary => "BIN",
        }
    }

    /// Bytes that are kept of a vector of `dim` dimensions.
    pub fn bytes(self, dim: usize) -> usize {
        match self {
            Quantization::None => 4 * dim,
            Quantization::Q8 => dim,
            Quantization::Binary => dim.div_ceil(64) * 8,
        }
    }
}

/// The fewest links of an element.
pub const LINKS_MIN: u32 = 4;
/// The most links of an element.
pub const LINKS_MAX: u32 = 4096;
/// The links of an element where nothing else is asked for.
pub const LINKS_DEFAULT: u32 = 16;

/// What all vectors of a set have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Dimensions of the vectors that are kept; at least 1.
    pub dim: u32,
    /// What is kept of each.
    pub quantization: Quantization,
    /// M: links of an element on each layer above the lowest, which has twice as many. Between [`LINKS_MIN`] and
    /// [`LINKS_MAX`].
    pub links: u32,
    /// Dimensions of the vectors that are given, where REDUCE projects them onto fewer (or more).
    pub input_dim: Option<u32>,
}

impl Shape {
    /// Dimensions of the vectors that are given.
    pub fn input_dim(&self) -> usize {
        self.input_dim.unwrap_or(self.dim) as usize
    }

    /// Bytes that are kept of each vector.
    pub fn vector_bytes(&self) -> usize {
        self.quantization.bytes(self.dim as usize)
    }
}
