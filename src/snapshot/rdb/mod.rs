//! RDB: Redis' own format of values and of whole data sets.
//!
//! ```text
//! file     "REDIS" version (4 digits) │ record … │ 0xFF │ CRC64 of all before it, 8 bytes LE
//! payload  kind │ value │ version, u16 LE │ CRC64 of all before it, 8 bytes LE          (DUMP, RESTORE)
//! length   00llllll │ 01llllll l │ 0x80 u32 BE │ 0x81 u64 BE │ 11eeeeee: a string in encoding e
//! string   length, bytes │ 0xC0 i8 │ 0xC1 i16 LE │ 0xC2 i32 LE │ 0xC3 packed length, length, LZF
//! ```
//! What is read is hostile until it is proven sound: no announced length reserves memory, every
//! structure is checked whole, and a fault is a [`Damage`] with the offset it was found at.

pub mod aof;
mod checksum;
pub mod file;
pub mod kind;
mod listpack;
mod lzf;
mod old;
pub mod payload;
mod reader;
pub mod value;
mod writer;

pub use checksum::Checksum;
pub use reader::{Damage, Fault, Reader};
pub use value::Value;
pub use writer::{Output, put_text};
