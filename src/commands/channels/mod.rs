//! Channels: publishing, subscribing, and looking at who does.

pub mod inspect;
pub mod publish;
pub mod subscribe;
