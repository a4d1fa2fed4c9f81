//! The request decoder.
